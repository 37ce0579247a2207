"""Each drawing of the documentation says what its text says, word for word and arrow for arrow."""

from __future__ import annotations

import base64
import binascii
import re
import tomllib
from collections.abc import Iterator
from html import unescape
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest

REPOSITORY: Final = Path(__file__).resolve().parents[2]
DRAWINGS: Final = REPOSITORY / "docs/drawings"
SOURCES: Final = sorted(DRAWINGS.glob("*.d2"))
TERMINAL: Final = DRAWINGS / "verify.svg"
"""Drawn by `make picture`, so it has no text."""
_KEY: Final = r"[a-z][a-z_]*"
_ARROW: Final = re.compile(rf"^({_KEY}) -> ({_KEY}): ", re.MULTILINE)


def labels(source: str) -> set[str]:
    """The labels: texts in quotes, and names that stand alone."""
    drawn = re.sub(r"^#[^\n]*|^classes: \{.*?^\}", "", source, flags=re.MULTILINE | re.DOTALL)
    quoted = {label.replace("\\n", "\n") for label in re.findall(r'"([^"]*)"', drawn)}
    return quoted - {""} | set(re.findall(rf"^ *({_KEY})$", drawn, re.MULTILINE))


def shown(svg: str) -> set[str]:
    """The texts of the SVG, a line of the label in each `tspan`."""
    texts = re.findall(r"<text\b[^>]*>(.*?)</text>", svg, re.DOTALL)
    return {
        unescape(re.sub(r"<[^>]*>", "", text.replace("</tspan><tspan", "</tspan>\n<tspan"))) for text in texts
    }


def identifiers(svg: str) -> Iterator[str]:
    """What D2 calls the parts that it has drawn: its class names are that in Base64."""
    for name in re.findall(r'<g class="([A-Za-z0-9+/=]+)', svg):
        try:
            yield unescape(base64.b64decode(name, validate=True).decode())
        except (binascii.Error, UnicodeDecodeError):
            continue


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_text_and_drawing_say_the_same(source: Path) -> None:
    text = source.read_text(encoding="utf-8")
    svg = source.with_suffix(".svg").read_text(encoding="utf-8")
    assert shown(svg) == labels(text), "run make drawings"
    drawn = re.findall(rf"^\(({_KEY}) -> ({_KEY})\)\[\d+\]$", "\n".join(identifiers(svg)), re.MULTILINE)
    assert drawn == _ARROW.findall(text), "run make drawings"
    assert "prefers-color-scheme:dark" in svg


def test_each_drawing_has_a_text_and_stands_on_a_page() -> None:
    drawings = {source.with_suffix(".svg") for source in SOURCES} | {TERMINAL}
    assert drawings == set(DRAWINGS.glob("*.svg"))
    pages = [*DRAWINGS.parent.glob("*.md"), *REPOSITORY.glob("README*.md")]
    shown = {
        (page.parent / drawing).resolve()
        for page in pages
        for drawing in re.findall(r"!\[[^]]+]\(([\w/]*drawings/\w+\.svg)\)", page.read_text(encoding="utf-8"))
    }
    assert shown == drawings


@pytest.mark.parametrize("drawing", sorted(DRAWINGS.glob("*.svg")), ids=lambda drawing: drawing.stem)
def test_a_drawing_needs_no_network(drawing: Path) -> None:
    fetched = re.findall(
        r"(?:url\(|href=|@import )[\s\"']*(http[^\s\"')]*)", drawing.read_text(encoding="utf-8")
    )
    assert not fetched


def test_the_terminal_is_drawn_from_a_run_that_held() -> None:
    text = "\n".join(shown(TERMINAL.read_text(encoding="utf-8"))).replace("\xa0", " ")
    assert re.search(r"\bheld\b", text)
    assert "no certificate" in text
    assert "rejected" in text
    assert "fell short" not in text


def test_the_rooms_are_drawn_in_the_layers_that_lint_holds() -> None:
    linted = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
        "importlinter"
    ]
    layers = next(contract["layers"] for contract in linted["contracts"] if contract["type"] == "layers")
    drawn = re.findall(
        r'"([^"]*)"', (DRAWINGS / "layers.d2").read_text(encoding="utf-8").partition("house:")[2]
    )
    words = re.findall(r"\w+", " ".join(label.partition(":")[0] for label in drawn))
    places = [[words.index(room) for room in layer.split(" | ")] for layer in layers]
    assert all(max(above) < min(below) for above, below in pairwise(places))
