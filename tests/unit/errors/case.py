"""What a case is: real code that is made to fail, and the sentences it says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.plugin.handler import PartiallyMade
from alb_mutual_tls.wire import CheckFailure
from components.settings import SettingsError

Case = Callable[[Path], object]
"""Gets a directory of its own; raises an error, or returns the `CheckFailure`s or texts that it was
told.
"""


def sentences(case: Case, directory: Path) -> list[str]:
    """The sentences of a case."""
    try:
        told = case(directory)
    except PartiallyMade as error:
        return error.reasons
    except SettingsError as error:
        return error.problems
    except UserError as error:
        return [str(error)]
    assert isinstance(told, list), f"nothing is said: {told!r}"
    assert told, "nothing is said"
    return [item.reason if isinstance(item, CheckFailure) else str(item) for item in told]
