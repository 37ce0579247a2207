"""`python -m alb_mutual_tls.cli.reference`: docs/cli.md, from the commands themselves."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from importlib import import_module
from typing import Any, Final

from typer.main import get_command

from alb_mutual_tls.cli.commands import app

DOCUMENTS: Final = {
    "verify": "operations.verification.report",
    "status": "operations.status.report",
    "clients list": "operations.status.report",
    "inspect": "operations.inspection.report",
    "rehearse": "operations.rehearsal.report",
    "audit": "operations.audit.report",
    "doctor": "operations.doctor.report",
}
"""The modules whose docstring describes the JSON document of a command."""
COLUMNS: Final = 100
_HEAD: Final = """# `./mtls`: every command

*Made by `python -m alb_mutual_tls.cli.reference` from the commands; a test holds it to them.*

Reports begin with the verdict, then name what deviates, then show the rest in tables that fit the terminal.
`--output wide` shows everything, `--quiet` the verdict alone.
`--output json` and `--output yaml` are for machines.
Piped, a row is one line; COLUMNS narrows it.
What is waited for longer than two seconds is told on the terminal, in a log after ten; `--timeout` limits it.
[exit-codes.md](exit-codes.md) has the exit codes.

Completion of commands and options: `eval "$(./mtls --show-completion bash)"` for this shell.
`./mtls --install-completion bash` installs it; zsh, fish and PowerShell alike.
"""


def page() -> str:
    """The page, as Markdown."""
    return _HEAD + "".join(_sections(get_command(app), ()))


def _sections(group: Any, path: tuple[str, ...]) -> Iterator[str]:
    for name in group.list_commands(None):
        command = group.commands[name]
        if hasattr(command, "commands"):
            yield from _sections(command, (*path, name))
        else:
            yield _section(command, (*path, name))


def _section(command: Any, path: tuple[str, ...]) -> str:
    name = " ".join(path)
    context = command.make_context(
        f"mtls {name}", [], resilient_parsing=True, terminal_width=COLUMNS, max_content_width=COLUMNS
    )
    section = (
        f"\n## `mtls {name}`\n\n{command.short_help}\n\n```\n{command.get_help(context).rstrip()}\n```\n"
    )
    if name in DOCUMENTS:
        section += f"\n### JSON of `mtls {name}`\n\n```\n{_fields(name)}\n```\n"
    return section


def _fields(name: str) -> str:
    """What the module of a report says of its JSON document."""
    text = inspect.cleandoc(import_module(f"alb_mutual_tls.{DOCUMENTS[name]}").__doc__ or "")
    return text[text.index("The JSON document") :]


if __name__ == "__main__":
    print(page(), end="")
