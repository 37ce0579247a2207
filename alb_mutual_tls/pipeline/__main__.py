"""`python -m alb_mutual_tls.pipeline`: what the scripts in `ci/` start."""

from __future__ import annotations

import sys
import traceback

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pipeline.commands import app


def main() -> None:
    """Run a command; an error of the user's is one sentence on stderr and exit code 2, and so is a fault of our own, with its traceback."""
    try:
        app(prog_name="ci")
    except UserError as error:
        print(f"ci: {error}", file=sys.stderr)
        sys.exit(2)
    except Exception as error:
        traceback.print_exc()
        print(f"ci: internal error, please report it: {type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
