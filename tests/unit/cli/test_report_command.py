"""`mtls report`, from stored documents."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.run import Run
from tests.unit.operations.page.documents import GOOD, OPEN, seen, verified


@pytest.fixture(autouse=True)
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    documents: dict[str, Any] = {
        "verify": verified(*GOOD),
        "open": verified(*OPEN),
        "status": seen(alice=(90, 30)),
        "other": {"version": 1, "verdict": "held", "listeners": []},
        "later": {**seen(alice=(90, 30)), "version": 2},
        "undecided": {**seen(alice=(90, 30)), "verdict": "not decided", "exitCode": 2},
    }
    for name, document in documents.items():
        Path(f"{name}.json").write_text(json.dumps(document), encoding="utf-8")
    Path("broken.json").write_text("{", encoding="utf-8")
    return tmp_path


def report(capsys: pytest.CaptureFixture[str], *arguments: str) -> Run:
    return Run(capsys, "report", "--output", "report.html", *arguments)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (("verify.json,status.json",), 0),
        (("status.json", "verify.json"), 0),
        (("open.json", "status.json"), 1),
        (("verify.json,undecided.json",), 2),
        (("status.json",), 0),
        (("verify.json",), 0),
    ],
)
def test_stored_documents_make_a_page_and_the_verdict_its_exit_code(
    capsys: pytest.CaptureFixture[str], given: tuple[str, ...], code: int
) -> None:
    run = report(capsys, *(word for files in given for word in ("--from", files)))
    assert (run.code, run.err) == (code, "")
    page = Path("report.html")
    assert page.read_text(encoding="utf-8").startswith('<!DOCTYPE html>\n<html lang="en">')
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    assert sorted(Path().glob("*.html*")) == [page]


def test_the_page_comes_in_japanese_and_names_the_stack(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(capsys, "--from", "status.json", "--lang", "ja", "--stack", "prod").code == 0
    text = Path("report.html").read_text(encoding="utf-8")
    assert '<html lang="ja">' in text
    assert "相互TLS認証レポート: prod" in text


def test_a_page_that_exists_is_replaced_with_force_alone(capsys: pytest.CaptureFixture[str]) -> None:
    Path("report.html").write_text("mine", encoding="utf-8")
    run = report(capsys, "--from", "status.json")
    assert run.code == 2
    assert "report.html exists already: give --force to replace it" in run.err
    assert Path("report.html").read_text(encoding="utf-8") == "mine"
    assert report(capsys, "--from", "status.json", "--force").code == 0
    assert Path("report.html").read_text(encoding="utf-8") != "mine"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("absent.json", "--from absent.json cannot be read (No such file or directory): give what"),
        ("broken.json", "--from broken.json is neither a document of mtls verify --json nor of mtls status"),
        ("other.json", "--from other.json is neither a document of mtls verify --json nor of mtls status"),
        ("later.json", "--from later.json has the version 2, and version 1 is read here: make the page"),
        ("verify.json,open.json", "--from open.json is a second document of mtls verify: give one of"),
    ],
)
def test_what_is_no_document_is_refused_in_one_sentence(
    capsys: pytest.CaptureFixture[str], given: str, said: str
) -> None:
    run = report(capsys, "--from", given)
    assert run.code == 2
    assert said in run.err
    assert len(run.err.splitlines()) == 1
    assert not Path("report.html").exists()
