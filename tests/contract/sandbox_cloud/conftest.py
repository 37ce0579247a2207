"""A CA with clients, the OpenAPI endpoint with its official clients, and a controller."""

from __future__ import annotations

import datetime
import importlib
import random
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_tea_openapi.utils_models import Config
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from dev.sandbox.cloud import seeds
from dev.sandbox.cloud.backends import Backends
from dev.sandbox.cloud.openapi import OpenApiServer
from dev.sandbox.layout import ACCESS_KEY_ID, ACCESS_KEY_SECRET, Layout
from tests.contract.sandbox_cloud.controllers import (
    ALBCONFIGS,
    CLASSES,
    INGRESSES,
    PlayedCluster,
    Sandbox,
    controlling,
    serving_nginx,
    until,
)
from tests.ports import unused_base


@dataclass(frozen=True)
class Authority:
    """A self-signed CA in memory."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def client(self, directory: Path, name: str) -> Path:
        """Issue a client certificate; returns a file with certificate and key."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _certificate(name, self.certificate.subject, key.public_key(), self.key, ca=False)
        file = directory / f"{name}.pem"
        file.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return file


def authority(name: str, *, ca: bool = True) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    return Authority(key, _certificate(name, subject, key.public_key(), key, ca=ca))


def _certificate(
    name: str,
    issuer: x509.Name,
    public: ec.EllipticCurvePublicKey,
    signer: ec.EllipticCurvePrivateKey,
    *,
    ca: bool,
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .sign(signer, hashes.SHA256())
    )


@pytest.fixture(scope="session")
def good() -> Authority:
    return authority("good root")


@pytest.fixture(scope="session")
def foreign() -> Authority:
    return authority("foreign root")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OpenApiServer]:
    """The endpoint, as strict as it is."""
    with OpenApiServer(tmp_path) as running:
        yield running


Connect = Callable[..., Any]


@pytest.fixture
def connect(server: OpenApiServer) -> Connect:
    """Make an official client of a product (`cas`, `private-ca`, `alb`, `sts`), with fields of its
    configuration changed.
    """

    def connected(product: str, **changed: Any) -> Any:
        module = {
            "cas": "alibabacloud_cas20200407",
            "private-ca": "alibabacloud_cas20200630",
            "alb": "alibabacloud_alb20200616",
            "sts": "alibabacloud_sts20150401",
        }[product]
        fields = {
            "endpoint": server.address,
            "protocol": "HTTP",
            "access_key_id": ACCESS_KEY_ID,
            "access_key_secret": ACCESS_KEY_SECRET,
        }
        return importlib.import_module(f"{module}.client").Client(Config(**{**fields, **changed}))

    return connected


@pytest.fixture
def cas(connect: Connect) -> Any:
    return connect("cas")


@pytest.fixture
def alb(connect: Connect) -> Any:
    return connect("alb")


@pytest.fixture
def sts(connect: Connect) -> Any:
    return connect("sts")


_TO_LISTENERS = 5_000
"""From a sandbox's own ports to those of its listeners."""


@pytest.fixture
def free_layout(tmp_path: Path) -> Iterator[Layout]:
    """A sandbox's directory with ports that are free."""
    bases = list(range(21_000, 26_000, 500))
    random.shuffle(bases)
    with unused_base(bases, (80, 81, 82, *(_TO_LISTENERS + port for port in (80, 100, 443)))) as base:
        yield Layout(tmp_path, base, base + _TO_LISTENERS)


Ask = Callable[..., str]


@pytest.fixture
def ask(free_layout: Layout) -> Ask:
    """Ask listener 443 over a fresh connection: status and body's first line, or the TLS alert."""

    def asked(
        client: Path | None = None,
        *,
        version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
        host: str = "demo.alb.ingress.top",
        server_name: str = "demo.alb.ingress.top",
        address: str = "127.0.0.1",
    ) -> str:
        context = ssl.create_default_context(cafile=free_layout.server_ca)
        context.minimum_version = context.maximum_version = version
        context.check_hostname = server_name == host
        if client:
            context.load_cert_chain(client)
        try:
            with (
                socket.create_connection((address, free_layout.listener_port(443)), timeout=5) as plain,
                context.wrap_socket(plain, server_hostname=server_name) as connection,
            ):
                connection.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
                with connection.makefile("rb") as answer:
                    head, _, body = answer.read().decode().partition("\r\n\r\n")
        except ssl.SSLError as error:
            return str(error.reason)
        status = head.split()[1]
        return f"{status} {body.strip()}" if status == "200" else status

    return asked


@pytest.fixture
def cluster() -> PlayedCluster:
    played = PlayedCluster()
    for path, resource in (
        (ALBCONFIGS, seeds.ALBCONFIG),
        (CLASSES, seeds.INGRESS_CLASS),
        (INGRESSES, seeds.INGRESS),
    ):
        played.put(path, resource)
    return played


@pytest.fixture
def sandbox(free_layout: Layout, cluster: PlayedCluster) -> Iterator[Sandbox]:
    """Endpoint, controller, backends and nginx with the seeds."""
    seeds.make_certificates(free_layout)
    backends = Backends(free_layout.backends_port)
    backends.start()
    try:
        with controlling(free_layout, cluster) as running, serving_nginx(free_layout):
            until(lambda: running.shows(False), "the first configuration is served")
            yield running
    finally:
        backends.stop()
