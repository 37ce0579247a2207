"""One fresh connection, one request, and what came of it.

A TLS 1.3 handshake that "succeeds" proves nothing: the server looks at the client's certificate
after the client's side is done, and says no with an alert or an HTTP 400 (RFC 8446, section 4.4.2.4
and 6). So every attempt reads the response.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import shutil
import socket
import ssl
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.operations.verification.connection import Connection
from alb_mutual_tls.operations.verification.outcome import (
    CLOSED,
    TIMED_OUT,
    Alert,
    ConnectionFailed,
    Destination,
    Outcome,
    ServerCertificateInvalid,
    TlsVersion,
    VersionNotOffered,
)

if TYPE_CHECKING:
    from alb_mutual_tls.pki.forged import ClientCredential

# s to wait for an alert before anything is sent, in the second try after a reset
ALERT_PATIENCE: Final = 1.0
PROTOCOL: Final = {TlsVersion.TLS_1_2: ssl.TLSVersion.TLSv1_2, TlsVersion.TLS_1_3: ssl.TLSVersion.TLSv1_3}


def connect(
    to: Destination, context: ssl.SSLContext | None, timeout: float, session: ssl.SSLSession | None = None
) -> tuple[Outcome, ssl.SSLSession | None]:
    """What comes of a GET, and the TLS session at the end; no context is plain HTTP.

    `timeout` is for the whole attempt, in seconds.
    """
    outcome, kept = _attempt(to, context, timeout, session=session)
    if context is not None and outcome == CLOSED:
        # A server that sends its alert and closes while our request is under way resets the
        # connection, and a reset may overtake the alert; so once more, this time listening before
        # sending.
        outcome, kept = _attempt(to, context, timeout, listen_first=True, session=session)
    return outcome, kept


def _attempt(
    to: Destination,
    context: ssl.SSLContext | None,
    timeout: float,
    *,
    listen_first: bool = False,
    session: ssl.SSLSession | None = None,
) -> tuple[Outcome, ssl.SSLSession | None]:
    deadline = time.monotonic() + timeout
    connection: Connection | None = None
    try:
        with socket.create_connection((to.address, to.port), timeout=timeout) as opened:
            connection = Connection(opened, deadline)
            if context is not None:
                connection.shake_hands(context, to.server_name, session)
            if listen_first:
                connection.listen(ALERT_PATIENCE)
            return connection.get(to), connection.session
    except (OSError, http.client.HTTPException, ValueError) as error:
        outcome = outcome_of(error)
        if isinstance(outcome, Alert) and not (connection and connection.certificate_checked):
            outcome = replace(outcome, proven=False)
        return outcome, connection.session if connection is not None else None


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
        alert_text = re.search(r"\b(?:sslv3|tlsv1|tlsv13) [a-z ]+", str(error))
        reason = alert_text.group().strip().replace(" ", "_").upper() if alert_text else ""
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


def tls_context(
    version: TlsVersion,
    credential: ClientCredential | None,
    ca_file: Path | None,
    *,
    insecure: bool,
    any_name: bool = False,
) -> ssl.SSLContext:
    """A context of one TLS version, for one credential.

    The server's certificate is checked unless `insecure`. `ca_file`: what it must lead to; None for
    the system's roots. `any_name`: its name is not compared. Raises UserError when a file or the
    credential cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = context.maximum_version = PROTOCOL[version]
    context.options |= ssl.OP_NO_TICKET
    context.set_alpn_protocols(["http/1.1"])
    context.check_hostname = False  # else verify_mode could not be changed
    context.verify_mode = ssl.CERT_NONE if insecure else ssl.CERT_REQUIRED
    context.check_hostname = not (insecure or any_name)
    if ca_file is None and not insecure:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    elif ca_file is not None and not insecure:
        try:
            context.load_verify_locations(cafile=ca_file)
        except (OSError, ssl.SSLError) as error:
            raise UserError(
                f"--ca-file {ca_file} cannot be used: {error.strerror or error}; give a PEM file with"
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
    """A file with a credential, in memory where the system can (Linux).

    The ssl module reads credentials from files only.
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
