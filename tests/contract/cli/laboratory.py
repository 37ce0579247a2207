"""Real TLS servers with certificates of their own: nginx as ALB's relative, and OpenSSL's way of
refusing by alert.
"""

from __future__ import annotations

import datetime as dt
import http.server
import json
import os
import signal
import socket
import socketserver
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.ports import unused_port

HOST: Final = "demo.alb.ingress.top"
ON: Final = "ssl_client_certificate {folder}/client-ca.crt; ssl_verify_client on;"
"""nginx directives, with a place for the folder of the certificates."""
CLUSTER_UID: Final = "3f0c"
REDIRECT: Final = "return 301 https://$host$request_uri;"


@dataclass(frozen=True)
class Authority:
    """A root CA made for one test session."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def make(cls, common_name: str) -> Authority:
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name(common_name)
        basic = x509.BasicConstraints(ca=True, path_length=None)
        certificate = _builder(name, name, key).add_extension(basic, critical=True).sign(key, hashes.SHA256())
        return cls(certificate, key)

    def issue(self, common_name: str, *, server: bool = False) -> tuple[str, str]:
        """Certificate and private key (PEM) of a client, or of a server for HOST."""
        key = ec.generate_private_key(ec.SECP256R1())
        usage = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
        alternative: x509.GeneralName = (
            x509.DNSName(HOST) if server else x509.UniformResourceIdentifier(f"spiffe://test/{common_name}")
        )
        certificate = (
            _builder(_name(common_name), self.certificate.subject, key)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        return _pem(certificate), key_pem(key)

    @property
    def pem(self) -> str:
        return _pem(self.certificate)

    @property
    def key_pem(self) -> str:
        return key_pem(self.key)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(days=1))
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


@dataclass(frozen=True)
class Laboratory:
    """The CAs and files of one test, and the servers it starts."""

    folder: Path
    client_ca: Authority
    other_ca: Authority
    server_ca: Authority
    stack: ExitStack

    @property
    def server_ca_file(self) -> Path:
        return self.folder / "server-ca.crt"

    def nginx(
        self,
        directives: str,
        *,
        clear: str = REDIRECT,
        protocols: str = "TLSv1.2 TLSv1.3",
        at: str = "127.0.0.1",
        port: int = 0,
    ) -> Ports:
        """An nginx with an HTTPS and an HTTP server, which answer `old` unless `directives` and
        `clear` say otherwise.

        Its HTTP port is the higher one, so that it is still a port when HTTPS is taken for 443.
        """
        one, other = sorted((unused_port(), unused_port()))
        ports = Ports(port or one, other)
        folder = self._nginx_folder(ports, at)
        folder.mkdir(exist_ok=True)  # left there where a start on a given port failed
        (folder / "nginx.conf").write_text(
            self._configuration(ports, directives, clear=clear, protocols=protocols, at=at)
        )
        process = subprocess.Popen(
            ["nginx", "-p", folder, "-c", folder / "nginx.conf", "-e", folder / "error.log"],
            stderr=subprocess.PIPE,
        )
        self.stack.callback(_stop, process)
        wait_for_port(at, ports.https, process)
        return ports

    def reload(self, ports: Ports, directives: str) -> None:
        """Let an nginx that runs serve other directives; returns when its workers of before have
        ended.
        """
        folder = self._nginx_folder(ports, "127.0.0.1")
        (folder / "nginx.conf").write_text(self._configuration(ports, directives))
        master = int((folder / "pid").read_text())
        children = Path(f"/proc/{master}/task/{master}/children")
        before = set(children.read_text().split())
        os.kill(master, signal.SIGHUP)
        wait_until(lambda: bool(now := set(children.read_text().split())) and not now & before)

    def _nginx_folder(self, ports: Ports, at: str) -> Path:
        return self.folder / f"nginx-{at}-{ports.https}"

    def _configuration(
        self,
        ports: Ports,
        directives: str,
        *,
        clear: str = REDIRECT,
        protocols: str = "TLSv1.2 TLSv1.3",
        at: str = "127.0.0.1",
    ) -> str:
        folder = self._nginx_folder(ports, at)
        answer = 'location / { return 200 "old\\n"; }'
        return f"""
            daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1;
            events {{}}
            http {{
                access_log off;
                client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
                uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
                ssl_certificate {self.folder}/server.crt; ssl_certificate_key {self.folder}/server.key;
                ssl_protocols {protocols};
                server {{ listen {at}:{ports.https} ssl; server_name {HOST}; {directives} {answer} }}
                server {{ listen {at}:{ports.http}; server_name {HOST}; {clear} {answer} }}
            }}"""

    def openssl_like(self, minimum: ssl.TLSVersion) -> int:
        """A server that refuses with a TLS alert, as OpenSSL does where the application does not
        take the decision over.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = minimum
        context.load_cert_chain(self.folder / "server.crt", self.folder / "server.key")
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(self.folder / "client-ca.crt")
        return self._serve(_TlsServer(("127.0.0.1", 0), _Old, context))

    def answering_with_an_alert(self) -> int:
        """A server that answers whatever comes with the TLS alert handshake_failure (RFC 8446
        section 6) and nothing else.
        """

        class Alerting(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                self.request.recv(65536)
                self.request.sendall(bytes((21, 3, 3, 0, 2, 2, 40)))

        return self._serve(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Alerting))

    def openssl_pair(self) -> tuple[int, int]:
        """Two listeners with one OpenSSL context, and so with the same session tickets: the first
        asks everybody for a certificate, the second nobody.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "server.crt", self.folder / "server.key")
        context.load_verify_locations(self.folder / "client-ca.crt")
        turn = threading.Lock()
        asks, open_to_all = (
            _TlsServer(("127.0.0.1", 0), _Old, context, mode, turn)
            for mode in (ssl.CERT_REQUIRED, ssl.CERT_NONE)
        )
        return self._serve(asks), self._serve(open_to_all)

    def cluster(self, *listeners: dict[str, Any], listen_ports: Sequence[dict[str, int]]) -> Path:
        """The kubeconfig of an API server with one AlbConfig of these listeners and an Ingress for
        HOST on these ports.
        """
        annotations = {"alb.ingress.kubernetes.io/listen-ports": json.dumps(listen_ports)}
        ingress = {
            "metadata": {"name": "https-ingress", "namespace": "default", "annotations": annotations},
            "spec": {"ingressClassName": "alb", "rules": [{"host": HOST}]},
        }
        parameters = {"apiGroup": "alibabacloud.com", "kind": "AlbConfig", "name": "alb"}
        ingress_class = {
            "metadata": {"name": "alb"},
            "spec": {"controller": "ingress.k8s.alibabacloud/alb", "parameters": parameters},
        }
        albconfig = {
            "metadata": {"name": "alb"},
            "spec": {"listeners": list(listeners)},
            "status": {"loadBalancer": {"dnsname": "localhost"}},
        }
        answers = {
            "/api/v1/namespaces/kube-system": {"metadata": {"uid": CLUSTER_UID}},
            "/apis/networking.k8s.io/v1/ingressclasses": {"items": [ingress_class]},
            "/apis/networking.k8s.io/v1/ingresses": {"items": [ingress]},
            "/apis/alibabacloud.com/v1/albconfigs/alb": albconfig,
        }

        class Api(_Quiet):
            def do_GET(self) -> None:
                answer = answers.get(self.path.partition("?")[0])
                self.answer(
                    200 if answer else 404,
                    json.dumps(answer or {"kind": "Status"}).encode(),
                    "application/json",
                )

        port = self._serve(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api))
        named = {
            "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
            "contexts": [{"name": "c", "context": {"cluster": "c"}}],
            "current-context": "c",
        }
        path = self.folder / "kubeconfig"
        path.write_text(json.dumps(named))
        return path

    def _serve(self, server: socketserver.TCPServer) -> int:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        for step in (server.server_close, thread.join, server.shutdown):  # the last one first
            self.stack.callback(step)
        port: int = server.server_address[1]
        return port


@dataclass(frozen=True)
class Ports:
    https: int
    http: int


class _TlsServer(http.server.ThreadingHTTPServer):
    daemon_threads = False

    def __init__(
        self,
        address: tuple[str, int],
        handler: type[http.server.BaseHTTPRequestHandler],
        context: ssl.SSLContext,
        mode: ssl.VerifyMode = ssl.CERT_REQUIRED,
        turn: threading.Lock | None = None,
    ) -> None:
        """`mode` holds for this server's connections, also where another one shares the context,
        which takes `turn`s with it.
        """
        super().__init__(address, handler)
        self._context = context
        self._mode = mode
        self._turn = turn or threading.Lock()

    def finish_request(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        assert isinstance(request, socket.socket)
        request.settimeout(5)
        try:
            with self._turn:
                self._context.verify_mode = self._mode
                wrapped = self._context.wrap_socket(request, server_side=True, do_handshake_on_connect=False)
            with wrapped as connection:
                connection.do_handshake()
                super().finish_request(connection, client_address)
        except OSError:
            return  # the refusal went out as an alert; there is nobody to answer


class _Quiet(http.server.BaseHTTPRequestHandler):
    def answer(self, status: int, body: bytes, kind: str = "text/plain") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        return None


class _Old(_Quiet):
    def do_GET(self) -> None:
        self.answer(200, b"old\n")


def wait_for_port(address: str, port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        assert process.poll() is None, process.stderr.read().decode() if process.stderr else "it ended"
        try:
            socket.create_connection((address, port), timeout=1).close()
        except ConnectionRefusedError:
            time.sleep(0.01)
        else:
            return
    raise AssertionError(f"nothing listens on port {port}")


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline, "it did not come to hold"
        time.sleep(0.01)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(timeout=10)
    if process.stderr:
        process.stderr.close()


def mtls(
    laboratory: Laboratory, environment: dict[str, str], *arguments: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "alb_mutual_tls.cli", *arguments],
        env=environment,
        cwd=laboratory.folder,
        capture_output=True,
        text=True,
        timeout=60,
    )
