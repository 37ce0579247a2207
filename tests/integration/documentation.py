"""The commands of a page of the documentation, so that tests run what readers type."""

from __future__ import annotations

import re
from typing import Any

import yaml

from tests.integration.engine import REPOSITORY

_HEADING = re.compile(r"#+ (?P<title>.+)")


def commands(page: str) -> dict[str, str]:
    """The commands of the page's blocks marked `sh`, by the heading above them."""
    return {title: "".join(found) for title, found in _blocks(page, "sh").items()}


def documents(page: str) -> dict[str, list[Any]]:
    """The page's blocks marked `yaml`, by the heading above them."""
    return {
        title: [yaml.safe_load(block) for block in found] for title, found in _blocks(page, "yaml").items()
    }


def _blocks(page: str, language: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    title, inside = "", False
    for line in (REPOSITORY / "docs" / page).read_text().splitlines():
        if line.startswith("```"):
            inside = line == f"```{language}"
            if inside:
                found.setdefault(title, []).append("")
        elif inside:
            found[title][-1] += line + "\n"
        elif heading := _HEADING.fullmatch(line):
            title = heading["title"]
    return found
