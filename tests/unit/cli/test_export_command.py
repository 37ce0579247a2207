"""`mtls clients export`: what it writes, what it refuses, and where passwords come from."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.run import Run
from tests.unit.conftest import secret


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
    assert (done.code, done.err) == (0, "what was printed holds the private key of client\n")
    assert done.out.startswith("-----BEGIN CERTIFICATE-----\n") and "PRIVATE KEY-----" in done.out
    assert sorted(tmp_path.iterdir()) == before
    for more in (("--format", "p12"), ("--format", "curl"), ("--json",)):
        refused = export(capsys, project, "client", "--output", "-", *more)
        assert refused.code == 2
        told = refused.out if "--json" in more else refused.err
        assert "--output - is standard output, which takes --format pem, fullchain or kubernetes" in told
        assert "PRIVATE KEY" not in refused.out


def test_export_of_an_unknown_client_names_those_that_exist(
    capsys: pytest.CaptureFixture[str], project: Path
) -> None:
    done = export(capsys, project, "bob", "--output", str(project / "out"))
    assert (done.code, done.err) == (
        2,
        "mtls: the stack has no client named 'bob': it has client, csr-client\n",
    )
    done = export(capsys, project, "clint", "--output", str(project / "out"))
    assert done.err == (
        "mtls: the stack has no client named 'clint': it has client, csr-client; did you mean client?\n"
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
    second = [
        {
            **one,
            **{name: one[name].replace("::mtls", "::second") for name in ("urn", "parent") if name in one},
        }
        for one in (resources[2], *resources[-2:])
    ]
    project = pulumi(stdout=json.dumps({"deployment": {"resources": [*resources, *second]}}))
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


def with_group(exported: dict[str, Any], credentials: dict[str, tuple[str, str]]) -> str:
    outputs = exported["deployment"]["resources"][-1]["outputs"]
    certificate, key = credentials["client"]
    ends = {"b": "2026-03-02T00:00:00Z", "a": "2026-03-01T00:00:00Z"}
    outputs["group:fleet"] = {
        name: {"certificatePem": certificate, "notAfter": end} for name, end in ends.items()
    }
    outputs["privateKeys"] = secret({"fleet/a": key, "fleet/b": key})
    return json.dumps(exported)


def test_a_group_is_written_into_a_folder_for_each_name_and_a_member_alone_like_any_client(
    capsys: pytest.CaptureFixture[str],
    pulumi: Callable[..., Path],
    exported: dict[str, Any],
    credentials: dict[str, tuple[str, str]],
) -> None:
    project = pulumi(stdout=with_group(exported, credentials))
    out = project / "out"
    done = export(capsys, project, "--group", "fleet", "--output", str(out))
    assert (done.code, done.out) == (
        0,
        f"2 clients of group fleet, each in a folder of {out}; the first of them is good until"
        " 2026-03-01T00:00:00Z\n",
    )
    files = sorted(str(file.relative_to(out)) for file in out.rglob("*") if file.is_file())
    assert files == ["a/fleet-a.crt", "a/fleet-a.key", "b/fleet-b.crt", "b/fleet-b.key"]
    assert {file.stat().st_mode & 0o777 for file in out.rglob("*.*")} == {0o600}
    assert {folder.stat().st_mode & 0o777 for folder in (out, out / "a", out / "b")} == {0o700}
    (out / "a/fleet-a.crt").unlink()
    again = export(capsys, project, "--group", "fleet", "--output", str(out))
    assert again.code == 2 and "exists already: give --force" in again.err
    assert not (out / "a/fleet-a.crt").exists()
    assert export(capsys, project, "--group", "fleet", "--output", str(out), "--force").code == 0
    assert export(capsys, project, "fleet/a", "--output", str(project / "one")).code == 0
    assert (project / "one/fleet-a.key").is_file()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "give the name of a client, or --group and the name of a group"),
        (("client", "--group", "fleet"), "give the name of a client, or --group and the name of a group"),
        (("--group", "none"), "the stack has no group of clients named 'none': it has fleet"),
        (("--group", ""), "the stack has no group of clients named '': it has fleet"),
    ],
)
def test_what_is_neither_client_nor_group_is_refused(
    capsys: pytest.CaptureFixture[str],
    pulumi: Callable[..., Path],
    exported: dict[str, Any],
    credentials: dict[str, tuple[str, str]],
    arguments: tuple[str, ...],
    says: str,
) -> None:
    project = pulumi(stdout=with_group(exported, credentials))
    done = export(capsys, project, *arguments, "--output", str(project / "out"))
    assert (done.code, done.err) == (2, f"mtls: {says}\n")
