"""Text is read and written as UTF-8 whatever the locale says: every place in the source names its
encoding (ruff sees only some of them).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
SOURCES = [
    REPOSITORY / "__main__.py",
    *(file for part in ("alb_mutual_tls", "components", "dev") for file in (REPOSITORY / part).rglob("*.py")),
]
FUNCTIONS = ("read_text", "write_text", "open", "fdopen", "NamedTemporaryFile", "TemporaryFile")
NO_FILES = {"os.open", "tarfile.open", "opener.open", "write_text"}
"""A function of ours, and those that give no text."""


def without_encoding(source: str) -> Iterator[int]:
    """The lines of calls that would take the locale's encoding."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        keywords = {keyword.arg: keyword.value for keyword in node.keywords}
        called = ast.unparse(node.func)
        name = called.rpartition(".")[2]
        modes = [
            one.value
            for one in (*node.args[:2], *keywords.values())
            if isinstance(one, ast.Constant) and isinstance(one.value, str)
        ]
        modes = [mode for mode in modes if mode and not mode.strip("rwaxb+")]
        binary = any("b" in mode for mode in modes) or (
            name.endswith("TemporaryFile") and not modes
        )  # those are binary by default
        text = name in FUNCTIONS and called not in NO_FILES and not binary
        text |= any(isinstance(keywords.get(one), ast.Constant) for one in ("text", "universal_newlines"))
        if text and "encoding" not in keywords and None not in keywords:
            yield node.lineno


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(REPOSITORY)))
def test_every_text_file_and_pipe_has_an_encoding(file: Path) -> None:
    lines = list(without_encoding(file.read_text(encoding="utf-8")))
    assert not lines, f"{file.relative_to(REPOSITORY)}, lines {lines}: give encoding='utf-8'"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("path.read_text()", True),
        ("path.read_text(encoding='utf-8')", False),
        ("path.open('rb')", False),
        ("open(path, 'w')", True),
        ("path.open(errors='replace')", True),
        ("subprocess.run(command, text=True)", True),
        ("subprocess.run(command, encoding='utf-8')", False),
        ("tempfile.NamedTemporaryFile()", False),
        ("tempfile.NamedTemporaryFile('w')", True),
        ("os.fdopen(descriptor, 'w')", True),
    ],
)
def test_such_a_call_is_found(source: str, found: bool) -> None:
    assert bool(list(without_encoding(source))) == found
