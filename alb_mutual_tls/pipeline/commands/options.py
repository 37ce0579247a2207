"""The pipeline command line, its shared options and its output.

Commands register at `app`.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alb_mutual_tls import entry
from alb_mutual_tls.errors import UserError

if TYPE_CHECKING:
    from alb_mutual_tls.operations.deployment.summary import Summary

app = typer.Typer(
    help="What pipelines run: docs/pipelines.md; exit codes: docs/exit-codes.md.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Stack = Annotated[str, typer.Option("--stack", "-s", help="Pulumi stack.")]
Cwd = Annotated[
    Path | None,
    typer.Option(
        "--cwd", "-C", help="Directory of the Pulumi project; default: around the current directory."
    ),
]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="File for the summary; default: standard output.")
]
Json = Annotated[bool, typer.Option("--json", help="JSON for machines in place of Markdown.")]


def interruptible() -> None:
    """Make SIGTERM end this process as Ctrl-C does.

    CI cancels a job with SIGTERM. The engine is told, and releases the stack's lock.
    """
    entry.interruptible(
        signal.SIGTERM, signal.SIGINT
    )  # also where a shell has SIGINT ignored, which the engine would inherit


def write(summary: Summary, output: Path | None, *, json: bool) -> None:
    """Write the summary to its file, or to standard output.

    With a file, the verdict goes to standard error too.
    """
    from alb_mutual_tls.operations.deployment.summary import as_json
    from alb_mutual_tls.pipeline.summary_markdown import as_markdown

    write_text(
        as_json(summary) + "\n" if json else as_markdown(summary),
        f"{summary.stack}: {summary.verdict}",
        output,
    )


def write_text(text: str, verdict: str, output: Path | None) -> None:
    """Write a text to its file, or to standard output.

    With a file, the verdict goes to standard error too. Raises UserError when the file cannot be
    written.
    """
    if output is None:
        sys.stdout.write(text)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"--output {output} cannot be written ({error.strerror}): give a path that can"
        ) from None
    print(verdict, file=sys.stderr)
