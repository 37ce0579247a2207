"""The sentences that users meet: as they stand in the source, and as docs/errors.md lists them.

A template is a sentence with `<>` in place of every value. Templates are compared as text, so a
reworded sentence is a different one.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parents[3]
PAGE: Final = REPOSITORY / "docs/errors.md"
MODULES: Final = (
    *(
        module
        for room in ("access", "alibaba", "cluster", "listener", "plugin", "provider")
        for module in sorted((REPOSITORY / "alb_mutual_tls" / room).glob("*.py"))
    ),
    *(
        module
        for module in sorted((REPOSITORY / "components").glob("*.py"))
        if module.name not in ("schema.py", "package_schema.py")  # their texts are descriptions for editors
    ),
)
WARNINGS: Final = frozenset(
    {
        "warn",
        "_once",
        "endings",
        "removals",
        "info",
        "status",
        "warnings",
        "notes",
        "sentence",
        "without_certificates",
        "other_owners",
        "lockout_to_come",
        "_left",
        "refused",
        "_of_ids",
    }
)
"""Functions and lists whose texts are warnings and notes: nothing fails because of them."""
_PROGRAMMERS: Final = frozenset({"TypeError", "AssertionError", "ModuleNotFoundError"})
_REMEDY: Final = re.compile(r"[:;] \S")


def template(text: str) -> str:
    """A text of the page, or of the source, with `<>` in place of what is named in angle
    brackets.
    """
    return re.sub(r"<[^<>]*>", "<>", text)


# --- the source


def sentences_of_the_source() -> dict[str, list[str]]:
    """Template -> the places (`module.py:line`) that make it."""
    trees = {module: ast.parse(module.read_text()) for module in MODULES}
    errors = error_classes(
        [*trees.values(), ast.parse((REPOSITORY / "alb_mutual_tls/errors.py").read_text())]
    )
    found: dict[str, list[str]] = {}
    for module, tree in trees.items():
        for text, line in sentences_of(tree, errors):
            found.setdefault(text, []).append(f"{module.name}:{line}")
    return found


def error_classes(trees: list[ast.Module]) -> set[str]:
    """`UserError` and everything derived from it."""
    classes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    found, before = {"UserError"}, 0
    while len(found) > before:
        before = len(found)
        found |= {
            node.name
            for node in classes
            if any(isinstance(base, ast.Name) and base.id in found for base in node.bases)
        }
    return found


def sentences_of(node: ast.AST, errors: set[str], said: bool = False) -> Iterator[tuple[str, int]]:
    """The sentences under a node: every text that is `said` (what an error or a `CheckFailure` is
    made of), and elsewhere every one with a remedy.
    """
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return  # a docstring
    if isinstance(node, ast.keyword) and node.arg == "description":
        return  # of a field, for the JSON Schema
    if isinstance(node, ast.FunctionDef) and node.name in WARNINGS:
        return
    name = _name(node.func) if isinstance(node, ast.Call) else ""
    if name in WARNINGS | _PROGRAMMERS:
        return
    text = _text(node)
    if text is not None and len(re.findall(r"[A-Za-z]{2,}", text)) > 1 and (said or _REMEDY.search(text)):
        yield template(text), getattr(node, "lineno", 0)
    arguments = node.args if isinstance(node, ast.Call) else []
    told = arguments[1:2] if name == "CheckFailure" else arguments[:1] if name in errors else []
    choice = said and isinstance(node, ast.IfExp)
    for child in ast.iter_child_nodes(node):
        if text is None or not isinstance(child, ast.Constant):
            yield from sentences_of(child, errors, said=choice or child in told)


def _name(function: ast.expr) -> str:
    """The name of what is called; for `warnings.append` the list's."""
    if isinstance(function, ast.Attribute):
        return _name(function.value) if function.attr == "append" else function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _text(node: ast.AST) -> str | None:
    """A literal or an f-string, as a template."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "<>" for part in node.values)
    return None


# --- the page


@dataclass(frozen=True)
class Row:
    """A row of the page; `…` at an end of the sentence stands for any text."""

    sentence: str
    cause: str
    remedy: str

    @property
    def template(self) -> str:
        """The sentence as the source has it."""
        return template(self.sentence.strip("…"))

    @cached_property
    def is_part(self) -> bool:
        """Whether it stands inside other sentences."""
        return "…" in self.sentence

    @cached_property
    def weight(self) -> int:
        """How much of the sentence is literal: of two rows that fit, the heavier one is meant."""
        return len(self.template.replace("<>", ""))

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What the row's sentences look like."""
        return re.compile(
            ".*".join(re.escape(part) for part in re.split("<>|…", template(self.sentence))), re.DOTALL
        )


def meant(sentence: str, rows: list[Row]) -> list[Row]:
    """The row of a sentence, and the row of the part in it; of those that fit the one that says
    most.
    """
    fitting = sorted((row for row in rows if row.pattern.fullmatch(sentence)), key=lambda row: row.weight)
    return [row for row in fitting if not row.is_part][-1:] + [row for row in fitting if row.is_part][-1:]


def rows() -> list[Row]:
    """The rows of all tables of the page whose first cell is a sentence."""
    cells = [
        line.strip("| ").split(" | ") for line in PAGE.read_text().splitlines() if line.startswith("| `")
    ]
    return [Row(sentence.strip("`"), cause, remedy) for sentence, cause, remedy in cells]
