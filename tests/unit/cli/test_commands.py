"""The command line: errors, help, and `mtls status` with what it asks for."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.run import Run

ROOT = Path(__file__).resolve().parents[3]


def test_an_error_of_the_stack_is_one_sentence_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], pulumi: Callable[..., Path]
) -> None:
    project = pulumi(
        stderr="error: no stack selected; please use `pulumi stack select` to choose one", code=255
    )
    done = Run(capsys, "verify", "--cwd", str(project))
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("mtls: no stack is selected in ") and done.err.count("\n") == 1
    as_json = Run(capsys, "verify", "--cwd", str(project), "--json")
    assert (as_json.code, as_json.err) == (2, "")
    assert json.loads(as_json.out)["error"].startswith("no stack is selected in ")


def test_a_fault_of_our_own_is_no_verdict_on_a_listener(
    capsys: pytest.CaptureFixture[str], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from alb_mutual_tls.operations.verification import verify as verification

    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(verification, "verify_stack", fail)
    done = Run(capsys, "verify", "--cwd", str(project))
    assert done.code == 2
    assert done.err.splitlines()[-1] == "mtls: internal error, please report it: ZeroDivisionError: oops"


def test_help_needs_nothing_that_a_command_needs() -> None:
    """Time to help: measured as what is imported, since a clock would measure the machine."""
    code = (
        "import sys; sys.argv = ['mtls', '--help']\nfrom alb_mutual_tls.cli.__main__ import main\ntry:\n   "
        " main()\nexcept SystemExit:\n    pass\nheavy = {'rich', 'cryptography', 'pydantic', 'lightkube',"
        " 'httpx', 'pulumi', 'ssl', 'yaml'} & set(sys.modules)\nsys.exit(f'imported {sorted(heavy)}' if heavy"
        " else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "verify" in done.stdout and "clients" in done.stdout


def test_status_asks_for_the_state_without_its_secrets_and_says_what_could_not_be_seen(
    capsys: pytest.CaptureFixture[str], pulumi: Callable[..., Path], exported: dict[str, Any]
) -> None:
    exported["deployment"]["resources"][1]["inputs"] = {"kubeconfig": "nowhere"}
    project = pulumi(stdout=json.dumps(exported))
    done = Run(capsys, "status", "--cwd", str(project))
    assert (done.code, done.err) == (2, "")
    assert "--show-secrets" not in (project.parent / "bin/arguments").read_text().splitlines()
    assert "not decided: listener https (AlbConfig alb port 443): the AlbConfig was not seen:" in done.out
    document = json.loads(Run(capsys, "status", "--cwd", str(project), "--json").out)
    assert (document["version"], document["exitCode"], [one["name"] for one in document["clients"]]) == (
        1,
        2,
        ["client", "csr-client"],
    )
    metrics = Run(capsys, "status", "--cwd", str(project), "--format", "openmetrics")
    assert (metrics.code, metrics.err) == (2, "")
    assert metrics.out.endswith("\nalbmtls_status_timestamp_seconds " + metrics.out.split()[-3] + "\n# EOF\n")


def test_status_and_verify_say_that_the_stack_file_has_changed_and_verify_goes_to_the_new_address(
    capsys: pytest.CaptureFixture[str], project: Path, exported: dict[str, Any]
) -> None:
    exported["deployment"]["resources"][1]["inputs"] = {"kubeconfig": "nowhere"}
    (project.parent / "bin/stdout").write_text(json.dumps(exported))
    verify = {"address": "verify.invalid", "serverName": "new.example.com"}
    listeners = {"https": {"albConfig": "alb", "port": 443, "verify": verify}}
    (project.parent / "bin/config").write_text(
        json.dumps({"alb-mutual-tls:listeners": {"value": "-", "objectValue": listeners}})
    )
    past = {
        "kind": "update",
        "result": "succeeded",
        "config": {"alb-mutual-tls:listeners": {"value": "{}", "objectValue": {}}},
    }
    (project.parent / "bin/history").write_text(json.dumps([past]))
    note = (
        "the configuration has changed since the last deployment (alb-mutual-tls:listeners), and this goes by"
        " what is deployed"
    )
    told = Run(capsys, "status", "--cwd", str(project))
    assert (told.code, f"note: {note}" in told.out) == (2, True)
    tried = Run(capsys, "verify", "--cwd", str(project), "--json", "--timeout", "0.1", "--listener", "https")
    document = json.loads(tried.out)
    assert [said.startswith(note) for said in document["notes"]] == [True]
    assert document["listeners"][0]["checks"][0]["why"].startswith(
        "the address verify.invalid cannot be resolved"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--fail-within", "2w"],
            "--fail-within '2w' is not a time: give a whole number of days or hours, for instance 14d or 36h",
        ),
        (
            ["--json", "--format", "openmetrics"],
            "--json and --format openmetrics are both given: leave one of them out",
        ),
        (["--component", "other"], "the stack has no AlbMutualTls named 'other': it has mtls"),
    ],
)
def test_status_refuses_what_it_cannot_do_in_one_sentence(
    capsys: pytest.CaptureFixture[str], project: Path, arguments: list[str], message: str
) -> None:
    done = Run(capsys, "status", "--cwd", str(project), *arguments)
    if "--json" in arguments:
        assert (done.code, json.loads(done.out)["error"]) == (2, message)
    else:
        assert (done.code, done.out, done.err) == (2, "", f"mtls: {message}\n")
