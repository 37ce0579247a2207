"""How many examples a property test tries, and which.

`make test` tries the same few every time, so that it never fails at random. `make test-all` tries
all, other ones each time.
"""

from __future__ import annotations

import os
from typing import Final

import hypothesis

EXPLORING: Final = os.environ.get("PROPERTY_TESTS") == "explore"
_SHARE: Final = 5


def examples(number: int) -> int:
    """`number` where properties are explored, else a fifth of it."""
    return number if EXPLORING else max(number // _SHARE, 5)


def load_profile() -> None:
    """Settings of all property tests that set none; how long one example takes says something of
    the machine's load only.
    """
    hypothesis.settings.register_profile(
        "explore" if EXPLORING else "repeat",
        max_examples=examples(100),
        derandomize=not EXPLORING,
        deadline=None,
    )
    hypothesis.settings.load_profile("explore" if EXPLORING else "repeat")
