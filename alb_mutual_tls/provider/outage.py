"""Decides which errors must not block the kill switch.

Only the cluster that holds the listener may block it.
"""

from __future__ import annotations

from alb_mutual_tls.errors import UserError, WrongPlace
from alb_mutual_tls.plugin.request import Cancelled

PENDING = "pending"
"""The id of what could not be made while no listener needs it; a refresh finds it gone, so the next
`pulumi up` makes it.
"""


def raise_unless_tolerable(error: UserError) -> None:
    """Raise the error again when it must end the run.

    That is Ctrl-C, or another account or cluster than the state's. Anything else that account or
    CAS may say (no answer, a refused key, a missing permission) is only a warning in two cases: a
    listener is switched off, or something is only looked at. Every `pulumi up` refreshes first.
    """
    if isinstance(error, (WrongPlace, Cancelled)):
        raise error
