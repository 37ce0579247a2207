"""Finds the blocks of a PEM text (RFC 7468 section 2) in linear time.

A regular expression with `.*?` between BEGIN and END looks for the end once for each beginning.
That is quadratic where ends are missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence


def blocks(text: str, labels: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield label and body of each block with one of these labels, in order.

    A block that has no END line of its label is passed over.

    Args:
        text: whatever may hold PEM.
        labels: as they stand after BEGIN, for instance `X509 CERTIFICATE`.
    """
    beginning = re.compile(f"-----BEGIN ({'|'.join(map(re.escape, labels))})-----")
    without_end: set[str] = set()
    position = 0
    while begun := beginning.search(text, position):
        label, mark = begun[1], f"-----END {begun[1]}-----"
        end = -1 if label in without_end else text.find(mark, begun.end())
        if end < 0:
            without_end.add(label)
            position = begun.start() + 1
        else:
            yield label, text[begun.end() : end]
            position = end + len(mark)
