"""When a certificate is to be issued anew: pure, with the clock as an argument.

A renewal that could not lengthen a certificate's life, because its authority ends at the same
moment or has ended, is never due: it would be due again right after, for ever, or fail and stop
whatever else an update is to do.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

_LEAST: Final = timedelta(hours=8)
"""Before the end, where it is 0 days: a third of a certificate that lasts one, for which there are
no whole days to choose from.
"""


class RenewalState(StrEnum):
    """What is to be done about a certificate's end."""

    NOT_YET = "not yet"
    DUE = "due"
    ENDS_WITH_AUTHORITY = "ends with its authority"


def due_from(not_after: datetime, renew_before_days: int) -> datetime:
    """Return the time of a certificate's renewal.

    It is `renew_before_days` days (of 24 hours) before the end. It is never the end itself, when
    clients are locked out.
    """
    return not_after - (timedelta(days=renew_before_days) or _LEAST)


def near_end(now: datetime, not_after: datetime, renew_before_days: int) -> bool:
    """Return whether the time of renewal has come."""
    return now >= due_from(not_after, renew_before_days)


def renewal(
    now: datetime, not_after: datetime, renew_before_days: int, authority_not_after: datetime
) -> RenewalState:
    """Return what is to be done about a certificate's end.

    The certificate ends at `not_after`, and its authority ends at `authority_not_after`.
    """
    if not near_end(now, not_after, renew_before_days):
        return RenewalState.NOT_YET
    return (
        RenewalState.ENDS_WITH_AUTHORITY if authority_not_after <= max(now, not_after) else RenewalState.DUE
    )


def days_left(now: datetime, not_after: datetime) -> int:
    """Whole days until the end; negative once it has passed."""
    return (not_after - now) // timedelta(days=1)


def to_text(moment: datetime) -> str:
    """A moment as state and outputs hold it: RFC 3339, UTC, whole seconds."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def from_text(text: str) -> datetime:
    """The moment that `to_text` wrote."""
    return datetime.fromisoformat(text)
