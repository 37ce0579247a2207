"""What a verifier decides."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Verdict:
    """Whether a chain is accepted, and else why not, in the verifier's own words."""

    accepted: bool
    reason: str = ""
