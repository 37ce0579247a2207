"""`mtls doctor` against the sandbox's CAS and STS, with failing calls: what it finds, what it
leaves (nothing), what it shows (no secret).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from alb_mutual_tls.alibaba import cas, openapi
from alb_mutual_tls.cli.__main__ import main
from dev.sandbox.cloud import OpenApiServer
from dev.sandbox.layout import ACCESS_KEY_ID, ACCESS_KEY_SECRET, ACCOUNT_ID
from tests.contract.cas.conftest import Gateway

ROOT = Path(__file__).resolve().parents[3]


@dataclass
class Run:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)
        return found

    def finding(self, case: str) -> tuple[str, str]:
        return next((one["verdict"], one["found"]) for one in self.report["findings"] if one["case"] == case)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OpenApiServer]:
    with OpenApiServer(tmp_path / "sandbox", queries_per_second=None) as running:
        yield running


@pytest.fixture
def gateway(server: OpenApiServer) -> Iterator[Gateway]:
    gateway = Gateway(server.address)
    yield gateway
    gateway.close()


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "ALIBABA_CLOUD_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": ACCESS_KEY_SECRET,
    }


@pytest.fixture
def doctor(
    gateway: Gateway,
    variables: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Callable[..., Run]]:
    """Runs the command in this process with credentials of the sandbox; its lists do not lag
    behind, so nobody waits for them long.
    """
    for name in [*os.environ]:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(cas, "SETTLING", 0.5)
    monkeypatch.setattr(openapi, "FIRST_PAUSE", 0.025)
    before = signal.getsignal(signal.SIGTERM)

    at_the_gateway = (
        "--endpoint",
        f"cas={gateway.endpoint}",
        "--endpoint",
        f"sts={gateway.endpoint}",
        "--protocol",
        "http",
    )

    def run(*arguments: str, place: tuple[str, ...] = at_the_gateway) -> Run:
        monkeypatch.setattr(sys, "argv", ["mtls", "doctor", *place, "--timeout", "2", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return Run(int(ended.value.code or 0), *capsys.readouterr())

    yield run
    signal.signal(signal.SIGTERM, before)


def stored(server: OpenApiServer) -> tuple[int, int]:
    """How many repositories and certificates the account has."""
    with server.repositories.store.reading() as content:
        return len(content["warehouses"]), len(content["certificates"])


def test_all_is_as_expected_and_nothing_is_left(doctor: Callable[..., Run], server: OpenApiServer) -> None:
    done = doctor("--yes", "--json")
    assert (done.code, done.err) == (0, "")
    assert {one["verdict"] for one in done.report["findings"]} == {"held"}
    assert done.report["summary"] == "held: 11 held; nothing is left"
    assert (
        done.report["settings"]["kept"]
        == f"CA certificates are kept by CAS at {done.report['settings']['cas']}, as alicloud:endpoints.cas"
        " says"
    )
    assert (stored(server), done.report["left"]) == ((0, 0), [])


def test_every_call_is_told_with_its_request_id_time_and_what_came_back(doctor: Callable[..., Run]) -> None:
    calls = doctor("--yes", "--json").report["calls"]
    assert [call["action"] for call in calls][:2] == ["GetCallerIdentity", "CreateWarehouse"]
    assert all(len(call["requestId"]) == 36 and call["seconds"] > 0 for call in calls)
    refused = {
        call["action"]: (call["status"], call["code"]) for call in calls if call["result"] == "refused"
    }
    assert refused == {
        "DescribeWarehouseCert": (404, "Certificate.NotFound"),
        "DeletePCACert": (404, "Certificate.NotFound"),
        "DeleteWarehouse": (404, "Warehouse.NotFound"),
    }
    listed = next(call for call in calls if call["action"] == "ListCertWarehouse" and len(call["fields"]) > 5)
    types = {one["path"]: (one["type"], one["value"]) for one in listed["fields"]}
    assert types["CertWarehouseList[].Type"] == ("text", "uploadCA")
    assert types["CertWarehouseList[].WhId"][0] == "integer"


def test_no_secret_no_certificate_text_and_no_account_id_is_shown(doctor: Callable[..., Run]) -> None:
    for form in ((), ("--json",)):
        shown = doctor("--yes", *form).out
        assert ACCESS_KEY_SECRET not in shown
        assert ACCESS_KEY_ID not in shown
        assert ACCOUNT_ID not in shown
        assert "1234****3456" in shown
        assert "BEGIN" not in shown


def test_others_repositories_are_neither_touched_nor_shown(
    doctor: Callable[..., Run], server: OpenApiServer, gateway: Gateway
) -> None:
    with server.repositories.store.changing() as content:
        content["warehouses"].append(
            {"WhId": 1, "InstanceId": "cas-wh-theirs", "Name": "somebody's", "Type": "uploadCA"}
        )
    gateway.fault("DescribeWarehouseCert", "throttled")
    done = doctor("--yes", "--json")
    assert done.code == 0
    assert "theirs" not in done.out
    assert "somebody" not in done.out
    assert stored(server) == (1, 0)


def test_the_settings_of_a_deployed_stack_come_from_its_state(
    doctor: Callable[..., Run], gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"):
        monkeypatch.delenv(name)
    root, provider = (
        "urn:pulumi:dev::p::alb-mutual-tls:index:AlbMutualTls::mtls",
        "urn:pulumi:dev::p::pulumi:providers:albmtls::it",
    )
    inputs = {
        "endpoints": json.dumps({"cas": gateway.endpoint, "sts": gateway.endpoint}),
        "protocol": "HTTP",
        "accessKey": ACCESS_KEY_ID,
        "secretKey": ACCESS_KEY_SECRET,
        "account": ACCOUNT_ID,
    }
    resources = [
        {"urn": provider, "type": "pulumi:providers:albmtls", "id": "1", "inputs": inputs},
        {"urn": root, "type": "alb-mutual-tls:index:AlbMutualTls"},
        {
            "urn": f"{root}$x",
            "type": "albmtls:index:CaCertificate",
            "parent": root,
            "provider": f"{provider}::1",
        },
    ]
    program = tmp_path / "pulumi"
    program.write_text(f"#!/bin/sh\necho '{json.dumps({'deployment': {'resources': resources}})}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    done = doctor("--yes", "--json", "--cwd", str(tmp_path), place=())
    assert (done.code, done.report["settings"]["from"]) == (0, "the stack's provider albmtls")
    assert done.report["settings"]["credential"].endswith("from alicloud:accessKey")

    inputs["account"] = "6543210987654321"
    program.write_text(f"#!/bin/sh\necho '{json.dumps({'deployment': {'resources': resources}})}'\n")
    other = doctor("--yes", "--cwd", str(tmp_path), place=())
    assert other.code == 2
    assert other.err.startswith("mtls: this stack is in the Alibaba Cloud account 6543210987654321, and")
    assert other.err.endswith(": use credentials of 6543210987654321; nothing was changed\n")


@pytest.mark.parametrize("action", ["CreateWarehouse", "UploadPCACert", "DeletePCACert", "DeleteWarehouse"])
@pytest.mark.parametrize("fault", ["lost", "reset", "failed", "failed-done", "throttled"])
def test_an_answer_that_got_lost_leaves_nothing_behind(
    doctor: Callable[..., Run], server: OpenApiServer, gateway: Gateway, action: str, fault: str
) -> None:
    gateway.fault(action, fault)
    done = doctor("--yes", "--json")
    assert stored(server) == (0, 0)
    assert done.report["left"] == []
    assert done.code in (0, 2)
    if done.code == 2:  # the id under which a repository was made is not known after a lost answer
        assert [one["case"] for one in done.report["findings"] if one["verdict"] != "held"] == [
            "it is listed with the id that it was made with"
        ]


def test_a_service_that_refuses_the_upload_is_reported_and_the_repository_deleted(
    doctor: Callable[..., Run], server: OpenApiServer, gateway: Gateway
) -> None:
    gateway.fault("UploadPCACert", "forbidden")
    done = doctor("--yes", "--json")
    verdict, found = done.finding("a CA can be uploaded")
    assert (done.code, verdict) == (2, "not decided")
    assert "is not permitted to call UploadPCACert" in found
    assert (stored(server), done.report["left"]) == ((0, 0), [])


def test_what_cannot_be_deleted_is_named(
    doctor: Callable[..., Run], server: OpenApiServer, gateway: Gateway
) -> None:
    gateway.fault("DeletePCACert", "forbidden", "forbidden")
    done = doctor("--yes", "--json")
    assert (done.code, stored(server)) == (1, (1, 1))
    (left,) = done.report["left"]
    assert left.startswith(f"the repository {done.report['settings']['name']} (cas-wh-")
    assert left.endswith("delete it in the console of Certificate Management Service")


def test_people_are_told_what_could_not_be_deleted(doctor: Callable[..., Run], gateway: Gateway) -> None:
    gateway.fault("DeleteWarehouse", "forbidden", "forbidden")
    done = doctor("--yes")
    assert done.code == 1
    assert "LEFT: the repository alb-mutual-tls-doctor-" in done.out


def test_without_a_terminal_and_without_yes_nothing_is_written(
    doctor: Callable[..., Run], server: OpenApiServer
) -> None:
    done = doctor()
    assert (done.code, done.out) == (2, "")
    assert done.err.endswith("there is no terminal to ask at; give --yes\n")
    assert stored(server) == (0, 0)


def test_all_calls_go_into_a_new_file_and_a_file_that_is_there_stops_it_before_anything_is_made(
    doctor: Callable[..., Run], tmp_path: Path, server: OpenApiServer
) -> None:
    file = tmp_path / "doctor.json"
    done = doctor("--yes", "--report", str(file))
    assert (done.code, done.err) == (0, "")
    kept = json.loads(file.read_text())
    assert kept["summary"] == done.out.splitlines()[0]
    assert kept["calls"] and "CreateWarehouse" not in done.out
    before = file.read_text()
    for path in (file, tmp_path / "no" / "doctor.json"):
        refused = doctor("--yes", "--report", str(path))
        assert (refused.code, refused.out) == (2, "")
        assert "so nothing was made: give the path of a new file" in refused.err
    assert (stored(server), file.read_text()) == ((0, 0), before)


def test_a_wrong_key_is_one_sentence_and_exit_code_2(
    doctor: Callable[..., Run], server: OpenApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "something else")
    done = doctor("--yes", "--json")
    assert done.code == 2
    assert "does not accept the access key" in done.report["error"]
    assert "something else" not in done.out


def test_an_endpoint_that_is_none_is_refused(doctor: Callable[..., Run]) -> None:
    done = doctor("--yes", "--endpoint", "cas=https://cas.aliyuncs.com")
    assert (done.code, done.err) == (
        2,
        (
            "mtls: --endpoint cas=https://cas.aliyuncs.com is not an endpoint: give one of cas, alb, sts, cs"
            " and a host, for instance cas=cas.aliyuncs.com\n"
        ),
    )


_INTERRUPTED = """
import os, signal, sys
from alb_mutual_tls.alibaba import cas, openapi
from alb_mutual_tls.cli.__main__ import main
cas.SETTLING = 0.5
openapi.FIRST_PAUSE = 0.025
original, wanted = openapi.OpenApi._call, sys.argv.pop()
def call(self, action, query, body, path=None):
    answer = original(self, action, query, body, path)
    global wanted
    if action == wanted:
        wanted = ""
        os.kill(os.getpid(), signal.SIGINT)
    return answer
openapi.OpenApi._call = call
main()
"""


@pytest.mark.parametrize(
    "action",
    ["CreateWarehouse", "UploadPCACert", "DescribeWarehouseCert", "DeletePCACert", "DeleteWarehouse"],
)
def test_ctrl_c_at_any_call_deletes_what_was_made(
    gateway: Gateway, server: OpenApiServer, variables: dict[str, str], action: str
) -> None:
    place = [
        "--endpoint",
        f"cas={gateway.endpoint}",
        "--endpoint",
        f"sts={gateway.endpoint}",
        "--protocol",
        "HTTP",
    ]
    done = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED, "doctor", "--yes", "--json", *place, action],
        env={**variables, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (130, "")
    report = json.loads(done.stdout)
    assert report["findings"][-1]["found"] == "interrupted"
    assert (stored(server), report["left"]) == ((0, 0), [])
