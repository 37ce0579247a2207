"""What comes of one connection, and where it goes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class TlsVersion(StrEnum):
    """The versions that are tried, each alone."""

    TLS_1_2 = "TLS 1.2"
    TLS_1_3 = "TLS 1.3"


@dataclass(frozen=True)
class Answered:
    """An HTTP response came: the listener let the connection through."""

    status: int
    location: str = ""
    body_start: str = ""


@dataclass(frozen=True)
class Alert:
    """The server ended the connection with a fatal TLS alert.

    `name` is that of RFC 8446 section 6, e.g. unknown_ca. `proven`: the server's certificate had
    been checked by then; before that, anything in between can send one.
    """

    name: str
    proven: bool = True


@dataclass(frozen=True)
class VersionNotOffered:
    """The server does not speak this TLS version; no statement about any certificate."""


@dataclass(frozen=True)
class ServerCertificateInvalid:
    """The server's own certificate did not verify, so nothing was sent to it."""

    reason: str


@dataclass(frozen=True)
class ConnectionFailed:
    """The server said nothing: refused, timed out, closed, or not TLS or HTTP."""

    reason: str
    refused: bool = False


@dataclass(frozen=True)
class NoSession:
    """There is no TLS session to resume, or the server could not be asked for one."""

    reason: str


Outcome = Answered | Alert | VersionNotOffered | ServerCertificateInvalid | ConnectionFailed | NoSession


@dataclass(frozen=True)
class Destination:
    """Where one attempt goes.

    `address` is an IP address; `host` is sent in the Host header, `server_name` as SNI. `any_name`:
    the server's certificate may be of another name, because nobody can have one of this name; its
    CA is checked all the same.
    """

    address: str
    port: int
    server_name: str
    host: str
    path: str
    any_name: bool = False


CLOSED: Final = ConnectionFailed("the connection was closed without an answer or a TLS alert")


TIMED_OUT: Final = ConnectionFailed("no answer in time")
