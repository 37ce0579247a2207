"""Points in time as Go keeps and writes them: nanoseconds since 1970, RFC 3339 with the fraction's
trailing zeros left out.
"""

from __future__ import annotations

from datetime import datetime

NANOSECONDS_PER_SECOND = 10**9
NANOSECONDS_PER_HOUR = 3600 * NANOSECONDS_PER_SECOND


def rfc3339(nanoseconds: int) -> str:
    """A point in time (nanoseconds since 1970) in the local time zone, as `time.Time.MarshalText`
    writes it, such as 2026-03-16T18:32:32.5771Z.
    """
    seconds, fraction = divmod(nanoseconds, NANOSECONDS_PER_SECOND)
    whole = datetime.fromtimestamp(seconds).astimezone().isoformat(timespec="seconds")
    clock, offset = whole[:19], whole[19:]
    return (
        clock + (f".{fraction:09d}".rstrip("0") if fraction else "") + ("Z" if offset == "+00:00" else offset)
    )


def parse(text: str) -> int:
    """Nanoseconds since 1970 of an RFC 3339 text; raises ValueError when it is none."""
    clock, rest = text[:19], text[19:]
    digits = ""
    if rest.startswith("."):
        digits = rest[1 : len(rest) - len(rest[1:].lstrip("0123456789"))]
        rest = rest[1 + len(digits) :]
    moment = datetime.fromisoformat(clock + rest)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return int(moment.timestamp()) * NANOSECONDS_PER_SECOND + int(digits[:9].ljust(9, "0") or "0")


def due(validity_end: str, early_renewal_hours: int, now: int) -> bool:
    """Whether a certificate that ends at `validity_end` is to be issued anew at `now` (nanoseconds
    since 1970).
    """
    return parse(validity_end) - early_renewal_hours * NANOSECONDS_PER_HOUR <= now
