"""`python -m alb_mutual_tls.pipeline`: what the scripts in `ci/` start."""

from __future__ import annotations

from alb_mutual_tls.cli.entry import run
from alb_mutual_tls.pipeline.commands import app


def main() -> None:
    """Run a command."""
    run(app, "ci")


if __name__ == "__main__":
    main()
