"""`python -m alb_mutual_tls.cli`, `mtls`."""

from __future__ import annotations

from alb_mutual_tls.cli.commands import app
from alb_mutual_tls.cli.entry import run


def main() -> None:
    """Run `mtls`."""
    run(app, "mtls")


if __name__ == "__main__":
    main()
