"""Translated pages have the commands and links of the English ones, and one word for a thing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

REPOSITORY: Final = Path(__file__).resolve().parents[2]
DOCS: Final = REPOSITORY / "docs"
READMES: Final = ("README.md", "README.ja.md", "README.zh.md")
TRANSLATED: Final = READMES[1:]
_FENCE: Final = re.compile(r"^ *```sh\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_LINK: Final = re.compile(r"\]\(([^)\s]+)\)")
_INSTEAD: Final = {
    "docs/ja/emergency.md": {"docs/operations.md", "docs/rotation.md"},
    "docs/ja/glossary.md": {"docs/glossary.md"},
}
"""Pages that a translation leads to in place of English ones."""


def text(page: str) -> str:
    return (REPOSITORY / page).read_text(encoding="utf-8")


def blocks(markdown: str) -> list[list[str]]:
    """The commands of each block, without comments."""
    return [
        [line for each in block.splitlines() if (line := re.sub(r"(^| )+# .*", "", each).strip())]
        for block in _FENCE.findall(markdown)
    ]


def pages(markdown: str) -> set[str]:
    """What a README leads to, without other READMEs of its own level and what stands for others."""
    found = {link.partition("#")[0] for link in _LINK.findall(markdown) if "://" not in link}
    instead = {page for ours in found for page in _INSTEAD.get(ours, ())}
    return (found | instead) - set(READMES) - set(_INSTEAD)


@pytest.mark.parametrize("page", TRANSLATED)
def test_a_translated_readme_has_the_same_commands(page: str) -> None:
    assert blocks(text("README.md"))
    assert blocks(text(page)) == blocks(text("README.md"))
    assert set(re.findall(r"`([^`\n]+)`", text(page))) == set(re.findall(r"`([^`\n]+)`", text("README.md")))


@pytest.mark.parametrize("page", TRANSLATED)
def test_a_translated_readme_leads_to_the_same_pages(page: str) -> None:
    assert pages(text("README.md")) <= pages(text(page))
    web = [set(re.findall(r"\((https:[^)]+)\)", text(each))) for each in ("README.md", page)]
    assert web[0] == web[1]


@pytest.mark.parametrize("page", READMES)
def test_the_readmes_lead_to_each_other(page: str) -> None:
    first_lines = "\n".join(text(page).splitlines()[:4])
    assert {link for link in _LINK.findall(first_lines) if link.startswith("README")} == set(READMES) - {page}


@pytest.mark.parametrize("page", READMES)
def test_a_readme_is_read_in_minutes(page: str) -> None:
    assert len(text(page).splitlines()) < 150
    assert len(text("README.md").splitlines()) < 130


def test_the_japanese_emergency_has_the_commands_of_the_english_pages_in_their_order() -> None:
    english = blocks(text("docs/operations.md")) + blocks(text("docs/rotation.md"))
    places = [english.index(block) for block in blocks(text("docs/ja/emergency.md"))]
    assert places == sorted(places)
    assert len(places) == 8


@pytest.mark.parametrize(
    "page", ["README.ja.md", *(f"docs/ja/{page.name}" for page in (DOCS / "ja").glob("*.md"))]
)
def test_a_certificate_authority_is_always_a_ca_in_japanese(page: str) -> None:
    assert "認証局" not in text(page)
    assert "CA" in text(page)


def test_the_japanese_glossary_has_the_words_of_the_english_one() -> None:
    english = re.findall(r"^\*\*([\w -]+)\*\*", text("docs/glossary.md"), re.MULTILINE)
    japanese = re.findall(r"^\*\*[^*]+\*\* \(([\w -]+)\)", text("docs/ja/glossary.md"), re.MULTILINE)
    assert english
    assert sorted(japanese) == sorted(english)
