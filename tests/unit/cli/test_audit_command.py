"""`mtls audit`: whose listeners it looks at, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.run import Run


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--fail-within", "2w"],
            "--fail-within '2w' is not a time: give a whole number of days or hours, for instance 14d or 36h",
        ),
        (
            ["--stack", "dev", "--region", "cn-hangzhou"],
            "--stack is given beside options that say where to look: leave one of the two out",
        ),
        (
            ["--endpoint", "ecs=x"],
            (
                "--endpoint ecs=x is not an endpoint: give one of cas, alb, sts, cs and a host, for instance"
                " cas=cas.aliyuncs.com"
            ),
        ),
        (
            ["--adopt", "alb:443"],
            "--adopt needs --stack-file: give the file to write, for instance Pulumi.adopted.yaml",
        ),
    ],
)
@pytest.mark.parametrize("form", [[], ["--json"]])
def test_audit_refuses_what_it_cannot_do_in_one_sentence(
    capsys: pytest.CaptureFixture[str], project: Path, arguments: list[str], message: str, form: list[str]
) -> None:
    done = Run(capsys, "audit", "--cwd", str(project), *arguments, *form)
    if form:
        assert (done.code, done.err, json.loads(done.out)["error"]) == (2, "", message)
    else:
        assert (done.code, done.out, done.err) == (2, "", f"mtls: {message}\n")


def test_audit_takes_the_place_of_a_stack_that_is_deployed_and_else_says_what_to_give(
    capsys: pytest.CaptureFixture[str], project: Path
) -> None:
    done = Run(capsys, "audit", "--stack", "dev", "--cwd", str(project))
    assert done.code == 2
    # the state has it from the project's directory on
    assert f"{project}/.sandbox/kubeconfig" in done.err
    (project.parent / "bin/stdout").write_text(json.dumps({"version": 3, "deployment": {"resources": []}}))
    assert (
        Run(capsys, "audit", "--stack", "dev", "--cwd", str(project)).err
        == "mtls: nothing is deployed in stack dev yet, so it has no settings to take: give --region and,"
        " where needed, --kubeconfig\n"
    )


def test_audit_looks_where_the_selected_stack_works_and_says_so(
    capsys: pytest.CaptureFixture[str],
    project: Path,
    exported: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from alb_mutual_tls.operations.audit import scan as audit_scan
    from alb_mutual_tls.operations.audit.scanned import ScannedCluster
    from tests.unit.operations.audit.audits import seen

    looked: list[str] = []
    monkeypatch.setenv("KUBECONFIG", str(project / "of-the-environment"))
    done = Run(capsys, "audit", "--cwd", str(project))
    assert (done.code, f"{project}/.sandbox/kubeconfig" in done.err) == (
        2,
        True,
    )  # where the stack works, which has none here
    done = Run(capsys, "audit", "--cwd", str(project), "--region", "cn-hangzhou")
    assert (done.code, f"{project}/of-the-environment" in done.err) == (2, True)

    def scan(cluster: object, _: object) -> ScannedCluster:
        looked.append(str(cluster))
        return seen()

    monkeypatch.setattr(audit_scan, "scan", scan)
    kubeconfig = {
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
        "current-context": "c",
    }
    text = json.dumps({**kubeconfig, "contexts": [{"name": "c", "context": {"cluster": "c"}}]})
    exported["deployment"]["resources"][1]["inputs"] = {"kubeconfig": text}
    (project.parent / "bin/stdout").write_text(json.dumps(exported))
    done = Run(capsys, "audit", "--cwd", str(project), "--json")
    assert (done.code, json.loads(done.out)["settings"]) == (0, "the settings of stack dev")
    assert "127.0.0.1:1" in looked[0]


@pytest.mark.parametrize(
    ("stderr", "code", "says"),
    [
        ("error: no stack selected; please use `pulumi stack select`", 2, "of-the-environment"),
        ("error: no Pulumi.yaml project file found", 2, "of-the-environment"),
        ("error: PULUMI_ACCESS_TOKEN must be set for login", 2, "of-the-environment"),
        (
            "error: unable to open state directory",
            2,
            "to look without a stack, give --region, --kubeconfig or --profile",
        ),
    ],
)
def test_audit_goes_by_the_environment_only_where_no_stack_is_selected(
    capsys: pytest.CaptureFixture[str],
    pulumi: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    stderr: str,
    code: int,
    says: str,
) -> None:
    project = pulumi(stderr=stderr, code=255)
    monkeypatch.setenv("KUBECONFIG", str(project / "of-the-environment"))
    done = Run(capsys, "audit", "--cwd", str(project))
    assert (done.code, says in done.err) == (code, True), done.err


def test_audit_needs_no_project_and_no_pulumi(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    done = Run(capsys, "audit", "--kubeconfig", str(tmp_path / "none"))
    assert done.code == 2
    assert f"{tmp_path}/none" in done.err
    assert "pulumi" not in done.err.replace("kubeconfig", "")
