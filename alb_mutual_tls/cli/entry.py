"""How a command line starts and ends."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable

from alb_mutual_tls.errors import UserError


def run(app: Callable[..., object], name: str) -> None:
    """Run a Typer application; an error of the user's is one sentence on stderr and exit code 2.

    So is a fault of our own, with its traceback: Python's exit code for it, 1, would say that a listener fell short.
    """
    try:
        app(prog_name=name)
    except UserError as error:
        print(f"{name}: {error}", file=sys.stderr)
        sys.exit(2)
    except Exception as error:
        traceback.print_exc()
        print(f"{name}: internal error, please report it: {type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(2)
