"""Whatever stands in a kubeconfig: it works as with kubectl, or one sentence says why not; within
seconds, and never with a token in it.
"""

from __future__ import annotations

import base64
import copy
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from alb_mutual_tls.cluster import credential_plugin
from alb_mutual_tls.cluster.api import KubernetesApi
from alb_mutual_tls.cluster.kubeconfig import load
from alb_mutual_tls.errors import UserError
from tests.examples import examples
from tests.unit.errors.servers import answering
from tests.unit.pki.material import authority, pem

SECRET = "s3cr3t"
CA_PEM = pem(authority().certificate)


def config(server: Any = "https://127.0.0.1:6443", user: Any = None, **cluster: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "prod",
        "clusters": [{"name": "c", "cluster": {"server": server, **cluster}}],
        "users": [{"name": "u", "user": {"token": SECRET} if user is None else user}],
        "contexts": [{"name": "prod", "context": {"cluster": "c", "user": "u"}}],
    }


def written(directory: Path, content: Any, name: str = "config") -> Path:
    path = directory / name
    path.write_bytes(
        content
        if isinstance(content, bytes)
        else (content if isinstance(content, str) else json.dumps(content)).encode()
    )
    return path


def sentence(content: Any, directory: Path) -> str:
    """What is said of a kubeconfig that cannot be used, at the latest when the first request is
    made ready.
    """
    with pytest.raises(UserError) as raised:
        _used(str(written(directory, content)))
    said = str(raised.value)
    assert "\n" not in said
    assert SECRET not in said
    assert raised.value.__cause__ is None
    return said


def _used(path: str) -> None:
    connection = load(path, None, {})
    api = KubernetesApi(connection)
    api._tls(connection.credential())
    api._connect()


def encoded(text: str | bytes) -> str:
    return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


# --- what kubectl takes


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(config()).encode("utf-16"),
        b"\xfe\xff" + json.dumps(config()).encode("utf-16-be"),
        b"\xef\xbb\xbf" + json.dumps(config()).encode(),
        json.dumps(config()) + "\n---\nanother: document\n",
        "---\n" + json.dumps(config()) + "\n---\n{ no yaml",
        config("HTTPS://127.0.0.1:6443"),
        config("Https://127.0.0.1:6443/"),
        {
            **config(),
            "current-context": 7,
            "contexts": [{"name": 7, "context": {"cluster": "c", "user": "u"}}],
        },
        config(user={"token": SECRET, "as": "", "as-groups": []}),
        json.dumps(config()).replace('"prod"', "2024-13-45"),
        json.dumps(config()).replace('"prod"', "12:30"),
    ],
)
def test_what_kubectl_takes_is_taken(content: Any, tmp_path: Path) -> None:
    found = load(str(written(tmp_path, content)), None, {})
    assert (found.server, found.credential().token) == ("https://127.0.0.1:6443", SECRET)


def test_empty_files_of_the_list_are_passed_over(tmp_path: Path) -> None:
    empty, comments = written(tmp_path, "", "empty"), written(tmp_path, "# nothing\n", "comments")
    last = written(tmp_path, config(), "last")
    assert load(None, None, {"KUBECONFIG": f"{empty}:{comments}:{last}"}).context == "prod"
    with pytest.raises(UserError, match=r"is not a kubeconfig \(it has no clusters and contexts\)"):
        load(None, None, {"KUBECONFIG": f"{empty}:{comments}"})


@pytest.mark.parametrize(
    "authorities",
    [
        "# Größe: für alle\n" + CA_PEM,
        b"# Gr\xf6\xdfe\n" + CA_PEM.encode(),
        CA_PEM.replace("\n", "\r\n"),
        "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n" + CA_PEM,
        CA_PEM + "-----BEGIN X509 CRL-----\nMA==\n-----END X509 CRL-----\n",
    ],
)
def test_the_authoritys_certificate_is_found_whatever_stands_around_it(
    authorities: str | bytes, tmp_path: Path
) -> None:
    content = config(**{"certificate-authority-data": encoded(authorities)})
    connection = load(str(written(tmp_path, content)), None, {})
    assert len(KubernetesApi(connection)._tls(connection.credential()).get_ca_certs()) == 1


def test_a_path_in_the_servers_address_is_kept_and_may_hold_any_letters(tmp_path: Path) -> None:
    with answering((200, {})) as address:
        path = written(tmp_path, config(f"HTTP://{address}/k8s/clústers/c-1/"))
        assert KubernetesApi(load(str(path), None, {})).get("/version") == {}


# --- what it does not take, or nobody can


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (config(user={"token": f"{SECRET}\n"}), "the token of the user of context prod in "),
        (config(user={"token": f"{SECRET}\n"}), "holds a line break, which no header can hold"),
        (config(user={"token": f"{SECRET}—x"}), "holds a character that is not a visible one of ASCII"),
        (config(user={"token": f"\ufeff{SECRET}"}), "holds a byte order mark"),
        (config(user={"token": 12345}), "token of the user of context prod in"),
        (config(user={"token": [SECRET]}), "is not text: put it in quotes"),
        (config(user={"username": 1, "password": SECRET}), "username of the user of context prod in"),
        (config(user={"client-certificate-data": 5}), "is not text: put it in quotes"),
        (config(user={"tokenFile": "/dev/zero"}), "/dev/zero of the user of context prod in"),
        (config(user={"tokenFile": "/dev/tty"}), "cannot be read ("),
        (config(user={"tokenFile": "\0"}), "tokenFile of the user of context prod in"),
        (
            config("https://127.0.0.1:6443 "),
            "as server, which holds a blank or a character that cannot be seen: correct the kubeconfig",
        ),
        (config("https://127.0.0.1:6443x"), "as server, whose port is not a number from 1 to 65535"),
        (config("https://127.0.0.1:99999"), "as server, whose port is not a number from 1 to 65535"),
        (config("https://127.0.0.1:0"), "as server, whose port is not a number from 1 to 65535"),
        (config(f"https://{'a' * 70}.example.com"), "as server, whose host is not a name or address"),
        (config("https://a..example.com"), "as server, whose host is not a name or address"),
        (config("https://[::1"), "as server, not a URL"),
        (config("https://[::g]"), "as server, "),
        (config("https:///path"), "as server, not a URL"),
        (config("ftp://127.0.0.1"), "as server, not a URL"),
        (
            config(f"https://admin:{SECRET}@127.0.0.1"),
            "has 'https://...@127.0.0.1' as server, which holds a user name",
        ),
        (config(**{"server": 6443}), "server of the cluster of context prod in"),
        (config(**{"tls-server-name": 127}), "tls-server-name of the cluster of context prod in"),
        (config(**{"tls-server-name": ".example.com"}), "is not a host name: correct the kubeconfig"),
        (config(**{"tls-server-name": "a" * 70}), "is not a host name: correct the kubeconfig"),
        (
            config(**{"proxy-url": f"http://u:{SECRET}@proxy:1x"}),
            "has a proxy-url, whose port is not a number",
        ),
        (config(**{"proxy-url": "http://[::"}), "has a proxy-url, not a URL"),
        (
            config(**{"proxy-url": f"http://{'b' * 70}"}),
            "has a proxy-url, whose host is not a name or address",
        ),
        (config(**{"proxy-url": 3128}), "proxy-url of the cluster of context prod in"),
        (config(**{"proxy-url": "socks5://proxy:1080"}), "is not an http:// proxy"),
        (config(**{"insecure-skip-tls-verify": "true"}), "is neither true nor false"),
        (
            config(**{"insecure-skip-tls-verify": True, "certificate-authority-data": encoded(CA_PEM)}),
            "has certificate-authority beside insecure-skip-tls-verify",
        ),
        (config(**{"certificate-authority": "/dev/stdin"}), "cannot be read ("),
        (config(**{"certificate-authority": "/proc"}), "cannot be read (it is not a regular file)"),
        (config(**{"certificate-authority-data": encoded("# nothing")}), "holds no certificate"),
        (
            config(user={"exec": {"command": "true", "env": {"REGION": "x"}}}),
            "is not a list of objects with name and value",
        ),
        (
            config(user={"exec": {"command": "true", "env": [{"value": "x"}]}}),
            "is not a list of objects with name and value",
        ),
        (
            config(user={"exec": {"command": "true", "env": [{"name": "A=B", "value": "x"}]}}),
            "has a name with '=' in it",
        ),
        (
            config(user={"exec": {"command": "true", "env": [{"name": "A", "value": 1}]}}),
            "value of env of the exec credential plugin",
        ),
        (config(user={"exec": {"command": "true", "args": "get-token"}}), "is not a list of texts"),
        (config(user={"exec": {"command": "true", "args": [1]}}), "is not a list of texts"),
        (config(user={"exec": {"command": ["true"]}}), "command of the exec credential plugin"),
        (config(user={"exec": "true"}), "has an exec credential plugin without a command"),
        (config(user={"exec": {}}), "has an exec credential plugin without a command"),
        ({**config(), "current-context": ["prod"]}, "current-context of kubeconfig"),
        ("[" * 100_000, "is not YAML"),
        ("a: !!timestamp x", "is not YAML"),
        ("a: !!int x", "is not YAML"),
        ("a: " + "1" * 5000, "is not YAML"),
        (
            "base: &a0 {x: 1}\n"
            + "".join(f"k{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 40)),
            "is not YAML",
        ),
        (
            {"config": f"apiVersion: v1\ntoken: {SECRET}\n", "expiration": "2026-01-01T00:00:00Z"},
            (
                "is the answer of DescribeClusterUserKubeconfig, whose field config holds the kubeconfig:"
                " write the text of that field alone to a file, or let ./mtls kubeconfig fetch one"
            ),
        ),
    ],
)
def test_what_cannot_be_used_is_told_in_one_sentence(content: Any, part: str, tmp_path: Path) -> None:
    assert part in sentence(content, tmp_path)


@pytest.mark.parametrize(
    "saved",
    [f"\ufeff{SECRET}".encode(), f"{SECRET}—".encode(), SECRET.encode("utf-16"), f"{SECRET}\nx".encode()],
)
def test_a_token_file_that_an_editor_changed_is_refused_without_the_token(
    saved: bytes, tmp_path: Path
) -> None:
    written(tmp_path, saved, "token")
    assert "which no header can hold: write the token anew" in sentence(
        config(user={"tokenFile": "token"}), tmp_path
    )


def plugin(directory: Path, code: str) -> dict[str, Any]:
    script = written(
        directory, f"#!{sys.executable}\nimport json, os, subprocess, sys, time\n{code}\n", "plugin"
    )
    script.chmod(0o755)
    return config(user={"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "./plugin"}})


@pytest.mark.parametrize(
    ("code", "part"),
    [
        (f"print(json.dumps({{'status': {{'token': '{SECRET}\\n'}}}}))", "holds a line break"),
        (f"print(json.dumps({{'status': {{'token': ['{SECRET}']}}}}))", "did not print an ExecCredential"),
        (
            f"print(json.dumps({{'status': {{'token': '{SECRET}', 'clientCertificateData': 1}}}}))",
            "did not print an ExecCredential",
        ),
        (
            "print(json.dumps({'status': {'clientCertificateData': chr(0xd800), 'clientKeyData': 'x'}}))",
            "do not belong together or cannot be read",
        ),
        ("print('[' * 100000)", "did not print an ExecCredential"),
        ("print('x' * (1 << 21)); time.sleep(60)", "does not stop printing"),
        ("open('/dev/tty').read()", "failed with exit code 1"),
        ("subprocess.Popen(['sleep', '60'])", "did not answer within"),
        ("subprocess.run(['sleep', '60'])", "did not answer within"),
    ],
)
def test_each_odd_answer_of_a_plugin_is_told_in_one_sentence(code: str, part: str, tmp_path: Path) -> None:
    content, begun = plugin(tmp_path, code), time.monotonic()
    with mock.patch.object(credential_plugin, "_PLUGIN_SECONDS", 2):
        assert part in sentence(content, tmp_path)
    assert time.monotonic() - begun < 20


def test_a_plugin_that_hangs_is_waited_for_once_and_leaves_nothing_behind(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    user = plugin(tmp_path, "")
    (tmp_path / "plugin").write_text(
        f'#!/bin/sh\nsleep 60 & echo $! >> "{runs}"; wait\n', encoding="utf-8"
    )  # starts sooner than Python
    api = KubernetesApi(load(str(written(tmp_path, user)), None, {}))
    with mock.patch.object(credential_plugin, "_PLUGIN_SECONDS", 2):
        for _ in range(3):
            with pytest.raises(UserError, match="did not answer within"):
                api.get("/version")
    (pid,) = runs.read_text(encoding="utf-8").split()
    assert eventually(lambda: is_gone(Path(f"/proc/{pid}/status")))


def is_gone(status: Path) -> bool:
    """Whether a process has ended, be it that nobody has waited for it yet."""
    try:
        return "\nState:\tZ" in status.read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return True


def eventually(holds: Callable[[], bool], seconds: float = 20) -> bool:
    """Whether something holds within some seconds; a signal takes its time on a busy machine."""
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.01)
    return holds()


def test_an_encrypted_key_is_refused_and_nobody_is_asked_for_its_password(tmp_path: Path) -> None:
    issuer = authority()
    locked = issuer.private_key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password")
    )
    user = {"client-certificate-data": encoded(pem(issuer.certificate)), "client-key-data": encoded(locked)}
    assert "is encrypted, which kubectl refuses too" in sentence(config(user=user), tmp_path)


# --- every field with every kind of value

VALUES: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        -1,
        1.5,
        10**30,
        "",
        " ",
        "\0",
        "\n",
        "x\n",
        "\ufeff",
        "—",
        "a" * 300,
        "~",
        "~nobody/x",
        "/",
        "/dev/zero",
        "..",
        "%",
        "[x",  # not [ alone, which is a program
        "1",
    ),
    *(
        [],
        {},
        [None],
        [1],
        ["x"],
        [{}],
        [[]],
        {"": ""},
        {"x": 1},
        {"name": "x"},
        [{"name": "x"}],
        [{"name": 1, "value": []}],
        "aHR0cA==",
        "http://",
        "https://x:y",
    ),
]
FIELDS = [
    *(
        "token",
        "tokenFile",
        "username",
        "password",
        "client-certificate",
        "client-certificate-data",
        "client-key",
        "client-key-data",
        "as",
    ),
    *(
        "as-groups",
        "auth-provider",
        "exec",
        "server",
        "tls-server-name",
        "proxy-url",
        "insecure-skip-tls-verify",
        "certificate-authority",
    ),
    *(
        "certificate-authority-data",
        "command",
        "args",
        "env",
        "apiVersion",
        "installHint",
        "provideClusterInfo",
        "interactiveMode",
    ),
]


def _places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield place
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from _places(item, (*place, key))


FULL = config(
    user={"token": SECRET, "exec": {"command": "true", "args": ["x"], "env": [{"name": "A", "value": "b"}]}},
    **{
        "certificate-authority-data": encoded(CA_PEM),
        "tls-server-name": "kubernetes",
        "proxy-url": "http://proxy:3128",
    },
)
PLACES = list(_places(FULL))


def _changed(place: tuple[Any, ...], value: Any, extra: dict[str, Any]) -> Any:
    content = copy.deepcopy(FULL)
    if not place:
        return value
    target = content
    for key in place[:-1]:
        target = target[key]
    target[place[-1]] = value
    for section, name in (("clusters", "cluster"), ("users", "user")):
        if len(place) > 3 and place[0] == section:
            content[section][0][name].update(extra)
    return content


@settings(max_examples=examples(300), deadline=None)
@given(
    st.sampled_from(PLACES),
    st.sampled_from(VALUES),
    st.dictionaries(st.sampled_from(FIELDS), st.sampled_from(VALUES), max_size=2),
    st.sampled_from([json.dumps, lambda content: json.dumps(content).encode("utf-16").decode("utf-16")]),
)
def test_any_value_in_any_field_is_taken_or_told_in_one_sentence(
    tmp_path_factory: pytest.TempPathFactory,
    place: tuple[Any, ...],
    value: Any,
    extra: dict[str, Any],
    text: Callable[[Any], str],
) -> None:
    path = written(tmp_path_factory.mktemp("kubeconfig"), text(_changed(place, value, extra)))
    try:
        with mock.patch.object(credential_plugin, "_PLUGIN_SECONDS", 5):
            _used(str(path))
    except UserError as error:
        assert "\n" not in str(error)
        assert SECRET not in str(error)
