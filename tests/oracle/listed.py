"""The differences that are known, as docs/oracle.md lists them with their reasons."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from tests.oracle.comparison import BETWEEN, Difference

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "oracle.md"
_ROW: Final = re.compile(r"^\| `(.*?)` \| `(.*?)` \| `(.*?)` \| `(.*?)` \| (.+) \|$")


def listed(plugin: str, page: str) -> dict[Difference, str]:
    """Difference -> reason, of the section that is headed by the plugin's name."""
    section = re.search(rf"^## {plugin}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    assert section, f"{PAGE.name} has no section {plugin}"
    rows = [match for line in section[1].splitlines() if (match := _ROW.match(line))]
    return {Difference(call, *row.groups()[1:4]): row[5] for row in rows for call in row[1].split(BETWEEN)}
