"""Kubeconfigs and the cluster's API server."""

from __future__ import annotations

import base64
import json
import os
import sys
from pathlib import Path
from typing import Any
from unittest import mock

from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from alb_mutual_tls.cluster import credential_plugin, transport
from alb_mutual_tls.cluster import kubeconfig as kubeconfigs
from alb_mutual_tls.cluster.api import KubernetesApi
from alb_mutual_tls.cluster.cluster import Cluster
from tests.unit.errors.case import Case
from tests.unit.errors.servers import answering, nobodys_certificate, silent
from tests.unit.pki.material import authority, pem

_SERVER = "https://127.0.0.1:6443"


def _content(server: str = _SERVER, user: dict[str, Any] | None = None, **cluster: Any) -> dict[str, Any]:
    return {
        "current-context": "prod",
        "contexts": [{"name": "prod", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": server, **cluster}}],
        "users": [{"name": "u", "user": user or {}}],
    }


def kubeconfig(directory: Path, text: str | None = None, **content: Any) -> str:
    """The path of a kubeconfig with one cluster and one user."""
    path = directory / "kubeconfig"
    path.write_text(text if text is not None else json.dumps(_content(**content)))
    return str(path)


def read(*, context: str | None = None, text: str | None = None, without: str = "", **content: Any) -> Case:
    """Read a kubeconfig and resolve its user's credential."""

    def case(directory: Path) -> object:
        document = {key: value for key, value in _content(**content).items() if key != without}
        path = kubeconfig(directory, text if text is not None else json.dumps(document))
        return kubeconfigs.load(path, context, {}).credential()

    return case


def plugin(code: str, seconds: float = 60) -> Case:
    """A credential plugin that runs `code`."""

    def case(directory: Path) -> object:
        script = directory / "plugin"
        script.write_text(f"#!{sys.executable}\nimport json, sys, time\n{code}\n")
        script.chmod(0o755)
        with mock.patch.object(credential_plugin, "_PLUGIN_SECONDS", seconds):
            return kubeconfigs.load(
                kubeconfig(directory, user={"exec": {"command": "./plugin"}}), None, {}
            ).credential()

    return case


def _no_kubeconfig(directory: Path) -> object:
    return kubeconfigs.load(None, None, {"KUBECONFIG": str(directory / "nothing")})


# --- requests


def _patched(directory: Path, **content: Any) -> object:
    """One request, which is sent once."""
    return KubernetesApi(kubeconfigs.load(kubeconfig(directory, **content), None, {})).patch(
        "/apis/x", [], "test"
    )


def answered(status: int, answer: Any) -> Case:
    def case(directory: Path) -> object:
        with answering((status, answer)) as address:
            return _patched(directory, server=f"http://{address}")

    return case


def reached(**content: Any) -> Case:
    return lambda directory: _patched(directory, **content)


def _untrusted(directory: Path) -> object:
    with answering((200, {}), tls=nobodys_certificate(directory)) as address:
        return _patched(directory, server=f"https://{address}")


def _odd_proxy(directory: Path) -> object:
    with mock.patch.dict(os.environ, {"HTTPS_PROXY": "http://proxy:x", "NO_PROXY": ""}):
        return _patched(directory)


def _encrypted_key(directory: Path) -> object:
    issuer = authority()
    locked = issuer.private_key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password")
    )
    parts = {"client-certificate-data": pem(issuer.certificate).encode(), "client-key-data": locked}
    return _patched(directory, user={key: base64.b64encode(part).decode() for key, part in parts.items()})


def _no_tls(directory: Path) -> object:
    with answering((200, {})) as address:
        return _patched(directory, server=f"https://{address}")


def _too_slow(directory: Path) -> object:
    with mock.patch.object(transport, "TIMEOUT_SECONDS", 0.1), silent() as address:
        return _patched(directory, server=f"http://{address}")


def _albconfig(*answers: tuple[int, Any]) -> Case:
    def case(directory: Path) -> object:
        with answering(*answers) as address:
            return Cluster(kubeconfig=kubeconfig(directory, server=f"http://{address}")).albconfig("alb")

    return case


def _overtaken(status: int) -> Case:
    def case(directory: Path) -> object:
        with answering((status, {"kind": "Status", "message": "no"})) as address:
            return Cluster(kubeconfig=kubeconfig(directory, server=f"http://{address}")).patch_albconfig(
                "alb", []
            )

    return case


_DENIED = 'User "dev" cannot patch resource "albconfigs" in API group "alibabacloud.com" at the cluster scope'
_NO_PATH = (404, "404 page not found")
_PEM = base64.b64encode(b"no certificate").decode()
_INSECURE: Any = {"insecure-skip-tls-verify": True, "certificate-authority-data": _PEM}

CASES: dict[str, Case] = {
    "no kubeconfig": _no_kubeconfig,
    "no YAML": read(text="a: [\nb"),
    "another YAML file": read(text="just text"),
    "no current context": read(without="current-context"),
    "no such context": read(context="staging"),
    "no cluster": read(without="clusters"),
    "no user": read(without="users"),
    "a cluster that is text": read(
        text=json.dumps({**_content(), "clusters": [{"name": "c", "cluster": "https://127.0.0.1"}]})
    ),
    "a server that is not a URL": read(server="127.0.0.1"),
    "the answer of DescribeClusterUserKubeconfig": read(
        text=json.dumps({"config": "apiVersion: v1", "expiration": "2026-01-01T00:00:00Z"})
    ),
    "a number in place of text": read(user={"token": 1}),
    "a proxy that is not a URL": read(**{"proxy-url": "http://proxy:x"}),
    "a server name that is none": read(**{"tls-server-name": "a..b"}),
    "insecure in quotes": read(**{"insecure-skip-tls-verify": "true"}),
    "insecure beside an authority": read(**_INSECURE),
    "a token of two lines": read(user={"token": "a\nb"}),
    "arguments of a plugin as text": read(user={"exec": {"command": "true", "args": "x"}}),
    "environment of a plugin as a map": read(user={"exec": {"command": "true", "env": {"A": "b"}}}),
    "an environment variable with '='": read(user={"exec": {"command": "true", "env": [{"name": "A=b"}]}}),
    "a plugin that does not stop printing": plugin("print('x' * (1 << 21))"),
    "no base64": read(**{"certificate-authority-data": "x"}),
    "no file": read(**{"certificate-authority": "ca.crt"}),
    "half a client certificate": read(user={"client-certificate-data": _PEM}),
    "an auth-provider": read(user={"auth-provider": {"name": "gcp"}}),
    "impersonation": read(user={"token": "t", "as": "admin"}),
    "a plugin without command": read(user={"exec": {"args": []}}),
    "a plugin that is not installed": read(user={"exec": {"command": "no-such-plugin"}}),
    "a plugin that is not there": read(user={"exec": {"command": "./plugin"}}),
    "a plugin that hangs": plugin("time.sleep(60)", seconds=0.2),
    "a plugin that fails": plugin("sys.exit('log in first')"),
    "a plugin that prints something else": plugin("print('hello')"),
    "a plugin that gives nothing": plugin("print(json.dumps({'status': {}}))"),
    "a plugin that gives what has expired": plugin(
        "print(json.dumps({'status': {'token': 't', 'expirationTimestamp': '2020-01-01T00:00:00Z'}}))"
    ),
    "a certificate that is not trusted": _untrusted,
    "no TLS": _no_tls,
    "a proxy of the environment that is not a URL": _odd_proxy,
    "an encrypted key": _encrypted_key,
    "no such name": reached(server="https://cluster.invalid"),
    "no answer": _too_slow,
    "nobody there": reached(server="http://127.0.0.1:9"),
    "a proxy of another kind": reached(**{"proxy-url": "socks5://127.0.0.1:9"}),
    "an old credential": answered(401, {}),
    "no permission": answered(403, {"kind": "Status", "message": _DENIED}),
    "a refusal": answered(400, {"kind": "Status", "message": "admission webhook denied the request"}),
    "no Kubernetes API": answered(200, "<html>"),
    "a certificate authority that is none": reached(**{"certificate-authority-data": _PEM}),
    "a client certificate that is none": reached(
        user={"client-certificate-data": _PEM, "client-key-data": _PEM}
    ),
    "no AlbConfigs": _albconfig(_NO_PATH, (404, {"kind": "Status", "message": "not found"})),
    "no AlbConfigs at present": _albconfig(_NO_PATH, (403, {"kind": "Status", "message": "no"})),
    "overtaken": _overtaken(422),
    "deleted meanwhile": _overtaken(404),
}
