"""One fresh connection, one request, and what came of it.

A TLS 1.3 handshake that "succeeds" proves nothing: the server looks at the client's certificate
after the client's side is done, and says no with an alert or an HTTP 400 (RFC 8446, section 4.4.2.4
and 6). So every attempt reads the response. Contexts and sessions are never shared, so no attempt
can be let in by a resumed session, but for those that try just that.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import os
import re
import select
import shutil
import socket
import ssl
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import quote

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.operations.verification.outcome import (
    CLOSED,
    TIMED_OUT,
    Alert,
    Answered,
    ConnectionFailed,
    Destination,
    NoSession,
    Outcome,
    ServerCertificateInvalid,
    TlsVersion,
    VersionNotOffered,
)
from alb_mutual_tls.text import printable

if TYPE_CHECKING:
    from alb_mutual_tls.pki.imposters import ClientCredential

BODY_LIMIT: Final = 2048
# s to wait for an alert before anything is sent, in the second try after a reset
ALERT_PATIENCE: Final = 1.0


PROTOCOL: Final = {TlsVersion.TLS_1_2: ssl.TLSVersion.TLSv1_2, TlsVersion.TLS_1_3: ssl.TLSVersion.TLSv1_3}


@dataclass(frozen=True)
class Trust:
    """How the server's certificate is checked: against `ca_file` (system's roots if None), or not
    at all if insecure.
    """

    ca_file: Path | None = None
    insecure: bool = False


def request_over_tls(
    to: Destination, version: TlsVersion, credential: ClientCredential | None, trust: Trust, timeout: float
) -> Outcome:
    """Connect, shake hands with `credential` (None = no client certificate), send a GET and read
    the response.

    `timeout` is for the whole attempt, in seconds. Raises UserError when the credential or CA file
    cannot be used.
    """
    return _insistent(to, _context(version, credential, trust), trust, timeout)[0]


def resume_over_tls(
    first: Destination, to: Destination, version: TlsVersion, trust: Trust, timeout: float
) -> Outcome:
    """Get a TLS session at `first` without a client certificate, and come back with it to `to`,
    without one again.

    `timeout` is for each of the two connections, in seconds.
    """
    kept = keep_session(first, version, trust, timeout)
    return kept if isinstance(kept, NoSession) else kept.resume(to, timeout)


@dataclass(frozen=True)
class KeptSession:
    """A TLS session (RFC 5246 section 7.3, RFC 5077, RFC 8446 section 2.2) of somebody without a
    client certificate.
    """

    _context: ssl.SSLContext
    _session: ssl.SSLSession
    _trust: Trust

    def resume(self, to: Destination, timeout: float) -> Outcome:
        """Offer the session to a server, which may take it or shake hands anew, send a GET and read
        the response; `timeout` in seconds.
        """
        return _insistent(to, self._context, self._trust, timeout, self._session)[0]


def keep_session(
    to: Destination, version: TlsVersion, trust: Trust, timeout: float
) -> KeptSession | NoSession:
    """The session that a server gives to somebody without a client certificate, whatever it
    answers; `timeout` in seconds.
    """
    context = _context(version, None, trust)
    context.options &= ~ssl.OP_NO_TICKET
    outcome, session = _insistent(to, context, trust, timeout)
    if session is not None and (session.has_ticket or (session.id and version is TlsVersion.TLS_1_2)):
        return KeptSession(context, session, trust)
    match outcome:
        case VersionNotOffered():
            return NoSession("this TLS version is not spoken there")
        case ConnectionFailed(reason) | ServerCertificateInvalid(reason):
            return NoSession(f"no TLS session was to be had there: {reason}")
        case _:
            return NoSession("nobody without a certificate is given a TLS session there")


def _insistent(
    to: Destination,
    context: ssl.SSLContext,
    trust: Trust,
    timeout: float,
    session: ssl.SSLSession | None = None,
) -> tuple[Outcome, ssl.SSLSession | None]:
    context.check_hostname = False  # else verify_mode could not be changed
    context.verify_mode = ssl.CERT_NONE if trust.insecure else ssl.CERT_REQUIRED
    context.check_hostname = not (trust.insecure or to.any_name)
    outcome, made = _attempt(to, context, timeout, session=session)
    if outcome == CLOSED:
        # A server that sends its alert and closes while our request is under way resets the
        # connection, and a reset may overtake the alert; so once more, this time listening before
        # sending.
        outcome, made = _attempt(to, context, timeout, listen_first=True, session=session)
    return outcome, made


def request_in_clear(to: Destination, timeout: float) -> Outcome:
    """Send a GET over plain HTTP and read the response; `timeout` is for the whole attempt, in
    seconds.
    """
    return _attempt(to, None, timeout)[0]


LOCAL_VERSION_REASONS: Final = frozenset({"UNSUPPORTED_PROTOCOL", "WRONG_SSL_VERSION"})
ALERT_REASON: Final = re.compile(r"(?:SSLV3|TLSV1|TLSV13)_(?:ALERT_)?(?P<name>[A-Z0-9_]+)")


def outcome_of(error: Exception) -> Outcome:
    """What an exception of the ssl, socket or http module says about the server."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return ServerCertificateInvalid(error.verify_message or "it does not verify")
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError | ConnectionResetError | BrokenPipeError):
        return CLOSED
    if isinstance(error, ssl.SSLError):
        return _outcome_of_tls_error(error)
    if isinstance(error, TimeoutError):
        return TIMED_OUT
    if isinstance(error, ConnectionRefusedError):
        return ConnectionFailed("connection refused", refused=True)
    if isinstance(error, OSError):
        return ConnectionFailed(error.strerror or str(error))
    if isinstance(error, ValueError):
        return ConnectionFailed(f"the host's name cannot be sent: {error}")
    return ConnectionFailed("what came back is not HTTP/1.1")


def _outcome_of_tls_error(error: ssl.SSLError) -> Outcome:
    reason = str(error.reason or "")
    if not reason:
        # Python's table of reasons may be older than the OpenSSL it runs with; then only the text
        # has it.
        found = re.search(r"\b(?:sslv3|tlsv1|tlsv13) [a-z ]+", str(error))
        reason = found.group().strip().replace(" ", "_").upper() if found else ""
    if reason in LOCAL_VERSION_REASONS or reason.endswith("ALERT_PROTOCOL_VERSION"):
        return VersionNotOffered()
    alert = ALERT_REASON.fullmatch(reason)
    if alert:
        return Alert(alert.group("name").lower())
    if reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"):
        return ConnectionFailed("what answers does not speak TLS")
    return ConnectionFailed(
        f"the TLS handshake failed here: {(reason or str(error)).replace('_', ' ').lower()}"
    )


def _context(version: TlsVersion, credential: ClientCredential | None, trust: Trust) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = context.maximum_version = PROTOCOL[version]
    context.options |= ssl.OP_NO_TICKET
    context.set_alpn_protocols(["http/1.1"])
    if trust.ca_file is None and not trust.insecure:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    elif trust.ca_file is not None and not trust.insecure:
        try:
            context.load_verify_locations(cafile=trust.ca_file)
        except (OSError, ssl.SSLError) as error:
            raise UserError(
                f"--ca-file {trust.ca_file} cannot be used: {error.strerror or error}; give a PEM file with"
                " CA certificates"
            ) from None
    if credential is not None:
        with _private_file(credential.certificate_pem + "\n" + credential.private_key_pem) as file:
            try:
                context.load_cert_chain(file, password=_no_password)
            except (ssl.SSLError, OSError) as error:
                reason = getattr(error, "reason", None)
                why = reason.replace("_", " ").lower() if reason else error.strerror or error
                raise UserError(
                    f"OpenSSL cannot use the certificate and key of {credential.name.removeprefix('of ')}:"
                    f" {why}; give a certificate that ALB takes with its own private key, both PEM, the key"
                    " unencrypted"
                ) from None
    return context


def _no_password() -> str:
    raise OSError("the private key is encrypted")


@contextlib.contextmanager
def _private_file(text: str) -> Iterator[str]:
    """The ssl module reads credentials from files only; this one lives in memory where the system
    can (Linux).
    """
    memfd_create = getattr(os, "memfd_create", None)
    if memfd_create is not None and Path("/proc/self/fd").is_dir():
        descriptor = memfd_create("mtls-client", os.MFD_CLOEXEC)
        try:
            with open(descriptor, "w", closefd=False, encoding="utf-8") as file:
                file.write(text)
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
        return
    folder = tempfile.mkdtemp(prefix="mtls-")  # mode 0700
    try:
        path = Path(folder, "client.pem")
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")
        yield str(path)
    finally:
        shutil.rmtree(folder)


def _attempt(
    to: Destination,
    context: ssl.SSLContext | None,
    timeout: float,
    *,
    listen_first: bool = False,
    session: ssl.SSLSession | None = None,
) -> tuple[Outcome, ssl.SSLSession | None]:
    """What came of it, and the TLS session as it was at the end."""
    deadline = time.monotonic() + timeout
    wire: _Wire | None = None
    try:
        with socket.create_connection((to.address, to.port), timeout=timeout) as connection:
            wire = _Wire(connection, deadline)
            if context is not None:
                wire.shake_hands(context, to.server_name, session)
            if listen_first:
                wire.listen(ALERT_PATIENCE)
            wire.send(_get(to))
            return _response(wire), wire.session
    except (OSError, http.client.HTTPException, ValueError) as error:
        outcome = outcome_of(error)
        if isinstance(outcome, Alert) and not (wire and wire.certificate_checked):
            outcome = replace(outcome, proven=False)
        return outcome, wire.session if wire is not None else None


def request_target(path: str) -> str:
    """A path with its query as a request line has it (RFC 3986, section 3.3); what is escaped
    already stays as it is.
    """
    return quote(path, safe="%/?:@!$&'()*+,;=~")


def _get(to: Destination) -> bytes:
    host = to.host.encode("idna").decode("ascii")
    lines = [
        f"GET {request_target(to.path)} HTTP/1.1",
        f"Host: {host}",
        "User-Agent: mtls-verify",
        "Accept: */*",
        "Connection: close",
        "",
        "",
    ]
    return "\r\n".join(lines).encode("ascii")


def _response(wire: _Wire) -> Answered:
    # http.client wants a socket only to call makefile on it.
    response = http.client.HTTPResponse(cast("Any", wire), method="GET")
    response.begin()
    body = b""
    with contextlib.suppress(
        OSError, http.client.HTTPException
    ):  # a status is an answer, however the body ends
        while len(body) < BODY_LIMIT and (part := response.read1(BODY_LIMIT - len(body))):
            body += part
    return Answered(
        response.status,
        printable(response.headers.get("Location", "")),
        printable(body.decode("utf-8", "replace")),
    )


class _Wire(io.RawIOBase):
    """A socket, with or without TLS, under one deadline.

    Bytes that arrived are read even after sending failed.
    """

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._socket = connection
        self._deadline = deadline
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls: ssl.SSLObject | None = None

    @property
    def session(self) -> ssl.SSLSession | None:
        try:
            return self._tls.session if self._tls is not None else None
        except ValueError:  # there is none before the handshake is done
            return None

    @property
    def certificate_checked(self) -> bool:
        """Whether the handshake came as far as our own Finished, which is sent after the server's
        certificate was looked at.

        This value is that message of ours (RFC 5929 section 3); unlike the peer's certificate it
        can also be had where the handshake then failed.
        """
        return self._tls is not None and bool(self._tls.get_channel_binding("tls-unique"))

    def shake_hands(self, context: ssl.SSLContext, server_name: str, session: ssl.SSLSession | None) -> None:
        self._tls = context.wrap_bio(
            self._incoming, self._outgoing, server_hostname=server_name, session=session
        )
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flush()
                self._fetch()
            else:
                self._flush()
                return

    def listen(self, seconds: float) -> None:
        """Wait for whatever the server says after the handshake; raises the alert if that is what
        it is.
        """
        until = min(time.monotonic() + seconds, self._deadline)
        while self._tls is not None and (left := until - time.monotonic()) > 0:
            if select.select([self._socket], [], [], left)[0]:
                self._fetch()
                with contextlib.suppress(ssl.SSLWantReadError):
                    self._tls.read(1)

    def send(self, data: bytes) -> None:
        if self._tls is None:
            self._socket.settimeout(self._left())
            self._socket.sendall(data)
            return
        self._tls.write(data)
        self._flush()

    def makefile(self, mode: str) -> io.BufferedReader:
        assert mode == "rb"
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._tls is None:
            self._socket.settimeout(self._left())
            return self._socket.recv_into(buffer)
        while True:
            try:
                data = self._tls.read(len(buffer))
            except ssl.SSLWantReadError:
                self._fetch()
            except ssl.SSLZeroReturnError:
                return 0
            else:
                buffer[: len(data)] = data
                return len(data)

    def _fetch(self) -> None:
        self._socket.settimeout(self._left())
        data = self._socket.recv(65536)
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    def _flush(self) -> None:
        self._socket.settimeout(self._left())
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            self._socket.sendall(self._outgoing.read())

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("no answer in time")
        return left
