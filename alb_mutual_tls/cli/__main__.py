"""`python -m alb_mutual_tls.cli`, `mtls`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alb_mutual_tls.entry import run

if TYPE_CHECKING:
    import typer


def main() -> None:
    """Run `mtls`."""
    run(_app, "mtls")


def _app() -> typer.Typer:
    from alb_mutual_tls.cli.commands import app

    return app


if __name__ == "__main__":
    main()
