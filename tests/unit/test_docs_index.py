"""What Markdown names is there: pages in the index, links, commands, options."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import pytest
import typer

from alb_mutual_tls.cli.commands import app as mtls
from alb_mutual_tls.pipeline.commands import app as ci

REPOSITORY: Final = Path(__file__).resolve().parents[2]
DOCS: Final = REPOSITORY / "docs"
PAGES: Final = sorted(
    page
    for page in REPOSITORY.rglob("*.md")
    if not any(part.startswith(".") for part in page.relative_to(REPOSITORY).parts)
)
FIRST_CELL_IS_COMPARED: Final = ("errors.md", "oracle.md")
"""Pages whose rows begin with what tests compare word for word, however long that is."""
_FENCE: Final = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
_SPAN: Final = re.compile(r"(`+)(?!`)((?:.(?!\n\s*\n))+?)(?<!`)\1(?!`)", re.DOTALL)
_LINK: Final = re.compile(r"\]\(\s*<?([^)\s>]+)>?\s*\)")
_COMMAND: Final = re.compile(r"(?<![\w./-])(?:(?:\./)?mtls |ci/)(?=[a-z-])")
_MAKE: Final = re.compile(r"(?:^|&& |\$ )(?:[A-Z_]+=\S+ )*make ((?:[A-Z_]+=\S+ )*)([a-z-]+)", re.MULTILINE)


def name(page: Path) -> str:
    return str(page.relative_to(REPOSITORY))


@cache
def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def prose(markdown: str) -> str:
    """Without code, in which nothing is a link."""
    return _SPAN.sub("", _FENCE.sub("", markdown))


def links(markdown: str) -> list[str]:
    """The targets of links and images that are not on the web."""
    return [unquote(target) for target in _LINK.findall(prose(markdown)) if "://" not in target]


@cache
def anchors(page: Path) -> frozenset[str]:
    """The anchors that GitHub gives to the headings of a page."""
    found: dict[str, int] = {}
    for heading in re.findall(r"^#+ +(.+?) *$", _FENCE.sub("", text(page)), re.MULTILINE):
        shown = re.sub(r"\[([^]]*)]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", shown).replace(" ", "-")
        found[slug] = found.get(slug, -1) + 1
        if found[slug]:
            found[f"{slug}-{found[slug]}"] = 0
    return frozenset(found)


def code(markdown: str) -> Iterator[str]:
    """Each block and each span of code; a backslash at the end of a line continues it."""
    indented = re.findall(r"(?<=\n\n)(?:(?: {4}.*)?\n)+", markdown)
    for block in (*_FENCE.findall(markdown), *indented):
        yield "\n".join(line.strip() for line in block.replace("\\\n", " ").splitlines())
    for _, span in _SPAN.findall(_FENCE.sub("", markdown)):
        yield " ".join(span.split())


def commands(markdown: str) -> Iterator[list[str]]:
    """The words of each command of `./mtls` and `ci/`, up to a pipe, a comment or `&&`."""
    for found in code(markdown):
        for line in found.splitlines():
            for match in _COMMAND.finditer(line):
                program = "ci" if match.group() == "ci/" else "mtls"
                yield [program, *_words(line[match.end() :])]


def _words(line: str) -> Iterator[str]:
    depth = 0
    for word in line.split():
        depth += word.count("[") - word.count("]")
        if word.startswith("#") or word in ("&&", ">", "<", ";", "||") or (word == "|" and depth == 0):
            return
        yield word.strip("[](){}\"',:.`")
        if word.endswith((";", ")")):
            return


@cache
def _program(called: str) -> Any:
    return typer.main.get_command({"mtls": mtls, "ci": ci}[called])


def fault(words: list[str]) -> str | None:
    """What does not exist of a command."""
    command = _program(words[0])
    rest = words[1:]
    while isinstance(command, typer.core.TyperGroup) and rest and not rest[0].startswith("-"):
        inner = command.commands.get(rest[0])
        if inner is None:
            return f"no command {rest[0]}"
        command, rest = inner, rest[1:]
    known = {
        option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
    }
    named = {word.partition("=")[0] for word in rest if re.match(r"--[a-z]", word)}
    return next((f"no option {option}" for option in sorted(named - known - {"--help"})), None)


def test_the_index_has_four_parts_and_each_page_once() -> None:
    index = text(DOCS / "README.md")
    assert re.findall(r"^## (.+)$", index, re.MULTILINE) == ["Start", "Do", "Look up", "Inside"]
    files = {str(file.relative_to(DOCS)) for file in DOCS.rglob("*") if file.is_file()}
    drawings = {file for file in files if file.startswith(("drawings/", "plots/"))}
    assert sorted(links(index[index.index("## Start") :])) == sorted(files - drawings - {"README.md"})


@pytest.mark.parametrize("line", re.findall(r"^ *- .+", text(DOCS / "README.md"), re.MULTILINE))
def test_the_index_says_what_one_finds_there(line: str) -> None:
    assert re.fullmatch(r" *- (\[\S+]\(\S+\)|[A-Z][^[]*): ?.*", line) or line.endswith(":")


@pytest.mark.parametrize("page", ["README.md", "README.ja.md", "README.zh.md"])
def test_each_readme_leads_to_the_index(page: str) -> None:
    assert "docs/README.md" in links(text(REPOSITORY / page))


@pytest.mark.parametrize("heading", re.findall(r"^### .+", text(DOCS / "guarantees.md"), re.MULTILINE))
def test_a_test_is_there_for_each_guarantee(heading: str) -> None:
    guarantee = text(DOCS / "guarantees.md").partition(f"{heading}\n")[2].partition("\n#")[0]
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", guarantee)
    assert named, "no test is named"
    for file, function in named:
        assert re.search(rf"^def {function}\(", text(REPOSITORY / file), re.MULTILINE), f"{file}::{function}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_each_link_leads_somewhere(page: Path) -> None:
    for link in links(text(page)):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert target.is_relative_to(REPOSITORY), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_each_command_and_its_options_exist(page: Path) -> None:
    wrong = [(words, why) for words in commands(text(page)) if (why := fault(words))]
    assert not wrong


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_each_target_of_make_exists(page: Path) -> None:
    targets = set(
        re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    )
    named = {target for found in code(text(page)) for _, target in _MAKE.findall(found)}
    assert named <= targets


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=name)
def test_what_is_long_stands_under_a_heading_and_not_in_a_cell(page: Path) -> None:
    tables = [line for line in _FENCE.sub("", text(page)).splitlines() if re.match(r" *\|", line)]
    cells = [
        cell
        for line in tables
        for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))[page.name in FIRST_CELL_IS_COMPARED :]
    ]
    assert not [cell for cell in cells if len(re.sub(r"\]\([^)]*\)", "]", cell).strip()) > 200]


def test_each_script_of_a_command_is_there() -> None:
    named = {
        words[1] for page in PAGES for words in commands(text(page)) if words[0] == "ci" and len(words) > 1
    }
    assert named
    for script in named:
        assert (REPOSITORY / "ci" / script).is_file()


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("`./mtls verify --json | head --lines 1`", None),
        ("`./mtls inspect FILE... [--ca FILE | --against-stack]`", None),
        ("`./mtls clients export NAME --legacy`", None),
        ("```sh\nPULUMI_STACK=x ci/deploy --stack s \\\n  --rollback && true --no\n```", None),
        ('```sh\neval "$(./mtls kubeconfig --output f)"; ls --all\n```', None),
        ("`./mtls verity`", "no command verity"),
        ("`./mtls clients import x`", "no command import"),
        ("`./mtls verify --jsom`", "no option --jsom"),
        ("`./mtls inspect FILE [--ca FILE | --against]`", "no option --against"),
        ("```sh\nci/deploy --stack s \\\n  --roll-back\n```", "no option --roll-back"),
        ("`ci/undeploy`", "no command undeploy"),
    ],
)
def test_what_does_not_exist_is_found(line: str, why: str | None) -> None:
    (words,) = commands(line)
    assert fault(words) == why
