"""How the workflow of GitLab CI finds its note again, with GitLab's API made up."""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

WORKFLOW = Path(__file__).resolve().parents[3] / "examples/workflows/gitlab-ci.yml"
MARKER = "<!-- alb-mutual-tls preview prod -->"
OURS, SOMEBODY = 7, 8


@dataclass
class GitLab:
    """The notes of a merge request, and what was written: method, path, body."""

    notes: list[dict[str, Any]] = field(default_factory=list)
    written: list[tuple[str, str, str]] = field(default_factory=list)
    url: str = ""

    def note(self, author: int, body: str) -> int:
        self.notes.append({"id": 100 + len(self.notes), "author": {"id": author}, "body": body})
        return int(self.notes[-1]["id"])


@pytest.fixture
def gitlab() -> Iterator[GitLab]:
    made = GitLab()

    class Api(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            at = urlsplit(self.path)
            if at.path == "/user":
                return self.answer({"id": OURS})
            query = {key: int(values[0]) for key, values in parse_qs(at.query).items()}
            first = (query["page"] - 1) * query["per_page"]
            more = str(query["page"] + 1) if first + query["per_page"] < len(made.notes) else ""
            return self.answer(made.notes[first : first + query["per_page"]], more)

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"]
            made.written.append((self.command, self.path, body))
            self.answer({})

        do_PUT = do_POST

        def answer(self, content: object, next_page: str = "") -> None:
            assert self.headers["PRIVATE-TOKEN"] == "the token"
            data = json.dumps(content).encode()
            self.send_response(200)
            self.send_header("X-Next-Page", next_page)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            return None

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        made.url = f"http://127.0.0.1:{server.server_address[1]}"
        yield made
        server.shutdown()
        thread.join()


def run(gitlab: GitLab, folder: Path) -> list[tuple[str, str, str]]:
    """Write the summary of a run as the job does; returns what was written."""
    (step,) = [
        one for one in yaml.safe_load(WORKFLOW.read_text())["preview"]["script"] if "NOTES_TOKEN" in one
    ]
    program = step.partition("<<'END'\n")[2].partition("\nEND\n")[0]
    (folder / "summary.md").write_text(f"**prod: no change**\n{MARKER}\n")
    job = {
        "CI_API_V4_URL": gitlab.url,
        "CI_PROJECT_ID": "1",
        "CI_MERGE_REQUEST_IID": "2",
        "NOTES_TOKEN": "the token",
        "MARKER": MARKER,
    }
    subprocess.run(
        [sys.executable, "-"],
        input=program,
        text=True,
        cwd=folder,
        env={**os.environ, **job, "no_proxy": "*"},
        check=True,
    )
    return gitlab.written


NOTES = "/projects/1/merge_requests/2/notes"
BODY = f"**prod: no change**\n{MARKER}\n"


def test_the_first_note_is_made_and_then_updated_in_place(gitlab: GitLab, tmp_path: Path) -> None:
    assert run(gitlab, tmp_path) == [("POST", NOTES, BODY)]
    number = gitlab.note(OURS, BODY)
    assert run(gitlab, tmp_path)[1:] == [("PUT", f"{NOTES}/{number}", BODY)]


def test_a_note_that_somebody_else_has_written_with_the_marker_is_not_ours(
    gitlab: GitLab, tmp_path: Path
) -> None:
    gitlab.note(SOMEBODY, f"**prod: no change**\n{MARKER}")
    assert run(gitlab, tmp_path) == [("POST", NOTES, BODY)]
    number = gitlab.note(OURS, BODY)
    assert run(gitlab, tmp_path)[1:] == [("PUT", f"{NOTES}/{number}", BODY)]


@pytest.mark.parametrize("before", [99, 100, 101, 250])
def test_however_many_notes_there_are_ours_is_found(gitlab: GitLab, tmp_path: Path, before: int) -> None:
    for _ in range(before):
        gitlab.note(SOMEBODY, "a remark")
    number = gitlab.note(OURS, BODY)
    gitlab.note(OURS, BODY.replace("prod", "staging"))
    assert run(gitlab, tmp_path) == [("PUT", f"{NOTES}/{number}", BODY)]
