"""Real TLS handshakes: each credential against nginx and against Python's ssl (OpenSSL strict), in TLS 1.2 and 1.3.

A response is read every time: with TLS 1.3 a handshake that "succeeds" proves nothing (RFC 8446 section 4.4.2.4).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID

from alb_mutual_tls.pki import imposters
from alb_mutual_tls.pki.imposters import Credential
from alb_mutual_tls.pki.signing import Issuer
from tests.unit.pki.material import DAY, authority, client, cross, key, key_pem, name_of, pem

NOW: Final = datetime.now(UTC)
OLD: Final = authority("root a", start=NOW - DAY, end=NOW + 99 * DAY)
NEW: Final = authority("root b", key("RSA2048"), start=NOW - DAY, end=NOW + 99 * DAY)
VERSIONS: Final = {"TLS 1.2": ssl.TLSVersion.TLSv1_2, "TLS 1.3": ssl.TLSVersion.TLSv1_3}
REFUSED: Final = "refused"


def good(issuer: Issuer, *above: x509.Certificate) -> Credential:
    chain = "".join(map(pem, [client(issuer, now=NOW), *above]))
    return Credential("good", chain, key_pem(key("client")))


@cache
def server_certificate() -> str:
    """A self-signed certificate for `localhost`."""
    private_key, name = key("server"), name_of("localhost")
    builder = x509.CertificateBuilder(name, name, private_key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(NOW - DAY).not_valid_after(NOW + DAY)
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    return pem(builder.sign(private_key, hashes.SHA256()))


def server_files(place: Path) -> tuple[Path, Path]:
    (place / "server.crt").write_text(server_certificate())
    (place / "server.key").write_text(key_pem(key("server")))
    return place / "server.crt", place / "server.key"


def knock(port: int, version: ssl.TLSVersion, credential: Credential | None, place: Path) -> str:
    """The status of the response, or `REFUSED` when a TLS alert or the end of the connection came instead."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = context.maximum_version = version
    context.load_verify_locations(cadata=server_certificate())
    if credential is not None:
        file = place / "client.pem"
        file.write_text(credential.certificate_pem + credential.private_key_pem)
        context.load_cert_chain(file)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        try:
            with context.wrap_socket(plain, server_hostname="localhost") as wire:
                wire.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                answer = wire.recv(4096)
        except ssl.SSLCertVerificationError:
            raise  # of the server's certificate: says nothing about ours
        except (ssl.SSLError, ConnectionError):
            return REFUSED
    return answer.split()[1].decode() if answer else REFUSED


# --- nginx


class Nginx:
    """nginx with one port per trusted CA, and further directives for all of them."""

    def __init__(self, place: Path, anchors: list[x509.Certificate], directives: str = "") -> None:
        program = shutil.which("nginx") or shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if program is None:
            pytest.fail("nginx is not installed: apt-get install nginx-light")
        certificate, private_key = server_files(place)
        self._log = place / "error.log"
        self.ports = [_free_port() for _ in anchors]
        servers = []
        for number, (port, anchor) in enumerate(zip(self.ports, anchors, strict=True)):
            (place / f"ca{number}.crt").write_text(pem(anchor))
            servers.append(
                f"server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {certificate}; ssl_certificate_key {private_key}; "
                f"ssl_protocols TLSv1.2 TLSv1.3; ssl_verify_client on; ssl_client_certificate {place}/ca{number}.crt; {directives} "
                'location / { return 200 "old"; } }'
            )
        paths = " ".join(f"{name}_temp_path {place}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        head = [f"daemon off; pid {place}/nginx.pid; error_log {self._log}; events {{}}", f"http {{ access_log off; {paths}"]
        (place / "nginx.conf").write_text("\n".join([*head, *servers, "}"]))
        self._process = subprocess.Popen([program, "-p", str(place), "-e", str(self._log), "-c", str(place / "nginx.conf")])

    def wait(self) -> None:
        deadline = time.monotonic() + 10
        while True:
            assert self._process.poll() is None, self._log.read_text()
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.ports[-1]), timeout=1):
                return
            assert time.monotonic() < deadline, self._log.read_text()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    server = Nginx(tmp_path_factory.mktemp("nginx"), [OLD.certificate, NEW.certificate])
    try:
        server.wait()
        yield server
    finally:
        server.stop()


# --- Python


class PythonServer:
    """One connection after the other, each with its own port and context."""

    def __init__(self, place: Path, anchor: x509.Certificate, version: ssl.TLSVersion) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.minimum_version = self._context.maximum_version = version
        self._context.load_cert_chain(*server_files(place))
        self._context.load_verify_locations(cadata=pem(anchor))
        self._context.verify_mode = ssl.CERT_REQUIRED
        self._context.verify_flags |= ssl.VERIFY_X509_STRICT
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)

    def _serve(self) -> None:
        connection, _ = self._socket.accept()
        with (
            connection,
            contextlib.suppress(ssl.SSLError, ConnectionError),
            self._context.wrap_socket(connection, server_side=True) as wire,
        ):
            wire.recv(4096)
            wire.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nold")

    def __enter__(self) -> int:
        self._thread.start()
        port: int = self._socket.getsockname()[1]
        return port

    def __exit__(self, *_: object) -> None:
        self._thread.join(10)
        self._socket.close()
        assert not self._thread.is_alive()


# --- who is let in


ADMITTED: Final[dict[str, Callable[[], Credential]]] = {
    "a client of the trusted CA": lambda: good(OLD),
    "a client of the new CA with its cross certificate": lambda: good(NEW, cross(OLD, NEW, NOW)),
}
TURNED_AWAY: Final[dict[str, Callable[[], Credential | None]]] = {
    "no certificate": lambda: None,
    "a client of another CA": lambda: good(NEW),
    "a client of another CA with that CA": lambda: good(NEW, NEW.certificate),
    "foreign CA": lambda: imposters.foreign(NOW),
    "self-signed with the CA's name": lambda: imposters.self_signed(pem(OLD.certificate), NOW),
    "tampered signature": lambda: imposters.tampered(good(OLD)),
    "tampered signature of a cross-signed client": lambda: imposters.tampered(good(NEW, cross(OLD, NEW, NOW))),
    "expired": lambda: imposters.expired(OLD, NOW),
    "serverAuth only": lambda: imposters.server_only(OLD, NOW),
    "not yet valid": lambda: imposters.not_yet_valid(OLD, NOW),
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("who", ADMITTED)
def test_nginx_lets_in(nginx: Nginx, who: str, version: str, tmp_path: Path) -> None:
    assert knock(nginx.ports[0], VERSIONS[version], ADMITTED[who](), tmp_path) == "200"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("who", TURNED_AWAY)
def test_nginx_turns_away(nginx: Nginx, who: str, version: str, tmp_path: Path) -> None:
    assert knock(nginx.ports[0], VERSIONS[version], TURNED_AWAY[who](), tmp_path) == "400"


@pytest.mark.parametrize("version", VERSIONS)
def test_after_the_flip_nginx_lets_in_the_same_bundle_and_no_old_client(nginx: Nginx, version: str, tmp_path: Path) -> None:
    assert knock(nginx.ports[1], VERSIONS[version], good(NEW, cross(OLD, NEW, NOW)), tmp_path) == "200"
    assert knock(nginx.ports[1], VERSIONS[version], good(OLD), tmp_path) == "400"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("who", ADMITTED)
def test_strict_openssl_lets_in(who: str, version: str, tmp_path: Path) -> None:
    with PythonServer(tmp_path, OLD.certificate, VERSIONS[version]) as port:
        assert knock(port, VERSIONS[version], ADMITTED[who](), tmp_path) == "200"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("who", TURNED_AWAY)
def test_strict_openssl_turns_away(who: str, version: str, tmp_path: Path) -> None:
    with PythonServer(tmp_path, OLD.certificate, VERSIONS[version]) as port:
        assert knock(port, VERSIONS[version], TURNED_AWAY[who](), tmp_path) == REFUSED
