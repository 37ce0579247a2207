"""The commands of a page of the documentation, so that tests run what readers type."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from tests.integration.engine import REPOSITORY

_HEADING = re.compile(r"#+ (?P<title>.+)")


def commands(page: str) -> dict[str, str]:
    """The commands of the page's blocks marked `sh`, by the heading above them."""
    return {title: "".join(found) for title, found in _blocks(_page(page), "sh").items()}


def documents(page: str) -> dict[str, list[Any]]:
    """The page's blocks marked `yaml`, by the heading above them."""
    return {
        title: [yaml.safe_load(block) for block in found]
        for title, found in _blocks(_page(page), "yaml").items()
    }


def blocks(file: Path, language: str) -> list[str]:
    """All blocks of a file that are marked with a language."""
    return [block for found in _blocks(file, language).values() for block in found]


def _page(name: str) -> Path:
    return REPOSITORY / "docs" / name


def _blocks(file: Path, language: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    title, inside = "", False
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith("```"):
            inside = line == f"```{language}"
            if inside:
                found.setdefault(title, []).append("")
        elif inside:
            found[title][-1] += line + "\n"
        elif heading := _HEADING.fullmatch(line):
            title = heading["title"]
    return found
