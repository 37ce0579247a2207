"""The product's clock.

Code that compares times takes a clock, so that tests can set the time.
"""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """The current moment, in UTC."""
    return datetime.now(UTC)
