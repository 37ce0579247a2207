"""Say whether the sandbox of this checkout can have its ports.

`python3 -m dev.port_bases [--port-base N] [--listener-base N]` asks before anything is built.

Runs on a bare Python with the standard library only.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from dev.sandbox.layout import Layout

APART: Final = 3000
"""From the port base to the listener base, where only the former was chosen."""
_OTHERS: Final = (27000, 28000, 7000, 8000, 9000, 5000, 6000)
"""What is proposed: below the ports that the system gives to outgoing connections, from 32768 on.
"""


def chosen(arguments: Sequence[str], directory: Path) -> Layout:
    """Return the sandbox with the chosen bases.

    Those that are given come first, then those of the last start, then the default ones.

    Raises:
        UserError: a base is not a number, or not a possible one.
    """
    from alb_mutual_tls.errors import UserError
    from dev.sandbox.layout import Layout

    parser = argparse.ArgumentParser(prog="python3 -m dev.port_bases")
    parser.add_argument("--port-base", default="")
    parser.add_argument("--listener-base", default="")
    given = parser.parse_args(arguments)
    bases: list[int | None] = []
    for variable, text in (("PORT_BASE", given.port_base), ("LISTENER_BASE", given.listener_base)):
        if text and not (text.isascii() and text.isdigit()):
            raise UserError(
                f"{variable} {text!r} is not a number: give the first port of a range, for instance make up"
                " PORT_BASE=27000"
            )
        bases.append(int(text) if text else None)
    port_base, listener_base = bases
    last = Layout.choose(directory)
    if port_base not in (None, last.port_base) and listener_base is None:
        listener_base = port_base + APART
    return Layout.choose(directory, port_base, listener_base)


def refusal(layout: Layout) -> str | None:
    """A sentence when somebody else has a port that the sandbox needs, else None."""
    from dev.sandbox import lifecycle, ports

    busy = lifecycle.taken(layout)
    if not busy:
        return None
    first = busy[0]
    more = f" (and {len(busy) - 1} more)" if busy[1:] else ""
    return (
        f"port {first.port} on {first.address}, needed by {first.part}, is taken by"
        f" {ports.holder(first) or 'a process that cannot be seen from here'}{more}; end that one, or choose"
        f" other ports, which this checkout then remembers: make up PORT_BASE={_free(layout)}"
    )


def _free(layout: Layout) -> int:
    """A port base that could be had now."""
    from dev.sandbox import lifecycle, ports
    from dev.sandbox.layout import Layout

    for base in _OTHERS:
        other = Layout(layout.directory, base, base + APART)
        if all(map(ports.is_free, [*ports.services(other), *lifecycle.first_listeners(other)])):
            return base
    return _OTHERS[0]


def main(arguments: Sequence[str]) -> int:
    """Return 0 when the ports can be had.

    Older Pythons and other systems than Linux are refused by who comes next.
    """
    if sys.version_info < (3, 11) or not Path("/proc/self/stat").exists():
        return 0
    from alb_mutual_tls.errors import UserError
    from dev.sandbox.layout import DEFAULT_DIRECTORY

    try:
        sentence = refusal(chosen(arguments, DEFAULT_DIRECTORY))
    except UserError as error:
        sentence = str(error)
    if sentence:
        print(f"error: {sentence}", file=sys.stderr)
    return 1 if sentence else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
