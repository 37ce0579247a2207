"""Servers that demand a client certificate in a real TLS handshake: nginx, gnutls-serv, and OpenSSL
in this process.

A response is read every time: with TLS 1.3 a handshake that "succeeds" proves nothing (RFC 8446
section 4.4.2.4).
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import cycle
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID

from alb_mutual_tls.pki.forged import ClientCredential
from dev.sandbox.cloud.nginx import VERIFY_DEPTH
from tests.contract.pki.issued import DAY, NOW
from tests.contract.pki.verdict import Verdict
from tests.ports import unused_port
from tests.unit.pki.material import key, key_pem, name_of, pem

VERSIONS: Final = {"TLS 1.2": ssl.TLSVersion.TLSv1_2, "TLS 1.3": ssl.TLSVersion.TLSv1_3}
_REQUEST: Final = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@cache
def server_certificate() -> str:
    """A self-signed certificate for `localhost`."""
    private_key, name = key("server"), name_of("localhost")
    builder = x509.CertificateBuilder(name, name, private_key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(NOW - DAY).not_valid_after(NOW + DAY)
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    return pem(builder.sign(private_key, hashes.SHA256()))


def _server_files(place: Path) -> tuple[Path, Path]:
    (place / "server.crt").write_text(server_certificate())
    (place / "server.key").write_text(key_pem(key("server")))
    return place / "server.crt", place / "server.key"


# --- the client


def client_context(version: str, credential: ClientCredential | None, place: Path) -> ssl.SSLContext:
    """A TLS client that presents what it is given, whatever that is."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = context.maximum_version = VERSIONS[version]
    context.load_verify_locations(cadata=server_certificate())
    if credential is not None:
        file = place / "client.pem"
        file.write_text(credential.certificate_pem + credential.private_key_pem)
        context.load_cert_chain(file)
    return context


def knock(port: int, client: ssl.SSLContext) -> Verdict:
    """Accepted: the response has status 200.

    Refused: 400, with the reason as its content, or a TLS alert.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        try:
            with client.wrap_socket(plain, server_hostname="localhost") as wire:
                wire.sendall(_REQUEST)
                answer = b"".join(iter(lambda: wire.recv(4096), b"")).decode()
        except ssl.SSLCertVerificationError:
            raise  # of the server's certificate: says nothing about ours
        except (ssl.SSLError, ConnectionError) as error:
            return Verdict(False, str(error))
    head, _, content = answer.partition("\r\n\r\n")
    status = head.split()[1:2]
    assert status in (["200"], ["400"]), answer
    return Verdict(True) if status == ["200"] else Verdict(False, content)


# --- servers in processes of their own


class Server:
    """A server that trusts one root, with a port of the loopback interface for each of its
    settings.
    """

    def __init__(self, place: Path, trusted: str, ports: int = 1) -> None:
        self.place = place
        self.certificate, self.private_key = _server_files(place)
        self.trusted = place / "trusted.crt"
        self.trusted.write_text(trusted)
        self.ports = [unused_port() for _ in range(ports)]
        log = place / "log"
        with log.open("w") as output:
            self._process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + 10
        try:
            while not self._listens():
                assert self._process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.005)
        except BaseException:
            self.stop()
            raise

    def command(self) -> Sequence[str]:
        raise NotImplementedError

    def _listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.ports[-1]), timeout=1):
            return True
        return False

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)


class Nginx(Server):
    """nginx, which answers a refused client with OpenSSL's reason.

    For each CA in turn it has a port with the sandbox's `ssl_verify_depth`, and one with nginx's
    own, 1.
    """

    def __init__(self, place: Path, *trusted: str) -> None:
        self._trusted = trusted
        super().__init__(place, "", 2 * len(trusted))

    def _anchors(self) -> Iterator[Path]:
        for number, trusted in enumerate(self._trusted):
            file = self.place / f"trusted{number}.crt"
            file.write_text(trusted)
            yield from (file, file)

    def command(self) -> Sequence[str]:
        paths = " ".join(
            f"{name}_temp_path {self.place}/{name};"
            for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        servers = [
            f"server {{ listen 127.0.0.1:{port} ssl; ssl_client_certificate {trusted}; {depth} error_page 495"
            " 496 =400 @refused; location @refused { return 400 $ssl_client_verify; } location / { return"
            ' 200 "old"; } }'
            for port, trusted, depth in zip(
                self.ports, self._anchors(), cycle((f"ssl_verify_depth {VERIFY_DEPTH};", "")), strict=False
            )
        ]
        lines = [
            f"daemon off; master_process off; pid {self.place}/nginx.pid; error_log stderr; events {{}}",
            f"http {{ access_log off; {paths}",
            (
                f"ssl_certificate {self.certificate}; ssl_certificate_key {self.private_key}; ssl_protocols"
                " TLSv1.2 TLSv1.3;"
            ),
            "ssl_verify_client on;",
            *servers,
            "}",
        ]
        configuration = self.place / "nginx.conf"
        configuration.write_text("\n".join(lines))
        return ["nginx", "-p", str(self.place), "-e", "stderr", "-c", str(configuration)]


class GnutlsServ(Server):
    """gnutls-serv, the server that comes with GnuTLS."""

    def command(self) -> Sequence[str]:
        files = [
            f"--x509cafile={self.trusted}",
            f"--x509certfile={self.certificate}",
            f"--x509keyfile={self.private_key}",
        ]
        demands = ["--http", "--require-client-cert", "--verify-client-cert"]
        return ["gnutls-serv", "--quiet", *demands, f"--port={self.ports[0]}", *files]


# --- OpenSSL in this process


def openssl_context(version: str, trusted: str, place: Path) -> ssl.SSLContext:
    """A TLS server of OpenSSL that reads RFC 5280 strictly."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = VERSIONS[version]
    context.load_cert_chain(*_server_files(place))
    context.load_verify_locations(cadata=trusted)
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext) -> Verdict:
    """A handshake in memory. Its end is the server's to say, so no response is needed."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    here = server.wrap_bio(to_server, to_client, server_side=True)
    there = client.wrap_bio(to_client, to_server, server_hostname="localhost")
    for _ in range(4):
        with contextlib.suppress(ssl.SSLWantReadError):
            there.do_handshake()
        try:
            here.do_handshake()
            return Verdict(True)
        except ssl.SSLWantReadError:
            continue
        except ssl.SSLCertVerificationError as error:
            return Verdict(False, error.verify_message)
        except ssl.SSLError as error:
            return Verdict(False, error.reason)
    raise AssertionError("the handshake does not end")
