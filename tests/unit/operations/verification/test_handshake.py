"""What errors of the ssl, socket and http modules say about a server."""

from __future__ import annotations

import errno
import http.client
import os
import ssl
import stat
import tempfile
from pathlib import Path

import pytest

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.operations.verification import connection, handshake, outcome
from alb_mutual_tls.operations.verification.handshake import outcome_of
from alb_mutual_tls.operations.verification.outcome import (
    CLOSED,
    Alert,
    ConnectionFailed,
    Outcome,
    ServerCertificateInvalid,
    TlsVersion,
    VersionNotOffered,
)
from alb_mutual_tls.pki.forged import ClientCredential
from alb_mutual_tls.text import printable
from tests.unit.pki.material import authority, client, key, key_pem, pem


def tls_error(reason: str | None, text: str = "") -> ssl.SSLError:
    error = ssl.SSLError(1, text)
    error.reason = reason  # type: ignore[assignment]
    return error


def invalid(message: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = message
    return error


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (tls_error("TLSV1_ALERT_UNKNOWN_CA"), Alert("unknown_ca")),
        (tls_error("TLSV13_ALERT_CERTIFICATE_REQUIRED"), Alert("certificate_required")),
        (tls_error("SSLV3_ALERT_HANDSHAKE_FAILURE"), Alert("handshake_failure")),
        (tls_error("SSLV3_ALERT_BAD_CERTIFICATE"), Alert("bad_certificate")),
        (tls_error("SSLV3_ALERT_CERTIFICATE_EXPIRED"), Alert("certificate_expired")),
        (tls_error("TLSV1_UNRECOGNIZED_NAME"), Alert("unrecognized_name")),
        (
            tls_error(None, "[SSL] tlsv13 alert certificate required (_ssl.c:2580)"),
            Alert("certificate_required"),
        ),
        (tls_error("TLSV1_ALERT_PROTOCOL_VERSION"), VersionNotOffered()),
        (tls_error("UNSUPPORTED_PROTOCOL"), VersionNotOffered()),
        (tls_error("WRONG_VERSION_NUMBER"), ConnectionFailed("what answers does not speak TLS")),
        (
            tls_error("NO_PROTOCOLS_AVAILABLE"),
            ConnectionFailed("the TLS handshake failed here: no protocols available"),
        ),
        (invalid("Hostname mismatch"), ServerCertificateInvalid("Hostname mismatch")),
        (ssl.SSLEOFError(8, "EOF occurred in violation of protocol"), CLOSED),
        (ssl.SSLZeroReturnError(6, "closed"), CLOSED),
        (ConnectionResetError(), CLOSED),
        (BrokenPipeError(), CLOSED),
        (http.client.RemoteDisconnected(""), CLOSED),
        (TimeoutError(), ConnectionFailed("no answer in time")),
        (ConnectionRefusedError(), ConnectionFailed("connection refused", refused=True)),
        (
            OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH)),
            ConnectionFailed("Network is unreachable"),
        ),
        (UnicodeError("label too long"), ConnectionFailed("the host's name cannot be sent: label too long")),
        (http.client.BadStatusLine("SSH-2.0"), ConnectionFailed("what came back is not HTTP/1.1")),
    ],
)
def test_an_error_is_an_alert_only_when_the_server_sent_one(error: Exception, outcome: Outcome) -> None:
    assert outcome_of(error) == outcome


def test_a_key_never_touches_the_disk_where_the_system_has_files_in_memory() -> None:
    with handshake._private_file("secret") as name:
        assert name.startswith("/proc/self/fd/")
        assert Path(name).read_text() == "secret"
    assert not Path(name).exists()


def test_elsewhere_a_key_is_in_a_private_file_that_is_gone_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delattr(os, "memfd_create")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with handshake._private_file("secret") as name:
        path = Path(name)
        assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode)) == (0o600, 0o700)
        assert path.read_text() == "secret"
    assert list(tmp_path.iterdir()) == []


def test_a_credential_that_openssl_cannot_use_is_told_once_with_openssls_reason() -> None:
    issuer = authority()
    given = ClientCredential("of partner.crt", pem(client(issuer)), key_pem(key("another one")))
    with pytest.raises(UserError) as raised:
        handshake.tls_context(TlsVersion.TLS_1_3, given, None, insecure=True)
    assert str(raised.value).startswith(
        "OpenSSL cannot use the certificate and key of partner.crt: key values mismatch; give "
    )


def test_text_from_a_server_cannot_steer_a_terminal() -> None:
    assert printable("a\x1b[31mb\r\n\tc\x07 \u202ed") == "a [31mb c d"


@pytest.mark.parametrize(
    ("path", "host", "head"),
    [
        ("/", "demo.alb.ingress.top", "GET / HTTP/1.1\r\nHost: demo.alb.ingress.top\r\n"),
        ("/a b?c=d%20e&f", "h:8443", "GET /a%20b?c=d%20e&f HTTP/1.1\r\nHost: h:8443\r\n"),
        ("/\r\nX: y", "h", "GET /%0D%0AX:%20y HTTP/1.1\r\nHost: h\r\n"),
        ("/ä", "bücher.example", "GET /%C3%A4 HTTP/1.1\r\nHost: xn--bcher-kva.example\r\n"),
    ],
)
def test_path_and_host_are_sent_as_http_wants_them(path: str, host: str, head: str) -> None:
    assert (
        connection.request(outcome.Destination("127.0.0.1", 443, host, host, path))
        .decode("ascii")
        .startswith(head)
    )
