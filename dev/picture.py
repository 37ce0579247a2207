"""Draw what `./mtls verify` shows on a terminal, from a real run on the sandbox.

The command is `python -m dev.picture FILE.svg`, after `make up`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from dev.sandbox import environment
from dev.sandbox.layout import DEFAULT_DIRECTORY, Layout
from dev.up import proof

COLUMNS: Final = 100
_FORMAT: Final = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
"""Rich's own, without the fonts that a browser would fetch."""


def on_a_terminal(command: Sequence[str], variables: Mapping[str, str]) -> tuple[int, str]:
    """The exit code of a command, and what it shows on a terminal of `COLUMNS` columns."""
    terminal, other_end = os.openpty()
    shown = b""
    with subprocess.Popen(
        command,
        env={**variables, "TERM": "xterm-256color", "COLUMNS": str(COLUMNS)},
        stdin=subprocess.DEVNULL,
        stdout=other_end,
        stderr=other_end,
    ) as process:
        os.close(other_end)
        try:
            while read := os.read(terminal, 65536):
                shown += read
        except OSError:  # what Linux says when the other end is closed
            pass
    os.close(terminal)
    return process.returncode, shown.decode().replace("\r\n", "\n")


def drawn(shown: str, title: str) -> str:
    """An SVG of what a terminal shows; nothing in it is fetched from anywhere."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=COLUMNS, file=nowhere, force_terminal=True)
        console.print(Text.from_ansi(shown), soft_wrap=True)
        svg = console.export_svg(title=title, code_format=_FORMAT, unique_id="terminal")
    return "\n".join(line.rstrip() for line in svg.splitlines() if line.strip()) + "\n"


def main(arguments: Sequence[str]) -> int:
    if len(arguments) != 1:
        print("usage: python -m dev.picture FILE.svg", file=sys.stderr)
        return 2
    layout = Layout.choose(DEFAULT_DIRECTORY)
    code, shown = on_a_terminal(proof(layout), environment.for_process(layout))
    if code:
        print(f"{shown}\nerror: nothing is drawn, as this did not hold; run make up first", file=sys.stderr)
        return 1
    Path(arguments[0]).write_text(drawn(shown, "make up"), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
