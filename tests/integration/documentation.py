"""The commands of a page of the documentation, so that tests run what readers type."""

from __future__ import annotations

import re

from tests.integration.engine import REPOSITORY

_HEADING = re.compile(r"#+ (?P<title>.+)")


def commands(page: str) -> dict[str, str]:
    """The commands of the page's blocks marked `sh`, by the heading above them."""
    found: dict[str, str] = {}
    title, inside = "", False
    for line in (REPOSITORY / "docs" / page).read_text().splitlines():
        if line.startswith("```"):
            inside = line == "```sh"
        elif inside:
            found[title] = found.get(title, "") + line + "\n"
        elif heading := _HEADING.fullmatch(line):
            title = heading["title"]
    return found
