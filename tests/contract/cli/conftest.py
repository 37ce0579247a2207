"""The laboratory that each test gets: CAs and a server certificate of its own, and a project with a
stack.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.contract.cli.laboratory import HOST, Authority, Laboratory


@pytest.fixture
def laboratory(tmp_path: Path) -> Iterator[Laboratory]:
    with ExitStack() as stack:
        made = Laboratory(
            tmp_path,
            Authority.make("client CA"),
            Authority.make("other CA"),
            Authority.make("server CA"),
            stack,
        )
        certificate, key = made.server_ca.issue(HOST, server=True)
        inspected, inspecting_key = made.other_ca.issue(HOST, server=True)
        for name, text in (
            ("inspected.crt", inspected),
            ("inspected.key", inspecting_key),
            ("server.crt", certificate),
            ("server.key", key),
            ("server-ca.crt", made.server_ca.pem),
            ("client-ca.crt", made.client_ca.pem),
            ("other-ca.crt", made.other_ca.pem),
        ):
            (tmp_path / name).write_text(text)
        yield made


@pytest.fixture
def project(laboratory: Laboratory) -> Any:
    """A project whose `pulumi` exports a stack with a listener at this port; returns the
    environment to run `mtls` in.
    """

    def make(port: int, *, kubeconfig: Path | None = None) -> dict[str, str]:
        certificate, key = laboratory.client_ca.issue("alice")
        urn, kind = "urn:pulumi:dev::p::", "alb-mutual-tls:index:AlbMutualTls"
        marker = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}
        verify = {"address": f"127.0.0.1:{port}", "serverName": HOST, "path": "/"}
        outputs = {
            "caCertificatePem": laboratory.client_ca.pem,
            "trustedAuthority": "root",
            "issuingAuthority": "root",
            "listeners": {"https": {"albConfig": "alb", "port": 443, "caEnabled": True, "verify": verify}},
            "aboveClients": [],
        }
        parent = f"{urn}{kind}::mtls"
        resources = [
            {
                "urn": f"{urn}pulumi:providers:albmtls::albmtls",
                "type": "pulumi:providers:albmtls",
                "inputs": {"kubeconfig": str(kubeconfig or "none")},
            },
            {"urn": parent, "type": kind, "outputs": outputs},
            {
                "urn": f"{urn}{kind}$tls:index/privateKey:PrivateKey::mtls-authority-root",
                "type": "tls:index/privateKey:PrivateKey",
                "parent": parent,
                "provider": f"{urn}pulumi:providers:albmtls::albmtls::id",
                "outputs": {
                    "privateKeyPem": {**marker, "plaintext": json.dumps(laboratory.client_ca.key_pem)}
                },
            },
            {
                "urn": f"{urn}{kind}$tls:index/privateKey:PrivateKey::mtls-client-alice",
                "type": "tls:index/privateKey:PrivateKey",
                "parent": parent,
                "outputs": {"privateKeyPem": {**marker, "plaintext": json.dumps(key)}},
            },
            {
                "urn": f"{urn}{kind}$albmtls:index:IssuedCertificates::mtls-issued",
                "type": "albmtls:index:IssuedCertificates",
                "parent": parent,
                "inputs": {"clients": {"alice": {"renewBeforeDays": 30}}},
                "outputs": {
                    "client:alice": {"certificatePem": certificate, "notAfter": "2026-01-01T00:00:00Z"},
                    "outstanding": [],
                },
            },
        ]
        folder = laboratory.folder / "bin"
        folder.mkdir()
        (laboratory.folder / "Pulumi.yaml").write_text("name: p\n")
        (folder / "export.json").write_text(json.dumps({"deployment": {"resources": resources}}))
        (folder / "pulumi").write_text(
            '#!/bin/sh\ncase " $* " in *" history "*) echo "[]" ;; *" config "*) echo "{}" ;; *) cat'
            ' "${0%/*}/export.json" ;; esac\n'
        )
        (folder / "pulumi").chmod(0o755)
        path = os.pathsep.join((str(folder), os.environ["PATH"]))
        return {
            "PATH": path,
            "PYTHONPATH": str(Path(__file__).parents[3]),
            "SSL_CERT_FILE": str(laboratory.server_ca_file),
        }

    return make
