"""What came of an operation: a verdict, its findings and the exit code."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from alb_mutual_tls.entry import ExitCode


class Verdict(StrEnum):
    """The verdict on one case, and on the whole (there only the first three)."""

    HELD = "held"
    FELL_SHORT = "fell short"
    NOT_DECIDED = "not decided"
    NOT_OFFERED = "not offered"  # the listener does not speak this TLS version at all
    NOT_CHECKED = "not checked"  # the case could not be made here; says nothing about the listener


@dataclass(frozen=True)
class Finding:
    """The verdict on one case.

    `why`: what it means and what to do; empty where the case held.
    """

    verdict: Verdict
    why: str = ""


EXIT_CODE: Final = {
    Verdict.HELD: ExitCode.GOOD,
    Verdict.FELL_SHORT: ExitCode.BAD,
    Verdict.NOT_DECIDED: ExitCode.UNDECIDED,
}


def overall(verdicts: Iterable[Verdict]) -> Verdict:
    """Combine verdicts into one.

    One that fell short outweighs all, then one not decided. Without any that held, it is not
    decided.
    """
    seen = set(verdicts)
    if Verdict.FELL_SHORT in seen:
        return Verdict.FELL_SHORT
    if Verdict.NOT_DECIDED in seen or Verdict.HELD not in seen:
        return Verdict.NOT_DECIDED
    return Verdict.HELD
