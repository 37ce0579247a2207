"""`mtls kubeconfig` against the sandbox's Container Service: what it asks, what it writes, what it
refuses and what it never shows.
"""

from __future__ import annotations

import json
import os
import shlex
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from alb_mutual_tls.cli.__main__ import main
from alb_mutual_tls.cluster import kubeconfig as kubeconfigs
from alb_mutual_tls.cluster import user_kubeconfig
from dev.sandbox import certificates
from dev.sandbox.cloud import OpenApiServer
from dev.sandbox.layout import (
    ACCESS_KEY_ID,
    ACCESS_KEY_SECRET,
    ACCOUNT_ID,
    ACK_CLUSTER_ID,
    NO_ALB_ACCESS_KEY_ID,
    OTHER_ACCOUNT_ACCESS_KEY_ID,
    OTHER_ACCOUNT_ID,
    Layout,
)

PULUMI = """#!/bin/sh
echo "$*" >> "${0%/*}/calls"
case "$*" in
    *"config --json"*) cat "${0%/*}/config.json" ;;
    *"config get alicloud:secretKey"*) echo "$SECRET_KEY" ;;
    *) echo "error: unexpected: $*" >&2; exit 1 ;;
esac
"""


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    made = Layout(tmp_path_factory.mktemp("sandbox"))
    certificates.make(made)
    made.save()
    return made


@pytest.fixture(scope="module")
def server(layout: Layout) -> Iterator[OpenApiServer]:
    with OpenApiServer(layout.directory, queries_per_second=None) as running:
        yield running


Mtls = Callable[..., tuple[int, str, str]]


@pytest.fixture
def mtls(
    server: OpenApiServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Mtls:
    """Run `mtls kubeconfig` in a project whose stack has this configuration besides region,
    protocol and endpoints; code, output, errors.
    """
    for name in [name for name in os.environ if name.startswith(("ALI", "KUBE"))]:
        monkeypatch.delenv(name)
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "pulumi").write_text(PULUMI)
    (folder / "pulumi").chmod(0o755)
    (tmp_path / "Pulumi.yaml").write_text("name: alb-mutual-tls\n")
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", ACCESS_KEY_ID)
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", ACCESS_KEY_SECRET)

    def run(*arguments: str, **configured: Any) -> tuple[int, str, str]:
        values: dict[str, Any] = {
            "alicloud:region": "cn-hangzhou",
            "alicloud:protocol": "HTTP",
            "alicloud:endpoints": json.dumps([{"cs": server.address}, {"sts": server.address}]),
            "alb-mutual-tls:caEnabled": "true",
            **{key.replace("__", ":"): value for key, value in configured.items()},
        }
        entries = {
            key: value if isinstance(value, dict) else {"value": value}
            for key, value in values.items()
            if value is not None
        }
        (folder / "config.json").write_text(json.dumps(entries))
        monkeypatch.setattr(sys, "argv", ["mtls", "kubeconfig", "--cwd", str(tmp_path), *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return (int(ended.value.code or 0), *capsys.readouterr())

    return run


def asked(layout: Layout) -> list[str]:
    log = layout.directory / "logs/api.log"
    return [json.loads(line)["action"] for line in log.read_text().splitlines()] if log.exists() else []


def test_a_kubeconfig_for_the_time_asked_for_is_written_for_its_owner_only_and_named_in_a_line_for_the_shell(
    mtls: Mtls, layout: Layout, tmp_path: Path
) -> None:
    file = tmp_path / "a b" / "config"
    code, out, err = mtls("--cluster-id", ACK_CLUSTER_ID, "--minutes", "20", "--output", str(file))
    assert (code, err) == (0, "")
    connection = kubeconfigs.load(str(file), None, {})
    assert connection.server == layout.apiserver_url
    assert connection.credential().private_key is not None
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    comment, export = out.splitlines()
    expires = comment.rpartition(" ")[2]
    assert comment == f"# kubeconfig of the ACK cluster {ACK_CLUSTER_ID}, good until {expires}"
    assert (
        timedelta(minutes=19) < datetime.fromisoformat(expires) - datetime.now(UTC) <= timedelta(minutes=20)
    )
    assert export == f"export KUBECONFIG={shlex.quote(str(file))}"
    shown = subprocess.run(
        ["sh", "-c", f'eval "{out}"; printf %s "$KUBECONFIG"'], capture_output=True, text=True, check=True
    )
    assert shown.stdout == str(file)
    secrets = yaml.safe_load(file.read_text())["users"][0]["user"].values()
    assert not [value for value in secrets if value in out]


def test_the_private_address_is_asked_for_and_json_is_printed(mtls: Mtls, tmp_path: Path) -> None:
    file = tmp_path / "config"
    code, out, _ = mtls(
        "--private-address",
        "--output",
        str(file),
        "--json",
        **{"alb-mutual-tls__ackClusterId": ACK_CLUSTER_ID},
    )
    report = json.loads(out)
    assert (code, report["clusterId"], report["kubeconfig"]) == (0, ACK_CLUSTER_ID, str(file))
    assert (
        timedelta(minutes=59)
        < datetime.fromisoformat(report["expires"]) - datetime.now(UTC)
        <= timedelta(minutes=60)
    )
    assert kubeconfigs.load(str(file), None, {}).server.startswith("https://localhost:")


def test_one_of_its_own_files_is_replaced_and_no_other_unless_forced(
    mtls: Mtls, layout: Layout, tmp_path: Path
) -> None:
    own, other = tmp_path / "own", tmp_path / "other"
    arguments = ("--cluster-id", ACK_CLUSTER_ID, "--output")
    assert mtls(*arguments, str(own))[0] == 0
    first = own.read_text()
    assert mtls(*arguments, str(own))[0] == 0
    assert own.read_text() != first
    other.write_text("apiVersion: v1\n")
    before = asked(layout)
    code, out, err = mtls(*arguments, str(other))
    assert (code, out) == (2, "")
    assert (
        err
        == f"mtls: {other} exists and was not written by mtls kubeconfig: give another --output, or --force"
        " to replace it\n"
    )
    assert (other.read_text(), asked(layout)) == ("apiVersion: v1\n", before)
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    assert "exists and was not written by" in mtls(*arguments, str(tmp_path / "link"))[2]
    assert mtls(*arguments, str(other), "--force")[0] == 0
    assert kubeconfigs.load(str(other), None, {}).context
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_the_stacks_cluster_is_the_only_one_of_a_stack_that_names_one(
    mtls: Mtls, layout: Layout, tmp_path: Path
) -> None:
    before = asked(layout)
    file = str(tmp_path / "config")
    assert (
        mtls("--output", file)[2]
        == "mtls: no ACK cluster is named: give --cluster-id, or set ackClusterId in the stack (pulumi config"
        " set ackClusterId ID)\n"
    )
    code, _, err = mtls(
        "--output", file, "--cluster-id", "c1", **{"alb-mutual-tls__ackClusterId": ACK_CLUSTER_ID}
    )
    assert (code, err) == (
        2,
        (
            f"mtls: --cluster-id c1 is not the cluster of this stack, whose ackClusterId is {ACK_CLUSTER_ID}:"
            " leave the option out, or choose the right --stack\n"
        ),
    )
    assert asked(layout) == before
    assert (
        mtls(
            "--output",
            file,
            "--cluster-id",
            ACK_CLUSTER_ID,
            **{"alb-mutual-tls__ackClusterId": ACK_CLUSTER_ID},
        )[0]
        == 0
    )


def test_the_account_is_compared_before_container_service_is_asked(
    mtls: Mtls, layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ("--output", str(tmp_path / "config"), "--cluster-id", ACK_CLUSTER_ID)
    assert mtls(*arguments, **{"alb-mutual-tls__accountId": ACCOUNT_ID})[0] == 0
    assert asked(layout)[-2:] == ["GetCallerIdentity", "DescribeClusterUserKubeconfig"]
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", OTHER_ACCOUNT_ACCESS_KEY_ID)
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", f"{OTHER_ACCOUNT_ACCESS_KEY_ID}-secret")
    code, _, err = mtls(*arguments, **{"alb-mutual-tls__accountId": ACCOUNT_ID})
    assert code == 2
    assert (
        f"belong to the account {OTHER_ACCOUNT_ID}, and the key accountId wants {ACCOUNT_ID}: use"
        " credentials of that account" in err
    )
    assert asked(layout)[-2:] == ["DescribeClusterUserKubeconfig", "GetCallerIdentity"]


def test_a_secret_of_the_configuration_is_decrypted_only_where_it_is_needed(
    mtls: Mtls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ALIBABA_CLOUD_ACCESS_KEY_ID")
    monkeypatch.delenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET")
    monkeypatch.setenv("SECRET_KEY", ACCESS_KEY_SECRET)
    secret = {"secret": True}
    code, out, err = mtls(
        "--output",
        str(tmp_path / "config"),
        "--cluster-id",
        ACK_CLUSTER_ID,
        "--stack",
        "prod",
        **{
            "alicloud__accessKey": ACCESS_KEY_ID,
            "alicloud__secretKey": secret,
            "alb-mutual-tls__authorityPrivateKeys": secret,
        },
    )
    assert (code, err) == (0, "")
    assert ACCESS_KEY_SECRET not in out
    calls = (tmp_path / "bin/calls").read_text().splitlines()
    assert [call.rpartition("--cwd ")[2].partition(" ")[2] for call in calls] == [
        "config --json --stack prod",
        "config get alicloud:secretKey --stack prod",
    ]


def test_an_unknown_cluster_a_missing_permission_and_no_region_are_one_sentence_each(
    mtls: Mtls, server: OpenApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config"
    arguments = ("--output", str(file), "--cluster-id")
    service = f"Container Service for Kubernetes (ACK) at {server.address}"
    _, _, err = mtls(*arguments, "c404")
    assert err.startswith(f"mtls: {service} knows no cluster c404 in this account (request ")
    assert err.endswith("): check the cluster id, alicloud:region and whose credentials these are\n")
    assert (
        mtls(*arguments, "c/../x")[2]
        == "mtls: 'c/../x' is not an ACK cluster id: give the id that the console shows, c and 32 hexadecimal"
        " digits\n"
    )
    assert (
        mtls(*arguments, ACK_CLUSTER_ID, alicloud__region=None, alicloud__endpoints=None)[2]
        == "mtls: alicloud:region is not set, so Container Service for Kubernetes (ACK) cannot be asked: set"
        " it to the region of the ACK cluster\n"
    )
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", NO_ALB_ACCESS_KEY_ID)
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", f"{NO_ALB_ACCESS_KEY_ID}-secret")
    code, out, err = mtls(*arguments, ACK_CLUSTER_ID)
    assert (code, out) == (2, "")
    assert (
        "is not permitted to call DescribeClusterUserKubeconfig of Container Service for Kubernetes (ACK):"
        " Forbidden.RAM (HTTP 403" in err
    )
    assert "grant the RAM action cs:DescribeClusterUserKubeconfig" in err
    assert not file.exists()


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"config": "", "expiration": "2026-01-01T00:00:00Z"},
        {"config": "apiVersion: v1\nkind: Config\ncontexts: []\n", "expiration": "2026-01-01T00:00:00Z"},
        {"config": "- a\n- list\n", "expiration": "2026-01-01T00:00:00Z"},
    ],
)
def test_an_answer_without_a_usable_context_is_not_written(
    mtls: Mtls, server: OpenApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: dict[str, str]
) -> None:
    monkeypatch.setitem(server._actions[ACCOUNT_ID], user_kubeconfig.ACTION, lambda values: answer)
    arguments = ("--output", str(tmp_path / "config"), "--cluster-id", ACK_CLUSTER_ID)
    told = (
        f"mtls: Container Service for Kubernetes (ACK) at {server.address} gave no kubeconfig with a usable"
        f" context for the cluster {ACK_CLUSTER_ID}: "
    )
    assert (
        mtls(*arguments)[2]
        == f"{told}without a public address it needs --private-address, from inside its VPC; look in the ACK"
        " console whether it runs\n"
    )
    assert (
        mtls(*arguments, "--private-address")[2]
        == f"{told}the cluster may be deleted; look in the ACK console whether it runs\n"
    )
    assert not (tmp_path / "config").exists()


def test_minutes_outside_what_container_service_allows_are_no_option(mtls: Mtls, tmp_path: Path) -> None:
    for minutes in ("14", "4321"):
        assert mtls("--output", str(tmp_path / "config"), "--minutes", minutes)[0] == 2
    assert not (tmp_path / "config").exists()
