"""A stack's exported state, with keys made for the test session, and a `pulumi` that prints it."""

from __future__ import annotations

import datetime as dt
import json
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from alb_mutual_tls.pki import bundle
from tests.unit.operations.audit.audits import NOW, certificate

URN = "urn:pulumi:dev::alb-mutual-tls::"
COMPONENT = "alb-mutual-tls:index:AlbMutualTls"
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}


def _certificate(common_name: str) -> tuple[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(
            name, name, key.public_key(), 1, now - dt.timedelta(days=1), now + dt.timedelta(days=1)
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8
    key_pem = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
    return certificate.public_bytes(serialization.Encoding.PEM).decode(), key_pem


@pytest.fixture(autouse=True)
def quick_pkcs12(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Few rounds: how many there are is the pki tests' business."""
    if request.path.parent.name != "pki":
        monkeypatch.setattr(bundle, "KEY_DERIVATION_ROUNDS", 1000)


@pytest.fixture(autouse=True)
def no_system_authorities(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is connected to here, and reading the system's store takes a tenth of a second."""
    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", lambda *_: None)


@pytest.fixture(scope="session")
def authority() -> tuple[str, str]:
    return _certificate("root")


@pytest.fixture(scope="session")
def credentials() -> dict[str, tuple[str, str]]:
    return {name: _certificate(name) for name in ("client", "csr-client")}


def secret(value: object) -> dict[str, str]:
    return {**SECRET, "plaintext": json.dumps(value)}


@pytest.fixture
def exported(authority: tuple[str, str], credentials: dict[str, tuple[str, str]]) -> dict[str, Any]:
    """`pulumi stack export --show-secrets` of a stack with one component, a generated client and
    one that brought a CSR.
    """
    component = f"{URN}{COMPONENT}::mtls"
    provider = f"{URN}pulumi:providers:albmtls::albmtls"

    def child(token: str, name: str, **state: Any) -> dict[str, Any]:
        urn = f"{URN}{COMPONENT}${token}::{name}"
        return {
            "urn": urn,
            "custom": True,
            "type": token,
            "parent": component,
            "provider": f"{provider}::1a2b",
            **state,
        }

    outputs = {
        "identity": "0a1b2c3d",
        "caCertificateId": "0e40dda998174723",
        "caCertificatePem": authority[0],
        "trustedAuthority": "root",
        "issuingAuthority": "root",
        "authorityCertificates": {"root": authority[0]},
        "listeners": {
            "https": {
                "albConfig": "alb",
                "port": 443,
                "caEnabled": True,
                "caCertificateId": "0e40dda998174723",
                "verify": {"address": "127.0.0.1:20443", "path": "/"},
            },
            "admin": {
                "albConfig": "alb",
                "port": 8443.0,
                "caEnabled": False,
                "caCertificateId": "0e40dda998174723",
                "verify": {},
            },
        },
        "aboveClients": [authority[0]],
    }
    resources = [
        {
            "urn": f"{URN}pulumi:pulumi:Stack::alb-mutual-tls-dev",
            "custom": False,
            "type": "pulumi:pulumi:Stack",
        },
        {
            "urn": provider,
            "custom": True,
            "id": "1a2b",
            "type": "pulumi:providers:albmtls",
            "inputs": {
                "kubeconfig": ".sandbox/kubeconfig",
                "context": "alb-mutual-tls-sandbox",
                "secretKey": secret("sesame"),
            },
        },
        {"urn": component, "custom": False, "type": COMPONENT, "outputs": outputs},
        child(
            "tls:index/privateKey:PrivateKey",
            "mtls-authority-root",
            outputs={"privateKeyPem": secret(authority[1])},
        ),
        child(
            "albmtls:index:ListenerClientAuthentication",
            "mtls-alb-443",
            id="alb/443",
            outputs={"cluster": "uid-1", "port": 443},
        ),
        child(
            "albmtls:index:ListenerClientAuthentication",
            "mtls-alb-443",
            id="alb/443",
            outputs={"cluster": "old"},
            delete=True,
        ),
        child(
            "tls:index/privateKey:PrivateKey",
            "mtls-client-client",
            outputs={"privateKeyPem": secret(credentials["client"][1])},
        ),
        child(
            "albmtls:index:IssuedCertificates",
            "mtls-issued",
            inputs={"clients": {name: {"renewBeforeDays": 30.0} for name in credentials}},
            outputs={
                "outstanding": [],
                **{
                    f"client:{name}": {"certificatePem": certificate, "notAfter": "2026-03-01T00:00:00Z"}
                    for name, (certificate, _) in credentials.items()
                },
            },
        ),
    ]
    return {"version": 3, "deployment": {"manifest": {}, "resources": resources}}


@pytest.fixture
def exported_before(exported: dict[str, Any], credentials: dict[str, tuple[str, str]]) -> dict[str, Any]:
    """The same of the version before, which had a resource for each certificate."""
    resources = exported["deployment"]["resources"]
    del resources[-2:]
    outputs = resources[2]["outputs"]
    (root,) = outputs.pop("aboveClients")
    outputs["clientCertificates"] = {
        name: {"certificatePem": pem, "chainPem": pem + root, "notAfter": "2026-03-01T00:00:00Z"}
        for name, (pem, _) in credentials.items()
    }
    outputs["clientPrivateKeys"] = secret({"client": credentials["client"][1]})
    return exported


@pytest.fixture
def pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Put a `pulumi` on PATH that prints what it is given, and notes its arguments; returns the
    project's directory.

    Only the configuration and the history, which go with any state, have files of their own in
    `bin`, and are empty.
    """

    def install(*, stdout: str = "", stderr: str = "", code: int = 0) -> Path:
        folder, project = tmp_path / "bin", tmp_path / "project"
        folder.mkdir()
        project.mkdir()
        (project / "Pulumi.yaml").write_text("name: alb-mutual-tls\nruntime: python\n")
        (folder / "stdout").write_text(stdout)
        (folder / "history").write_text("[]")
        (folder / "config").write_text("{}")
        (folder / "stderr").write_text(stderr)
        script = folder / "pulumi"
        script.write_text(
            '#!/bin/sh\nhere=${0%/*}\nstdout=stdout; case " $* " in *" history "*) stdout=history ;; *"'
            ' config "*) stdout=config ;; esac\nprintf "%s\\n" "$@" >> "$here/arguments"\n/bin/cat'
            f' "$here/$stdout"\n/bin/cat "$here/stderr" >&2\nexit {code}\n'
        )
        script.chmod(0o755)
        monkeypatch.setenv("PATH", str(folder))
        return project

    return install


@pytest.fixture(scope="session")
def ca_ends_in_10_days() -> str:
    return certificate("ending", NOW + dt.timedelta(days=10))


@pytest.fixture(scope="session")
def leaf_pem() -> str:
    return certificate("leaf", ca=False)
