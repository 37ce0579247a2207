"""`python -m alb_mutual_tls.cli`, `mtls`."""

from __future__ import annotations

import sys
import traceback

from alb_mutual_tls.cli.commands import app
from alb_mutual_tls.errors import UserError


def main() -> None:
    """Run the command line; an error of the user's is one sentence on stderr and exit code 2.

    So is a fault of our own, with its traceback: Python's exit code for it, 1, would say that a listener fell short.
    """
    try:
        app(prog_name="mtls")
    except UserError as error:
        print(f"mtls: {error}", file=sys.stderr)
        sys.exit(2)
    except Exception as error:
        traceback.print_exc()
        print(f"mtls: internal error, please report it: {type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
