"""Errors a user can meet: one sentence each, that says what, which value and what to do."""

from __future__ import annotations


class UserError(Exception):
    """Something the user can put right; `str(error)` is the whole sentence, printed as it is and
    without a traceback.
    """


class WrongPlace(UserError):
    """The cluster or account that answers is not the one that the state was made in; never to be
    read as "gone".
    """


class Unreachable(UserError):
    """The cluster or an Alibaba Cloud API cannot be reached or does not answer."""


class AlbConfigMissing(UserError):
    """The cluster has no AlbConfig of that name."""
