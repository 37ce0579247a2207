"""Build the documentation's site from the pages as they stand in the repository.

The command is `python -m dev.site [DIRECTORY]`. It ends with 1 where a link leads nowhere.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from markdown_it import MarkdownIt
from mkdocs.commands.build import build
from mkdocs.config import load_config
from mkdocs.exceptions import Abort

REPOSITORY: Final = Path(__file__).resolve().parents[1]
PAGES: Final = ("*.md", "docs/**/*.md", "examples/*/README.md", "tests/data/authorities/INDEX.md")
SHIM: Final = REPOSITORY / "dev/iframe_worker/iframe-worker.js"
_ITEM: Final = re.compile(r" *(?:[-*]|\d+\.) +")
_LINK: Final = re.compile(r"\]\(([^)\s#]+)(#[^)\s]*)?\)")


def slug(heading: str, separator: str) -> str:
    """The anchor that GitHub gives to a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", separator)


def indented(markdown: str) -> str:
    """The page with lists as Python-Markdown wants them.

    A list begins after an empty line, and what belongs to an item is indented by four spaces.
    """
    lines = markdown.splitlines()
    tokens = MarkdownIt("commonmark").parse(markdown)
    items = [token.map for token in tokens if token.type == "list_item_open" and token.map]
    lists = {
        token.map[0]
        for token in tokens
        if token.type in ("bullet_list_open", "ordered_list_open") and token.map
    }
    written: list[str] = []
    for number, line in enumerate(lines):
        around = [begin for begin, end in items if begin <= number < end]
        own = [begin for begin in around if begin == number]
        if number in lists and around == own and written and written[-1].strip():
            written.append("")
        if own:
            line = line.strip()
        elif around and (item := _ITEM.match(lines[around[-1]])):
            indent = min(len(item.group()), len(line) - len(line.lstrip()))
            line = line[indent:]
        written.append(("    " * (len(around) - len(own)) + line).rstrip())
    return "\n".join(written) + "\n"


def stage(directory: Path) -> None:
    """Copy the pages, and the files that they lead to, to the places that they have here."""
    pages = {page for pattern in PAGES for page in REPOSITORY.glob(pattern)}
    for page in sorted(pages):
        text = page.read_text(encoding="utf-8")
        write(directory / page.relative_to(REPOSITORY), indented(text).encode())
        for link, _ in _LINK.findall(text):
            target = (page.parent / link).resolve()
            if target.is_file() and target not in pages and target.is_relative_to(REPOSITORY):
                write(directory / target.relative_to(REPOSITORY), target.read_bytes())
    write(directory / "assets/iframe-worker.js", SHIM.read_bytes())


def write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def navigation() -> Iterator[Mapping[str, Any]]:
    """The READMEs, then the parts of docs/README.md with their pages in its order."""
    yield {"English": "README.md"}
    yield {"日本語": "README.ja.md"}
    yield {"简体中文": "README.zh.md"}
    index = (REPOSITORY / "docs/README.md").read_text(encoding="utf-8")
    for part in index.split("\n## ")[1:]:
        title, _, lines = part.partition("\n")
        pages = re.findall(r"^ *- \[[^]]+]\(([\w/.-]+\.md)\)", lines, re.MULTILINE)
        yield {
            title: [
                {re.sub(r"(adr/\d+).*", r"\1", page.removesuffix(".md")): f"docs/{page}"} for page in pages
            ]
        }
    yield {"All pages": "docs/README.md"}
    yield {"Changes": "CHANGELOG.md"}


def built(pages: Path, site: Path) -> None:
    """Build the site of staged pages.

    Raises:
        Abort: a link leads nowhere, or something else that mkdocs warns of.
    """
    config = load_config(
        str(REPOSITORY / "mkdocs.yml"), docs_dir=str(pages), site_dir=str(site), nav=list(navigation())
    )
    config.mdx_configs.setdefault("toc", {})["slugify"] = slug
    config.plugins.on_startup(command="build", dirty=False)
    build(config)


def main(arguments: Sequence[str]) -> int:
    site = Path(arguments[0]).resolve() if arguments else REPOSITORY / "build/site"
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    with TemporaryDirectory() as directory:
        pages = Path(directory).resolve()
        stage(pages)
        try:
            built(pages, site)
        except Abort as stopped:
            print(f"error: {stopped}", file=sys.stderr)
            return 1
    print(f"open {site / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
