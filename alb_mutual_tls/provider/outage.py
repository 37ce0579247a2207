"""What may not stand in the way of the kill switch: everything but the cluster that holds the
listener.
"""

from __future__ import annotations

from alb_mutual_tls.errors import UserError, WrongPlace
from alb_mutual_tls.plugin.request import Cancelled

PENDING = "pending"
"""The id of what could not be made while no listener needs it; a refresh finds it gone, so the next
`pulumi up` makes it.
"""


def raise_unless_tolerable(error: UserError) -> None:
    """Raise the error again when it must end the run: another account or cluster than the state's,
    and Ctrl-C.

    Anything else that account or CAS may say (no answer, a refused key, a missing permission) is a
    warning where a listener is switched off, and where something is only looked at: every `pulumi
    up` refreshes first.
    """
    if isinstance(error, (WrongPlace, Cancelled)):
        raise error
