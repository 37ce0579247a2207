"""`python -m alb_mutual_tls.pipeline`: what the scripts in `ci/` start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alb_mutual_tls.entry import run

if TYPE_CHECKING:
    import typer


def main() -> None:
    """Run a command."""
    run(_app, "ci")


def _app() -> typer.Typer:
    from alb_mutual_tls.pipeline.commands import app

    return app


if __name__ == "__main__":
    main()
