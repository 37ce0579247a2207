"""What people see of a report: on a terminal or where no terminal limits the columns."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO

from rich.console import Console

from alb_mutual_tls.operations.printing import Screen


def shown(
    report: Callable[[Screen], None], *, columns: int = 10_000, wide: bool = False, quiet: bool = False
) -> str:
    """The text that `report` prints on a screen."""
    output = StringIO()
    console = Console(file=output, width=columns, color_system=None, highlight=False)
    report(Screen(console, wide=wide, quiet=quiet))
    return output.getvalue()
