"""Errors that a user can meet.

Each is one sentence that says what, which value and what to do.
"""

from __future__ import annotations


class UserError(Exception):
    """An error that the user can correct.

    `str(error)` is the whole sentence, printed as it is and without a traceback.
    """


class WrongPlace(UserError):
    """The cluster or account that answers is not the one of the state.

    The state was made in another one; never read this as "gone".
    """


class Unreachable(UserError):
    """The cluster or an Alibaba Cloud API cannot be reached or does not answer."""


class AlbConfigMissing(UserError):
    """The cluster has no AlbConfig of that name."""
