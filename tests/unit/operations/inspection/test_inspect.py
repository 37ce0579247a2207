"""`mtls inspect`: what it prints, what it never prints, how it ends."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alb_mutual_tls.operations.inspection import report as inspect_report
from alb_mutual_tls.operations.inspection.explanation import explain
from alb_mutual_tls.operations.inspection.judgement import Source as Given
from alb_mutual_tls.operations.inspection.pieces import read
from tests.examples import examples
from tests.screens import shown
from tests.unit.cli.run import Run

NOW: Final = datetime(2026, 11, 25, tzinfo=UTC)
Pulumi = Callable[..., Path]


@pytest.fixture
def files(tmp_path: Path, authority: tuple[str, str], credentials: dict[str, tuple[str, str]]) -> Path:
    """A directory with ca.crt, ca.key, client.crt (self-signed, as the exported stack of these
    tests has it) and client.key.
    """
    for name, (certificate, key) in {"ca": authority, "client": credentials["client"]}.items():
        (tmp_path / f"{name}.crt").write_text(certificate)
        (tmp_path / f"{name}.key").write_text(key)
        (tmp_path / f"{name}.key").chmod(0o600)
    return tmp_path


def test_a_file_without_fault_is_described_and_ends_with_0(
    capsys: pytest.CaptureFixture[str], files: Path
) -> None:
    done = Run(capsys, "inspect", str(files / "ca.crt"))
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[:3] == [
        "nothing against it: 1 piece in 1 file",
        f"{files}/ca.crt: PEM",
        "  root certificate authority",
    ]
    described = {" ".join(line.split()) for line in lines}
    assert {"subject CN=root", "key ECDSA-P256"} <= described
    assert len(lines) < 10
    everything = Run(capsys, "inspect", str(files / "ca.crt"), "--wide").out.splitlines()
    assert "basic constraints CA:TRUE" in {" ".join(line.split()) for line in everything}


def test_what_would_be_refused_says_why_and_ends_with_1(
    capsys: pytest.CaptureFixture[str], files: Path
) -> None:
    done = Run(capsys, "inspect", str(files / "client.crt"), "--ca", str(files / "ca.crt"), "--as", "client")
    assert (done.code, done.err) == (1, "")
    assert (
        f"{files}/client.crt (CN=client) at a listener that trusts the CA of {files}/ca.crt: would be refused"
        in done.out
    )
    assert (
        "  would be refused: it is self-signed, so no CA vouches for it; have it issued by the CA that the"
        " listener trusts [OpenSSL refuses it]" in done.out
    )
    assert done.out.splitlines()[0] == "would be refused: 1 piece in 1 file, 1 reason"


def test_what_cannot_be_read_ends_with_2(capsys: pytest.CaptureFixture[str], files: Path) -> None:
    (files / "junk").write_bytes(bytes(range(256)))
    done = Run(capsys, "inspect", str(files / "junk"))
    assert (done.code, done.err) == (2, "")
    assert "not decided: it is neither PEM, DER, PKCS#7 nor PKCS#12" in done.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["nope.crt"],
            (
                "nope.crt cannot be read: No such file or directory; give a file with a certificate, a"
                " request or a key"
            ),
        ),
        (["."], ". cannot be read: Is a directory; give a file with a certificate, a request or a key"),
        (
            ["ca.crt", "--ca", "client.key"],
            "--ca client.key holds 0 certificates; give the one CA certificate that the listener trusts",
        ),
        (["ca.crt", "--ca", os.devnull], f"--ca {os.devnull} holds 0 certificates: it is empty; give"),
        (["ca.crt", "--password-file", os.devnull], f"--password-file {os.devnull} has an empty first line"),
        (
            ["ca.crt", "--stack", "dev"],
            (
                "--stack, --cwd and --component choose the stack of --against-stack: give that too, or leave"
                " them out"
            ),
        ),
    ],
)
def test_what_cannot_be_looked_at_is_one_sentence_and_2(
    capsys: pytest.CaptureFixture[str],
    files: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(files)
    done = Run(capsys, "inspect", *arguments)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert done.err.startswith(f"mtls: {message}")
    as_json = Run(capsys, "inspect", *arguments, "--json")
    assert (as_json.code, as_json.err) == (2, "")
    document = json.loads(as_json.out)
    assert (document["version"], document["verdict"], document["exitCode"]) == (1, "not decided", 2)
    assert document["error"].startswith(message)


def test_the_stacks_own_ca_is_compared_with(
    capsys: pytest.CaptureFixture[str], files: Path, pulumi: Pulumi, exported: dict[str, Any]
) -> None:
    project = pulumi(stdout=json.dumps(exported))
    done = Run(capsys, "inspect", str(files / "ca.crt"), "--against-stack", "--cwd", str(project))
    assert done.code == 0
    assert "note: it is the one that authority root of mtls trusts" in done.out
    exported["deployment"]["resources"][2]["outputs"]["listeners"]["https"]["caEnabled"] = False
    (project.parent / "bin" / "stdout").write_text(json.dumps(exported))
    done = Run(
        capsys,
        "inspect",
        str(files / "client.crt"),
        "--as",
        "client",
        "--against-stack",
        "--cwd",
        str(project),
    )
    assert (
        "trusts authority root of mtls, whose listeners let everybody in at present: would be refused"
        in done.out
    )


def test_nothing_deployed_is_one_sentence(
    capsys: pytest.CaptureFixture[str], files: Path, pulumi: Pulumi
) -> None:
    project = pulumi(stdout=json.dumps({"deployment": {}}))
    done = Run(capsys, "inspect", str(files / "client.crt"), "--against-stack", "--cwd", str(project))
    assert (done.code, done.out) == (2, "") and "nothing is deployed yet" in done.err


def test_a_private_key_is_described_and_never_shown(capsys: pytest.CaptureFixture[str], files: Path) -> None:
    (files / "ca.key").chmod(0o644)
    secret = "".join((files / "ca.key").read_text().splitlines()[1:-1])
    for arguments in ((), ("--json",)):
        done = Run(capsys, "inspect", str(files / "ca.key"), str(files / "ca.crt"), *arguments)
        assert done.code == 0
        assert "PRIVATE KEY" not in done.out
        assert not any(secret[start : start + 12] in done.out for start in range(len(secret) - 12))
        assert "mode 0644): chmod 600" in done.out
        assert f"the private key in {files}/ca.key is that of {files}/ca.crt (CN=root)" in done.out


def test_standard_input_is_a_dash(
    capsys: pytest.CaptureFixture[str], files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((files / "ca.crt").read_bytes())))
    done = Run(capsys, "inspect", "-")
    assert done.code == 0 and done.out.splitlines()[1] == "standard input: PEM"


def test_an_exported_p12_and_truststore_are_opened_with_the_password_file(
    capsys: pytest.CaptureFixture[str], pulumi: Pulumi, exported: dict[str, Any]
) -> None:
    project = pulumi(stdout=json.dumps(exported))
    for form, pieces in (("p12", 3), ("truststore", 1)):
        assert (
            Run(
                capsys,
                "clients",
                "export",
                "client",
                "-f",
                form,
                "-o",
                str(project / "out"),
                "--cwd",
                str(project),
            ).code
            == 0
        )
        file = project / "out" / f"client.{form.removeprefix('p12')}.p12".replace("..", ".")
        done = Run(capsys, "inspect", str(file), "--password-file", f"{file}.password", "--json")
        (shown,) = json.loads(done.out)["files"]
        assert (shown["form"], len(shown["items"]), shown["notes"]) == (
            "PKCS#12",
            pieces,
            ["encrypted with AES-256"],
        )
        (project / "wrong").write_text("wrong")
        for arguments, why in (
            (("--password-file", str(project / "wrong")), "the password is not its"),
            ((), "it needs a password"),
        ):
            done = Run(capsys, "inspect", str(file), *arguments)
            assert done.code == 2 and f"not decided: {why}" in done.out


def test_the_json_document_is_complete(capsys: pytest.CaptureFixture[str], files: Path) -> None:
    done = Run(
        capsys,
        "inspect",
        str(files / "client.crt"),
        "--ca",
        str(files / "ca.crt"),
        "--as",
        "client",
        "--json",
    )
    document = json.loads(done.out)
    assert (done.code, document["version"], document["exitCode"], document["verdict"]) == (
        1,
        1,
        1,
        "would be refused",
    )
    assert list(document) == ["version", "verdict", "exitCode", "summary", "note", "files", "fit", "against"]
    (file,) = document["files"]
    (item,) = file["items"]
    assert (list(file), list(item)) == (
        ["name", "form", "items", "notes"],
        ["what", "facts", "reasons", "notes", "undecided"],
    )
    assert item["facts"]["keyUsage"] is None and item["facts"]["version"] == "v3"
    (judgement,) = document["against"]
    assert list(judgement) == ["client", "ca", "verdict", "reasons", "undecided", "notes"]
    assert [reason["basis"] for reason in judgement["reasons"]] == ["OpenSSL refuses it"]


def named(name: str) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, name)])
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), 1, NOW, NOW)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=60))
def test_a_name_never_steers_the_terminal(name: str) -> None:
    report = explain([Given("f\x1b[2J", read(named(name), lambda: None))], [], NOW)
    text = shown(lambda screen: inspect_report.print_for_people(report, screen), wide=True)
    for line in text.splitlines():
        assert line.isprintable(), line
    assert inspect_report.as_json(report).replace("\n", "").isprintable()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(50))
@given(st.binary(max_size=400))
def test_no_file_gives_a_traceback(capsys: pytest.CaptureFixture[str], tmp_path: Path, data: bytes) -> None:
    (tmp_path / "f").write_bytes(data)
    done = Run(capsys, "inspect", str(tmp_path / "f"))
    assert done.code == 2 and done.err == ""
