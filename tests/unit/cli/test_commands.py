"""The command line: what it writes, what it refuses, and how fast it is there."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alb_mutual_tls.cli.__main__ import main

ROOT = Path(__file__).resolve().parents[3]


class Run:
    """What a command printed and how it ended."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *arguments: str) -> None:
        before = sys.argv
        sys.argv = ["mtls", *arguments]
        try:
            with pytest.raises(SystemExit) as ended:
                main()
        finally:
            sys.argv = before
        self.code = ended.value.code or 0
        self.out, self.err = capsys.readouterr()


@pytest.fixture
def project(pulumi: Callable[..., Path], exported: dict[str, Any]) -> Path:
    return pulumi(stdout=json.dumps(exported))


def export(capsys: pytest.CaptureFixture[str], project: Path, *arguments: str) -> Run:
    return Run(capsys, "clients", "export", *arguments, "--cwd", str(project))


def test_export_writes_files_only_the_owner_may_read_and_shows_no_key(
    capsys: pytest.CaptureFixture[str], project: Path
) -> None:
    done = export(capsys, project, "client", "--output", str(project / "out"))
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        f"{project}/out/client.crt: certificate with chain",
        f"{project}/out/client.key: private key",
        "client is good until 2026-03-01T00:00:00Z",
    ]
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in (project / "out").iterdir()} == {
        "client.crt": 0o600,
        "client.key": 0o600,
    }
    assert stat.S_IMODE((project / "out").stat().st_mode) == 0o700


def test_export_refuses_to_replace_files_unless_forced(
    capsys: pytest.CaptureFixture[str], project: Path
) -> None:
    arguments = ("client", "--output", str(project / "out"))
    assert export(capsys, project, *arguments).code == 0
    again = export(capsys, project, *arguments)
    assert again.code == 2
    assert (
        again.err
        == f"mtls: {project}/out/client.crt, {project}/out/client.key exists already: give --force to replace"
        " it, or another --output\n"
    )
    assert export(capsys, project, *arguments, "--force").code == 0


def test_export_to_standard_output_writes_no_file(
    capsys: pytest.CaptureFixture[str], project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    done = export(capsys, project, "client", "--output", "-")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("-----BEGIN CERTIFICATE-----\n") and "PRIVATE KEY-----" in done.out
    assert sorted(tmp_path.iterdir()) == before
    for more in (("--format", "p12"), ("--format", "curl"), ("--json",)):
        refused = export(capsys, project, "client", "--output", "-", *more)
        assert (refused.code, refused.out) == (2, "")
        assert (
            "--output - is standard output, which takes --format pem, fullchain or kubernetes" in refused.err
        )


def test_export_of_an_unknown_client_names_those_that_exist(
    capsys: pytest.CaptureFixture[str], project: Path
) -> None:
    done = export(capsys, project, "bob", "--output", str(project / "out"))
    assert (done.code, done.err) == (
        2,
        "mtls: the stack has no client named 'bob': it has client, csr-client\n",
    )
    assert not (project / "out").exists()


def test_export_of_a_client_that_brought_a_csr_says_where_its_key_is(
    capsys: pytest.CaptureFixture[str], project: Path
) -> None:
    done = export(capsys, project, "csr-client", "--output", str(project / "out"))
    assert done.code == 0
    assert "csr-client brought a CSR: its private key stays with the client" in done.out
    assert [path.name for path in (project / "out").iterdir()] == ["csr-client.crt"]
    refused = export(
        capsys, project, "csr-client", "--format", "kubernetes", "--output", str(project / "other")
    )
    assert refused.code == 2 and "private key stays with the client" in refused.err


def test_export_from_two_components_with_a_client_of_that_name_asks_which(
    capsys: pytest.CaptureFixture[str], pulumi: Callable[..., Path], exported: dict[str, Any]
) -> None:
    resources = exported["deployment"]["resources"]
    other = dict(resources[2], urn=resources[2]["urn"].replace("::mtls", "::second"))
    project = pulumi(stdout=json.dumps({"deployment": {"resources": [*resources, other]}}))
    done = export(capsys, project, "client", "--output", str(project / "out"))
    assert (done.code, done.err) == (
        2,
        "mtls: 2 components have a client named 'client': choose one with --component, of mtls, second\n",
    )
    assert (
        export(capsys, project, "client", "--output", str(project / "out"), "--component", "second").code == 0
    )


def test_export_as_json_names_the_files_and_asks_nothing(
    capsys: pytest.CaptureFixture[str], project: Path
) -> None:
    done = export(capsys, project, "client", "--format", "p12", "--output", str(project / "out"), "--json")
    document = json.loads(done.out)
    assert (document["version"], document["client"], document["format"], document["notAfter"]) == (
        1,
        "client",
        "p12",
        "2026-03-01T00:00:00Z",
    )
    assert [file["path"] for file in document["files"]] == [
        f"{project}/out/client.p12",
        f"{project}/out/client.p12.password",
    ]
    password = (project / "out" / "client.p12.password").read_text().strip()
    assert password not in done.out


def test_a_password_comes_from_the_first_line_of_a_file(
    capsys: pytest.CaptureFixture[str], project: Path
) -> None:
    from cryptography.hazmat.primitives.serialization import pkcs12

    (project / "password").write_text("sesame street\r\nsecond line\n")
    done = export(
        capsys,
        project,
        "client",
        "-f",
        "p12",
        "-o",
        str(project / "out"),
        "--password-file",
        str(project / "password"),
    )
    assert done.code == 0
    assert [path.name for path in (project / "out").iterdir()] == ["client.p12"]
    assert pkcs12.load_pkcs12((project / "out" / "client.p12").read_bytes(), b"sesame street").key is not None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--format", "p12", "--password-file", "nope"],
            "--password-file nope cannot be read: No such file or directory",
        ),
        (
            ["--format", "p12", "--password-file", os.devnull],
            f"--password-file {os.devnull} has an empty first line",
        ),
        (
            ["--format", "pem", "--password-file", os.devnull],
            "--password-file is for --format p12 or truststore, not pem",
        ),
        (
            ["--format", "p12", "--password-file", "/dev/zero"],
            "--password-file /dev/zero has a first line of 4096 bytes or more",
        ),
        (
            ["--format", "p12", "--password-file", "/bin"],
            "--password-file /bin cannot be read: Is a directory",
        ),
        (
            ["--format", "truststore", "--legacy"],
            "--legacy is for --format p12, not truststore: leave it out",
        ),
    ],
)
def test_a_password_file_that_is_of_no_use_is_an_error(
    capsys: pytest.CaptureFixture[str], project: Path, arguments: list[str], message: str
) -> None:
    done = export(capsys, project, "client", "--output", str(project / "out"), *arguments)
    assert done.code == 2 and done.err.startswith(f"mtls: {message}")
    assert not (project / "out").exists()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\nsesame\n", "has an empty first line"),
        ("口令\n".encode(), "has characters beyond printable ASCII"),
        (b"\xff\xfe\n", "cannot be read: its first line is not text"),
    ],
)
def test_a_password_that_is_of_no_use_is_an_error(
    capsys: pytest.CaptureFixture[str], project: Path, content: bytes, says: str
) -> None:
    (project / "password").write_bytes(content)
    done = export(
        capsys,
        project,
        "client",
        "-f",
        "p12",
        "-o",
        str(project / "out"),
        "--password-file",
        str(project / "password"),
    )
    assert done.code == 2 and says in done.err and done.err.count("\n") == 1
    assert not (project / "out").exists()


def test_a_password_may_hold_spaces_and_its_file_may_come_from_windows(
    capsys: pytest.CaptureFixture[str], project: Path
) -> None:
    from cryptography.hazmat.primitives.serialization import pkcs12

    (project / "password").write_bytes(b"\xef\xbb\xbf open  sesame \r\nsecond\r\n")
    for form, file in (("p12", "client.p12"), ("truststore", "client.truststore.p12")):
        done = export(
            capsys,
            project,
            "client",
            "-f",
            form,
            "-o",
            str(project / "out"),
            "--password-file",
            str(project / "password"),
        )
        assert done.code == 0, done.err
        pkcs12.load_pkcs12((project / "out" / file).read_bytes(), b" open  sesame ")


def test_a_truststore_can_be_had_by_a_client_whose_key_is_elsewhere(
    capsys: pytest.CaptureFixture[str], project: Path
) -> None:
    done = export(capsys, project, "csr-client", "--format", "truststore", "--output", str(project / "out"))
    assert done.code == 0
    assert "CA certificates of root for a Java server" in done.out


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


# --- status


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


# --- audit


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
            "--adopt needs --output: give the stack file to write, for instance --output Pulumi.adopted.yaml",
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
