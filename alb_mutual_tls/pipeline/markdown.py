"""Markdown made of text from elsewhere, for GitHub, GitLab and the like.

That text must neither act as markup nor notify anybody.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

_MARKUP: Final = re.compile(r"([\\`*_\[\]|~])")
_CALLS: Final = re.compile(
    # users (who are told), issues, merge requests, snippets, milestones
    r"""[@#!$%](?=[\w"\\])|\bGH(?=-\d)"""
    # what becomes a link by itself: GitHub Flavored Markdown 6.9, and GitLab
    r"|[a-z0-9](?=://)|\bwww(?=\.)|\b(?:mailto|xmpp)(?=:)",
    re.IGNORECASE,
)
_APART: Final = "&#8203;"
_LIST: Final = re.compile(r"^(\s*)([-+>=]|\d+(?=[.)]))")


def escaped(text: str, *, limit: int = 2000) -> str:
    """Escape text so that it stands for itself on one line.

    It makes no markup, HTML, @mention, #reference or link. Text longer than `limit` characters is
    cut off. All text from elsewhere goes through here, whichever forge shows it. A zero-width space
    breaks up what GitHub or GitLab would act on.
    """
    line = " ".join(text.split())
    line = line if len(line) <= limit else f"{line[: limit - 1]}…"
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    line = _LIST.sub(r"\1\\\2" if not line[:1].isdigit() else r"\1\2", _MARKUP.sub(r"\\\1", line))
    return _CALLS.sub(lambda match: match.group() + _APART, line)


def marker(kind: str, stack: str) -> str:
    """An HTML comment, by which a pipeline finds its comment again."""
    return f"<!-- alb-mutual-tls {kind} {re.sub('[^A-Za-z0-9._/-]', '_', stack)} -->"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, room: int) -> str:
    """Build a table with as many rows as fit into `room` characters.

    The cells are Markdown already. The last line counts the rows left out.
    """
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return _fitting(
        lines,
        [f"| {' | '.join(row)} |" for row in rows],
        room,
        "\n{} more are left out here: see the engine's own output.",
    )


def items(texts: Iterable[str], *, room: int) -> str:
    """A list of texts that are Markdown already, as many as fit."""
    return _fitting(
        [], [f"- {text}" for text in texts], room, "- {} more are left out here: see the engine's own output."
    )


def folded(title: str, lines: Sequence[str], *, room: int) -> str:
    """Lines of plain text that a reader unfolds, as many as fit."""
    fenced = [line.replace("`", "'") for line in lines]
    body = _fitting(
        [], fenced, room - len(title) - 100, "... {} more are left out here: see the engine's own output"
    )
    return f"<details><summary>{escaped(title)}</summary>\n\n```diff\n{body}\n```\n\n</details>"


def _fitting(head: list[str], lines: list[str], room: int, rest: str) -> str:
    room -= sum(len(line) + 1 for line in head) + len(rest) + 20
    shown: list[str] = []
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            break
        shown.append(line)
    left = len(lines) - len(shown)
    return "\n".join([*head, *shown, *([rest.format(left)] if left else [])])
