"""Kubeconfigs as kubectl reads them, and a sentence for each that cannot be used."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from alb_mutual_tls.cluster.credential import KubernetesCredential
from alb_mutual_tls.cluster.kubeconfig import load
from alb_mutual_tls.errors import UserError

CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"


def config(**changes: Any) -> dict[str, Any]:
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "prod",
        "clusters": [
            {
                "name": "c1",
                "cluster": {
                    "server": "https://127.0.0.1:6443/",
                    "certificate-authority-data": base64.b64encode(b"ca").decode(),
                },
            },
            {"name": "c2", "cluster": {"server": "https://127.0.0.2:6443", "tls-server-name": "kubernetes"}},
        ],
        "users": [{"name": "u1", "user": {"token": "t1"}}, {"name": "u2", "user": {}}],
        "contexts": [
            {"name": "prod", "context": {"cluster": "c1", "user": "u1"}},
            {"name": "dev", "context": {"cluster": "c2", "user": "u2"}},
        ],
    }
    return {**content, **changes}


def user(**fields: Any) -> dict[str, Any]:
    return config(users=[{"name": "u1", "user": fields}])


def written(directory: Path, content: Any, name: str = "config") -> str:
    path = directory / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def refused(
    kubeconfig: str | None, context: str | None = None, environment: dict[str, str] | None = None
) -> str:
    with pytest.raises(UserError) as raised:
        load(kubeconfig, context, environment or {}).credential()
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_the_current_context_is_taken_unless_another_is_configured(tmp_path: Path) -> None:
    path = written(tmp_path, config())
    first, second = load(path, None, {}), load(path, "dev", {})
    assert (first.server, first.context, first.authorities, first.credential()) == (
        "https://127.0.0.1:6443",
        "prod",
        b"ca",
        KubernetesCredential(token="t1"),
    )
    assert (second.server, second.server_name, second.credential()) == (
        "https://127.0.0.2:6443",
        "kubernetes",
        KubernetesCredential(),
    )


def test_the_content_itself_may_stand_in_place_of_a_path() -> None:
    assert load(json.dumps(config()), None, {}).origin == "the kubeconfig in kubernetes:kubeconfig"


def test_kubeconfig_may_list_files_the_first_of_which_to_name_something_counts(tmp_path: Path) -> None:
    one = written(
        tmp_path, {"contexts": [{"name": "prod", "context": {"cluster": "c2"}}], "current-context": ""}, "one"
    )
    two = written(tmp_path, config(), "two")
    found = load(None, None, {"KUBECONFIG": f"{one}:{tmp_path / 'missing'}:{two}"})
    assert (found.server, found.origin) == ("https://127.0.0.2:6443", f"kubeconfig {one}:{two}")


def test_relative_files_are_beside_the_kubeconfig(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_bytes(b"ca")
    (tmp_path / "token").write_text("t2\n")
    content = user(tokenFile="token")
    content["clusters"][0]["cluster"] = {"server": "https://127.0.0.1", "certificate-authority": "ca.crt"}
    found = load(written(tmp_path, content), None, {})
    assert (found.authorities, found.credential().token) == (b"ca", "t2")


def test_a_credential_is_never_printed() -> None:
    assert "t1" not in repr(KubernetesCredential(token="t1"))


def test_no_kubeconfig_at_all_names_where_it_was_looked_for(tmp_path: Path) -> None:
    missing = tmp_path / "nothing"
    tail = "set kubernetes:kubeconfig or KUBECONFIG to the file of the cluster"
    assert refused(str(missing)) == f"there is no kubeconfig at {missing} (kubernetes:kubeconfig): {tail}"
    assert (
        refused(None, None, {"KUBECONFIG": str(missing)})
        == f"there is no kubeconfig at {missing} (KUBECONFIG): {tail}"
    )


def test_an_unknown_context_names_those_that_exist(tmp_path: Path) -> None:
    path = written(tmp_path, config())
    assert (
        refused(path, "staging")
        == f"kubeconfig {path} has no context staging, it has prod, dev: set kubernetes:context to one of"
        " them, or kubernetes:kubeconfig to another file"
    )
    path = written(tmp_path, config(**{"current-context": ""}))
    assert (
        refused(path)
        == f"kubeconfig {path} has no current-context, and none is configured; it has prod, dev: set"
        " kubernetes:context to one of them"
    )


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("a: [\nb", "is not YAML (line 3)"),
        ("just text", "is not a kubeconfig"),
        (config(clusters=[]), "names the cluster c1, which is not in it"),
        (config(users=[]), "names the user u1, which is not in it"),
        (
            config(clusters=[{"name": "c1", "cluster": {"server": "127.0.0.1"}}]),
            "has '127.0.0.1' as server, not a URL",
        ),
        (
            config(
                clusters=[{"name": "c1", "cluster": {"server": "https://x", "certificate-authority": "no"}}]
            ),
            "No such file or directory",
        ),
        (
            config(
                clusters=[
                    {"name": "c1", "cluster": {"server": "https://x", "certificate-authority-data": "x"}}
                ]
            ),
            "is not base64",
        ),
        (user(**{"auth-provider": {"name": "gcp"}}), "uses auth-provider, which Kubernetes has removed"),
        (user(**{"token": "t", "as": "admin"}), "acts as somebody else (as), which is not supported"),
        (user(**{"client-certificate-data": "eA=="}), "has only one of client-certificate and client-key"),
        (user(exec={"args": []}), "has an exec credential plugin without a command"),
        (
            user(exec={"command": "no-such-plugin"}),
            "needs the credential plugin no-such-plugin, which is not on PATH: install it",
        ),
        (
            user(exec={"command": "no-such-plugin", "installHint": "get it\nfrom ACK"}),
            "needs the credential plugin no-such-plugin, which is not on PATH: get it from ACK",
        ),
        (user(exec={"command": "./missing"}), "which cannot be run (No such file or directory)"),
    ],
)
def test_each_unusable_kubeconfig_is_told_in_one_sentence(content: Any, part: str, tmp_path: Path) -> None:
    assert part in refused(written(tmp_path, content))


def plugin(directory: Path, code: str, **fields: Any) -> dict[str, Any]:
    script = directory / "plugin"
    script.write_text(f"#!{sys.executable}\nimport json, os, sys\n{code}\n")
    script.chmod(0o755)
    return user(exec={"apiVersion": "client.authentication.k8s.io/v1", "command": "./plugin", **fields})


def test_a_plugin_gives_a_token_and_knows_what_it_is_asked(tmp_path: Path) -> None:
    code = (
        "info = json.loads(os.environ['KUBERNETES_EXEC_INFO'])\ntoken = '|'.join([info['apiVersion'],"
        " info['spec']['cluster']['server'], os.environ['REGION'],"
        " *sys.argv[1:]])\nprint(json.dumps({'status': {'token': token}}))"
    )
    content = plugin(
        tmp_path,
        code,
        args=["--id", "c1"],
        env=[{"name": "REGION", "value": "cn-hangzhou"}],
        provideClusterInfo=True,
    )
    token = load(written(tmp_path, content), None, {}).credential().token
    assert token == "client.authentication.k8s.io/v1|https://127.0.0.1:6443/|cn-hangzhou|--id|c1"


def test_a_plugin_may_give_a_client_certificate_as_acks_does(tmp_path: Path) -> None:
    code = (
        f"print(json.dumps({{'status': {{'clientCertificateData': {CERTIFICATE!r}, 'clientKeyData':"
        " 'key'}}))"
    )
    credential = load(written(tmp_path, plugin(tmp_path, code)), None, {}).credential()
    assert (credential.token, credential.certificate, credential.private_key) == (
        None,
        CERTIFICATE.encode(),
        b"key",
    )


@pytest.mark.parametrize(
    ("code", "part"),
    [
        (
            "print('first', file=sys.stderr); print('log in first', file=sys.stderr); sys.exit(3)",
            "failed with exit code 3 (log in first): log in again",
        ),
        ("sys.exit(3)", "failed with exit code 3 (no message): log in again"),
        ("print('hello')", "did not print an ExecCredential with a status"),
        ("print('[]')", "did not print an ExecCredential with a status"),
        ("print(json.dumps({'status': {}}))", "gave neither a token nor a client certificate with key"),
        (
            "print(json.dumps({'status': {'clientCertificateData': 'x'}}))",
            "gave neither a token nor a client certificate with key",
        ),
        (
            "print(json.dumps({'status': {'token': 's', 'expirationTimestamp': '2020-01-01T00:00:00Z'}}))",
            "gave a credential that expired at 2020-01-01T00:00:00Z",
        ),
    ],
)
def test_each_failure_of_a_plugin_is_told_in_one_sentence(code: str, part: str, tmp_path: Path) -> None:
    assert part in refused(written(tmp_path, plugin(tmp_path, code)))
