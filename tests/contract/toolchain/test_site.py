"""`make docs`: the documentation as a site, built strictly by mkdocs, that needs no network."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from dev import site


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("site")
    assert site.main([str(directory)]) == 0
    return directory


def html(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def test_each_page_of_the_repository_is_there(built: Path) -> None:
    for page in ("index", "README.ja", "README.zh", "docs/operations", "docs/ja/emergency", "CONTRIBUTING"):
        assert "<h1" in html(built / f"{page}.html")


def test_pages_are_ordered_as_the_index_orders_them(built: Path) -> None:
    parts = [next(iter(part)) for part in site.navigation()]
    assert parts[3:7] == ["Start", "Do", "Look up", "Inside"]
    home = html(built / "index.html")
    places = [
        home.index(f'href="docs/{page}.html"') for page in ("sandbox", "verify", "errors", "architecture")
    ]
    assert places == sorted(places)


def test_nothing_is_fetched_when_it_is_read(built: Path) -> None:
    fetched = re.compile(
        r"<(?:script|img|iframe|source)\b[^>]*\bsrc=\"?https?://|<link\b[^>]*\bhref=\"?https?://"
    )
    pages = list(built.rglob("*.html"))
    assert len(pages) > 50
    assert not [page for page in pages if fetched.search(html(page))]
    styles = "".join(html(style) for style in built.rglob("*.css"))
    assert not re.search(r"url\([\"']?https?:", styles)


def test_search_finds_english_and_japanese_from_a_folder(built: Path) -> None:
    index = json.loads(html(built / "search/search_index.js").removeprefix("var __index = "))
    assert index["config"]["lang"] == ["en", "ja"]
    found = {entry["location"].partition("#")[0]: entry["text"] for entry in index["docs"]}
    assert {"docs/rotation.html", "docs/ja/emergency.html"} <= found.keys()
    assert "assets/iframe-worker.js" in html(built / "index.html")


def test_what_belongs_to_an_item_stays_in_it(built: Path) -> None:
    page = html(built / "docs/audit.html")
    outer = page[page.index('id="what-a-line-of-listeners-means"') :]
    assert re.search(r"<li><em>clients</em>\s*<ul>|<li>\s*<p><em>clients</em></p>\s*<ul>", outer)


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("- a\n  - b\n    c\n", "- a\n    - b\n        c\n"),
        ("1. a:\n   ```sh\n   b \\\n     c\n   ```\n", "1. a:\n    ```sh\n    b \\\n      c\n    ```\n"),
        ("text:\n- a\n- b\n", "text:\n\n- a\n- b\n"),
        ("```\n- a\n  - b\n```\n", "```\n- a\n  - b\n```\n"),
    ],
)
def test_lists_are_rewritten_for_python_markdown(written: str, wanted: str) -> None:
    assert site.indented(written) == wanted


@pytest.mark.parametrize("link", ["missing.md", "verify.md#no-such-heading"])
def test_a_link_that_leads_nowhere_is_a_failure(
    link: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = site.stage

    def and_a_broken_one(pages: Path) -> None:
        stage(pages)
        with (pages / "docs/status.md").open("a", encoding="utf-8") as page:
            page.write(f"\n[nowhere]({link})\n")

    monkeypatch.setattr(site, "stage", and_a_broken_one)
    assert site.main([str(tmp_path)]) == 1
    assert "strict mode" in capsys.readouterr().err
