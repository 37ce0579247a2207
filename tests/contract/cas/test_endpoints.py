"""Where real signed calls go: endpoints, HTTPS, proxies."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from dev.sandbox.cloud import OpenApiServer
from tests.contract.cas.conftest import Gateway
from tests.contract.cas.credentials import KEY, TOKEN, account

if TYPE_CHECKING:
    from tests.contract.cas.conftest import Plugin


def test_each_product_is_asked_at_its_own_endpoint(
    start: Callable[..., Plugin], settings: dict[str, Any], server: OpenApiServer, authorities: list[str]
) -> None:
    gateways = {name: Gateway(server.address) for name in ("cas", "alb", "sts")}
    try:
        plugin = start()
        plugin.configure(
            {**settings, "endpoints": {name: gateway.endpoint for name, gateway in gateways.items()}}
        )
        repository = plugin.create(TOKEN, {"name": "at-its-own-endpoint", "configured": False})[1]
        inputs = {
            "warehouseId": repository["warehouseId"],
            "name": "root",
            "certificatePem": authorities[0],
            "generated": True,
        }
        id, state = plugin.create("albmtls:index:CaCertificate", inputs)
        plugin.delete("albmtls:index:CaCertificate", id, state, inputs)
    finally:
        for gateway in gateways.values():
            gateway.close()
    assert set(gateways["sts"].calls) == {"GetCallerIdentity"}
    assert set(gateways["alb"].calls) == {"ListListeners"}
    assert {"CreateWarehouse", "UploadPCACert", "DeletePCACert"} < set(gateways["cas"].calls)
    assert not set(gateways["cas"].calls) & {"GetCallerIdentity", "ListListeners"}


def own_certificate(directory: Path) -> Path:
    """A certificate of this machine that it has signed itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "gateway")])
    start = datetime.now(UTC)
    builder = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), start, start + timedelta(days=1)
    )
    addresses = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    made = builder.add_extension(addresses, critical=False).sign(key, hashes.SHA256())
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = directory / "gateway.pem"
    file.write_bytes(text + made.public_bytes(serialization.Encoding.PEM))
    return file


def test_https_is_spoken_unless_http_is_configured_and_the_servers_certificate_is_verified(
    start: Callable[..., Plugin], settings: dict[str, Any], server: OpenApiServer, tmp_path: Path
) -> None:
    certificate = own_certificate(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    secure = Gateway(server.address, tls)
    try:
        plugin = start(SSL_CERT_FILE=str(certificate))
        places = dict.fromkeys(("cas", "alb", "sts"), secure.endpoint)
        https = {key: value for key, value in settings.items() if key != "protocol"}
        plugin.configure({**https, "endpoints": places})
        assert account(plugin) == "1234567890123456"
        assert secure.signers == [("GetCallerIdentity", KEY)]

        stranger = start()
        stranger.configure({**https, "endpoints": places})
        assert "(its TLS certificate is not trusted)" in stranger.refused(lambda: account(stranger)).sentence
    finally:
        secure.close()


def test_a_proxy_is_not_asked_for_this_machine_nor_for_what_no_proxy_names(
    start: Callable[..., Plugin], settings: dict[str, Any]
) -> None:
    nowhere = "http://127.0.0.1:9"
    plugin = start(HTTP_PROXY=nowhere, HTTPS_PROXY=nowhere, http_proxy=nowhere, https_proxy=nowhere)
    plugin.configure(settings)
    assert account(plugin) == "1234567890123456"

    plugin.configure({**settings, "endpoints": dict.fromkeys(("cas", "alb", "sts"), "sts.example.invalid")})
    failed = plugin.refused(lambda: account(plugin))
    assert "(the proxy of HTTP_PROXY or HTTPS_PROXY cannot be used)" in failed.sentence

    bypassing = start(HTTP_PROXY=nowhere, NO_PROXY="example.invalid")
    bypassing.configure(
        {**settings, "endpoints": dict.fromkeys(("cas", "alb", "sts"), "sts.example.invalid")}
    )
    assert "(its name cannot be resolved)" in bypassing.refused(lambda: account(bypassing)).sentence
