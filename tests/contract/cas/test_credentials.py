"""Every way to give credentials, used for a real signed call to the sandbox."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from alb_mutual_tls.wire import UNKNOWN
from dev.sandbox.cloud import OpenApiServer
from tests.contract.cas.conftest import Gateway

if TYPE_CHECKING:
    from tests.contract.cas.conftest import Plugin

TOKEN = "albmtls:index:CertificateRepository"
KEY, SECRET = "sandbox-access-key", "sandbox-access-key-secret"
ROLE = "acs:ram::1234567890123456:role/deployer"
PROVIDER = "acs:ram::1234567890123456:oidc-provider/p"


def session_of(server: OpenApiServer, name: str = "test", seconds: int = 900) -> dict[str, Any]:
    """A temporary key of the sandbox."""
    made = server.identities.assume_role(
        {"RoleArn": ROLE, "RoleSessionName": name, "DurationSeconds": seconds}
    )
    return dict(made["Credentials"])


@pytest.fixture
def bare(settings: dict[str, Any]) -> dict[str, Any]:
    """The configuration without any credentials."""
    return {key: value for key, value in settings.items() if key not in ("accessKey", "secretKey")}


def account(plugin: Plugin) -> str:
    """The account in which a preview would make a repository."""
    return str(plugin.create(TOKEN, {"name": UNKNOWN, "configured": False}, preview=True)[1]["account"])


def parameters(gateway: Gateway, action: str) -> dict[str, str]:
    """What the one call of an action was given."""
    (sent,) = (path for seen, path, _ in gateway.seen if seen == action)
    return {key: value for key, value in parse_qsl(urlsplit(sent).query) if key != "Format"}


def write_profiles(home: Path, *profiles: dict[str, Any]) -> None:
    (home / ".aliyun").mkdir()
    (home / ".aliyun" / "config.json").write_text(
        json.dumps({"current": profiles[0]["name"], "profiles": profiles})
    )


@pytest.mark.parametrize(
    ("identifier", "secret"),
    [
        ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"),
        ("ALICLOUD_ACCESS_KEY", "ALICLOUD_SECRET_KEY"),
        ("ALIBABACLOUD_ACCESS_KEY_ID", "ALIBABACLOUD_ACCESS_KEY_SECRET"),
    ],
)
def test_a_key_from_the_environment(
    start: Callable[..., Plugin], bare: dict[str, Any], identifier: str, secret: str
) -> None:
    plugin = start(**{identifier: KEY, secret: SECRET})
    plugin.configure(bare)
    assert account(plugin) == "1234567890123456"


def test_a_temporary_key_from_the_environment(
    start: Callable[..., Plugin], bare: dict[str, Any], server: OpenApiServer
) -> None:
    session = session_of(server)
    variables = {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": session["AccessKeyId"],
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": session["AccessKeySecret"],
        "ALIBABA_CLOUD_SECURITY_TOKEN": session["SecurityToken"],
    }
    plugin = start(**variables)
    plugin.configure(bare)
    assert account(plugin) == "1234567890123456"


def test_an_expired_token_says_to_log_in_again(
    start: Callable[..., Plugin], bare: dict[str, Any], server: OpenApiServer
) -> None:
    session = session_of(server, seconds=-1)
    plugin = start(
        ALICLOUD_ACCESS_KEY=session["AccessKeyId"],
        ALICLOUD_SECRET_KEY=session["AccessKeySecret"],
        ALICLOUD_SECURITY_TOKEN=session["SecurityToken"],
    )
    plugin.configure(bare)
    failed = plugin.refused(lambda: account(plugin))
    assert "from the environment variable ALICLOUD_ACCESS_KEY" in failed.sentence
    assert "log in again" in failed.sentence
    assert session["SecurityToken"] not in failed.sentence


@pytest.mark.parametrize("variables", [{"ALIBABA_CLOUD_ACCESS_KEY_ID": KEY}, {"ALICLOUD_SECRET_KEY": SECRET}])
def test_half_a_key_in_the_environment_is_an_error(
    start: Callable[..., Plugin], bare: dict[str, Any], variables: dict[str, str]
) -> None:
    plugin = start(**variables)
    plugin.configure(bare)
    failed = plugin.refused(lambda: account(plugin))
    assert "is set and" in failed.sentence
    assert SECRET not in failed.sentence


@pytest.mark.parametrize("variable", [None, "ALICLOUD_PROFILE", "ALIBABA_CLOUD_PROFILE"])
def test_a_profile_of_the_aliyun_cli(
    start: Callable[..., Plugin], bare: dict[str, Any], home: Path, variable: str | None
) -> None:
    write_profiles(
        home,
        {"name": "default", "mode": "AK", "access_key_id": "another", "access_key_secret": "another"},
        {"name": "mine", "mode": "AK", "access_key_id": KEY, "access_key_secret": SECRET},
    )
    plugin = start(**({variable: "mine"} if variable else {}))
    plugin.configure(bare if variable else {**bare, "profile": "mine"})
    assert account(plugin) == "1234567890123456"


def test_the_current_profile_is_used_when_nothing_is_said(
    start: Callable[..., Plugin], bare: dict[str, Any], home: Path
) -> None:
    write_profiles(home, {"name": "default", "mode": "AK", "access_key_id": KEY, "access_key_secret": SECRET})
    plugin = start()
    plugin.configure(bare)
    assert account(plugin) == "1234567890123456"


def test_what_the_stack_configures_comes_before_the_environment(
    start: Callable[..., Plugin], bare: dict[str, Any], home: Path
) -> None:
    write_profiles(home, {"name": "mine", "mode": "AK", "access_key_id": KEY, "access_key_secret": SECRET})
    plugin = start(ALIBABA_CLOUD_ACCESS_KEY_ID="another", ALIBABA_CLOUD_ACCESS_KEY_SECRET="another")
    plugin.configure({**bare, "profile": "mine"})
    assert account(plugin) == "1234567890123456"


def test_a_role_is_taken_on_at_the_configured_endpoint_once(
    start: Callable[..., Plugin], settings: dict[str, Any], gateway: Gateway, server: OpenApiServer
) -> None:
    plugin = start()
    role = {
        "roleArn": ROLE,
        "sessionName": "session",
        "sessionExpiration": 900,
        "externalId": "ticket",
        "policy": '{"Statement": []}',
    }
    plugin.configure({**settings, "assumeRole": role})
    plugin.create(TOKEN, {"name": "made-in-a-role", "configured": False})
    assert gateway.calls["AssumeRole"] == 1
    assert parameters(gateway, "AssumeRole") == {
        "RoleArn": ROLE,
        "RoleSessionName": "session",
        "DurationSeconds": "900",
        "ExternalId": "ticket",
        "Policy": '{"Statement": []}',
    }
    assert {(action, key[:4]) for action, key in gateway.signers} == {
        ("AssumeRole", "sand"),
        ("GetCallerIdentity", "STS."),
        ("ListCertWarehouse", "STS."),
        ("CreateWarehouse", "STS."),
    }


def test_a_role_without_more_gets_a_session_of_an_hour_under_our_name(
    start: Callable[..., Plugin], settings: dict[str, Any], gateway: Gateway
) -> None:
    plugin = start()
    plugin.configure({**settings, "assumeRole": {"roleArn": ROLE}})
    assert account(plugin) == "1234567890123456"
    assert parameters(gateway, "AssumeRole") == {
        "RoleArn": ROLE,
        "RoleSessionName": "alb-mutual-tls",
        "DurationSeconds": "3600",
    }


def test_a_role_is_taken_on_with_whatever_credentials_there_are(
    start: Callable[..., Plugin], bare: dict[str, Any], gateway: Gateway, server: OpenApiServer
) -> None:
    session = session_of(server)
    with serving(json.dumps({"Code": "Success", **session}).encode(), 200) as uri:
        plugin = start()
        plugin.configure({**bare, "credentialsUri": uri, "assumeRole": {"roleArn": ROLE}})
        assert account(plugin) == "1234567890123456"
    first, second = gateway.signers
    assert first == ("AssumeRole", session["AccessKeyId"])
    assert second[0] == "GetCallerIdentity"
    assert second[1] not in (session["AccessKeyId"], "")


def test_a_role_that_may_not_be_taken_on_is_named(
    start: Callable[..., Plugin], settings: dict[str, Any]
) -> None:
    plugin = start()
    plugin.configure({**settings, "assumeRole": {"roleArn": "acs:ram::1000000000000001:role/deployer"}})
    failed = plugin.refused(lambda: account(plugin))
    assert "refused AssumeRole: EntityNotExist.Role" in failed.sentence


def test_profiles_that_take_on_roles_one_after_the_other(
    start: Callable[..., Plugin], bare: dict[str, Any], home: Path, gateway: Gateway
) -> None:
    write_profiles(
        home,
        {"name": "start", "mode": "AK", "access_key_id": KEY, "access_key_secret": SECRET},
        {
            "name": "one",
            "mode": "ChainableRamRoleArn",
            "source_profile": "start",
            "ram_role_arn": ROLE,
            "ram_session_name": "one",
        },
        {
            "name": "two",
            "mode": "ChainableRamRoleArn",
            "source_profile": "one",
            "ram_role_arn": ROLE,
            "ram_session_name": "two",
        },
    )
    plugin = start()
    plugin.configure({**bare, "profile": "two"})
    assert account(plugin) == "1234567890123456"
    assert gateway.calls["AssumeRole"] == 2


@contextmanager
def listening(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """A server; its host and port."""
    service = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=service.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{service.server_address[1]}"
    finally:
        service.shutdown()
        service.server_close()
        thread.join()


@contextmanager
def serving(answer: bytes, status: int) -> Iterator[str]:
    """What `credentialsUri` asks."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing is printed."""

    with listening(Handler) as address:
        yield f"http://{address}/session"


@pytest.mark.parametrize("variable", [None, "ALICLOUD_CREDENTIALS_URI", "ALIBABA_CLOUD_CREDENTIALS_URI"])
def test_credentials_from_a_service(
    start: Callable[..., Plugin],
    bare: dict[str, Any],
    gateway: Gateway,
    server: OpenApiServer,
    variable: str | None,
) -> None:
    session = session_of(server)
    with serving(json.dumps({"Code": "Success", **session}).encode(), 200) as uri:
        plugin = start(**({variable: uri} if variable else {}))
        plugin.configure(bare if variable else {**bare, "credentialsUri": uri})
        assert account(plugin) == "1234567890123456"
    assert gateway.signers == [("GetCallerIdentity", session["AccessKeyId"])]


@contextmanager
def metadata(session: dict[str, Any], asked: list[str]) -> Iterator[str]:
    """An ECS metadata service whose instance has the role `deployer`; it answers nobody without a
    token of its own, as hardened instances do.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            asked.append(f"PUT {self.path}")
            self._answer(200, "the-metadata-token")

        def do_GET(self) -> None:
            asked.append(f"GET {self.path}")
            known = self.path == "/latest/meta-data/ram/security-credentials/deployer"
            allowed = self.headers.get("X-aliyun-ecs-metadata-token") == "the-metadata-token"
            self._answer(200 if known and allowed else 404, json.dumps({"Code": "Success", **session}))

        def _answer(self, status: int, content: str) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content.encode())

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing is printed."""

    with listening(Handler) as address:
        yield address


@pytest.mark.parametrize(
    "how", ["configured", "ALICLOUD_ECS_ROLE_NAME", "ALIBABA_CLOUD_ECS_METADATA", "profile"]
)
def test_the_role_of_the_ecs_instance(
    start: Callable[..., Plugin],
    bare: dict[str, Any],
    home: Path,
    gateway: Gateway,
    server: OpenApiServer,
    how: str,
) -> None:
    session, asked = (
        session_of(server, seconds=3600),
        list[str](),
    )  # the SDK renews what ends within 15 minutes
    write_profiles(home, {"name": "ecs", "mode": "EcsRamRole", "ram_role_name": "deployer"})
    more = {"configured": {"ecsRoleName": "deployer"}, "profile": {"profile": "ecs"}}.get(how, {})
    with metadata(session, asked) as address:
        variables = {"TEST_METADATA_SERVICE": address, "ALIBABA_CLOUD_ECS_METADATA_DISABLED": "false"}
        plugin = start(**variables, **({} if more else {how: "deployer"}))
        plugin.configure({**bare, **more})
        assert account(plugin) == "1234567890123456"
    assert asked == ["PUT /latest/api/token", "GET /latest/meta-data/ram/security-credentials/deployer"]
    assert gateway.signers == [("GetCallerIdentity", session["AccessKeyId"])]


def test_a_role_that_the_ecs_instance_does_not_have_is_told(
    start: Callable[..., Plugin], bare: dict[str, Any], server: OpenApiServer
) -> None:
    with metadata(session_of(server), []) as address:
        plugin = start(TEST_METADATA_SERVICE=address, ALIBABA_CLOUD_ECS_METADATA_DISABLED="false")
        plugin.configure({**bare, "ecsRoleName": "another"})
        failed = plugin.refused(lambda: account(plugin))
    assert failed.sentence.startswith("alicloud:ecsRoleName gave no credentials")
    assert "\n" not in failed.sentence


def test_a_profile_that_runs_a_command(
    start: Callable[..., Plugin], bare: dict[str, Any], home: Path, gateway: Gateway, server: OpenApiServer
) -> None:
    session = session_of(server)
    answer = {
        "mode": "StsToken",
        "access_key_id": session["AccessKeyId"],
        "access_key_secret": session["AccessKeySecret"],
        "sts_token": session["SecurityToken"],
        "expiration": session["Expiration"],
    }
    (home / "answer").write_text(json.dumps(answer))
    write_profiles(home, {"name": "run", "mode": "External", "process_command": f"cat {home / 'answer'}"})
    plugin = start()
    plugin.configure({**bare, "profile": "run"})
    assert account(plugin) == "1234567890123456"
    assert gateway.signers == [("GetCallerIdentity", session["AccessKeyId"])]


@pytest.mark.parametrize("mode", ["StsToken", "RamRoleArn", "OIDC"])
def test_a_profile_of_a_session_or_of_a_role(
    start: Callable[..., Plugin],
    bare: dict[str, Any],
    home: Path,
    gateway: Gateway,
    server: OpenApiServer,
    mode: str,
) -> None:
    session = session_of(server)
    profiles = {
        "StsToken": {
            "access_key_id": session["AccessKeyId"],
            "access_key_secret": session["AccessKeySecret"],
            "sts_token": session["SecurityToken"],
        },
        "RamRoleArn": {
            "access_key_id": KEY,
            "access_key_secret": SECRET,
            "ram_role_arn": ROLE,
            "ram_session_name": "mine",
        },
        "OIDC": {
            "ram_role_arn": ROLE,
            "oidc_provider_arn": PROVIDER,
            "oidc_token_file": "token",
            "role_session_name": "mine",
        },
    }
    (home / "token").write_text("the-token")
    write_profiles(home, {"name": "mine", "mode": mode, **profiles[mode]})
    gateway.answer("AssumeRoleWithOIDC", {"RequestId": "1", "Credentials": session})
    plugin = start()
    plugin.configure({**bare, "profile": "mine"})
    assert account(plugin) == "1234567890123456"
    assert gateway.signers[-1][0] == "GetCallerIdentity"
    assert (gateway.signers[-1][1] == session["AccessKeyId"]) == (mode != "RamRoleArn")


@pytest.mark.parametrize("variable", ["ALICLOUD_SHARED_CREDENTIALS_FILE", "ALIBABA_CLOUD_CREDENTIALS_FILE"])
def test_a_profile_file_elsewhere(
    start: Callable[..., Plugin], bare: dict[str, Any], tmp_path: Path, variable: str
) -> None:
    file = tmp_path / "profiles.json"
    file.write_text(
        json.dumps(
            {"profiles": [{"name": "mine", "mode": "AK", "access_key_id": KEY, "access_key_secret": SECRET}]}
        )
    )
    plugin = start(**{variable: str(file)})
    plugin.configure({**bare, "profile": "mine"})
    assert account(plugin) == "1234567890123456"


def test_a_service_without_credentials_is_named_and_its_answer_is_not_shown(
    start: Callable[..., Plugin], bare: dict[str, Any]
) -> None:
    with serving(b'{"secret": "half-an-answer"}', 404) as uri:
        plugin = start()
        plugin.configure({**bare, "credentialsUri": uri})
        failed = plugin.refused(lambda: account(plugin))
    assert failed.sentence.startswith("alicloud:credentialsUri gave no credentials")
    assert "half-an-answer" not in failed.sentence


def test_an_oidc_token_is_exchanged_without_a_signature_for_a_session_that_signs(
    start: Callable[..., Plugin], bare: dict[str, Any], home: Path, gateway: Gateway, server: OpenApiServer
) -> None:
    """The sandbox has no AssumeRoleWithOIDC, so the gateway hands out a session of the sandbox,
    with which the next call is really signed.
    """
    session = session_of(server)
    gateway.answer("AssumeRoleWithOIDC", {"RequestId": "1", "Credentials": session})
    (home / "token").write_text("the-token\n")
    plugin = start()
    fields = {"roleArn": ROLE, "oidcProviderArn": PROVIDER, "oidcTokenFile": "token"}
    more = {"roleSessionName": "mine", "sessionExpiration": 900, "policy": '{"Statement": []}'}
    plugin.configure({**bare, "assumeRoleWithOidc": {**fields, **more}})
    assert account(plugin) == "1234567890123456"
    assert parameters(gateway, "AssumeRoleWithOIDC") == {
        "RoleArn": ROLE,
        "OIDCProviderArn": PROVIDER,
        "OIDCToken": "the-token",
        "RoleSessionName": "mine",
        "DurationSeconds": "900",
        "Policy": '{"Statement": []}',
    }
    assert gateway.signers == [("AssumeRoleWithOIDC", ""), ("GetCallerIdentity", session["AccessKeyId"])]


def test_an_oidc_token_is_never_shown(start: Callable[..., Plugin], bare: dict[str, Any], home: Path) -> None:
    (home / "token").write_text("the-token\n")
    plugin = start()
    oidc = {"roleArn": ROLE, "oidcProviderArn": PROVIDER, "oidcTokenFile": "token"}
    plugin.configure({**bare, "assumeRoleWithOidc": oidc})
    failed = plugin.refused(lambda: account(plugin))
    assert "AssumeRoleWithOIDC" in failed.sentence
    assert "the-token" not in failed.sentence

    plugin.configure(
        {**bare, "endpoints": dict.fromkeys(("cas", "alb", "sts"), "127.0.0.1:9"), "assumeRoleWithOidc": oidc}
    )
    failed = plugin.refused(lambda: account(plugin))
    assert "did not answer AssumeRoleWithOIDC (connection refused)" in failed.sentence
    assert "the-token" not in failed.sentence

    plugin.configure({**bare, "assumeRoleWithOidc": {**oidc, "oidcTokenFile": "no/such/token"}})
    failed = plugin.refused(lambda: account(plugin))
    assert "no/such/token" in failed.sentence


# --- where


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
