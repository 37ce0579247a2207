"""Read the DER (X.690) that `cryptography` refuses whole and OpenSSL accepts.

Only as much of DER is read as that needs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

BOOLEAN: Final = 0x01
INTEGER: Final = 0x02
BIT_STRING: Final = 0x03
OBJECT_IDENTIFIER: Final = 0x06
SEQUENCE: Final = 0x30
SET: Final = 0x31
STRINGS: Final = {
    0x0C: "UTF8String",
    0x12: "NumericString",
    0x13: "PrintableString",
    0x14: "T61String",
    0x16: "IA5String",
    0x1A: "VisibleString",
    0x1C: "UniversalString",
    0x1E: "BMPString",
}
_MOST: Final = 10_000
_WIDE: Final = {0x0C: "utf-8", 0x1C: "utf-32-be", 0x1E: "utf-16-be"}


@dataclass(frozen=True)
class Element:
    """A tag (one octet) with its contents; `encoded`: both, as they stand there."""

    tag: int
    content: bytes
    encoded: bytes

    def inside(self) -> list[Element]:
        """The elements in it. Raises `ValueError`."""
        return elements(self.content)

    def text(self) -> str:
        """Return the string as OpenSSL shows it.

        In kinds of string with one octet per character, any octet is Latin-1.
        """
        return self.content.decode(_WIDE.get(self.tag, "latin-1"), errors="replace")


def elements(data: bytes) -> list[Element]:
    """The elements that stand one after the other in `data`.

    Raises `ValueError` where it is anything else, or more than anybody would write.
    """
    found = list(islice(_elements(data), _MOST + 1))
    if len(found) > _MOST:
        raise ValueError("too many")
    return found


def _elements(data: bytes) -> Iterator[Element]:
    position = 0
    while position < len(data):
        if len(data) < position + 2 or data[position] & 0x1F == 0x1F or data[position + 1] == 0x80:
            raise ValueError("not DER")
        tag, length, start = data[position], data[position + 1], position + 2
        if length & 0x80:
            octets = length & 0x7F
            length, start = int.from_bytes(data[start : start + octets], "big"), start + octets
        if start + length > len(data):
            raise ValueError("not DER")
        end = start + length
        yield Element(tag, data[start:end], data[position:end])
        position = end


def only(data: bytes) -> Element:
    """The one element of `data`. Raises `ValueError`."""
    element = next(_elements(data), None)
    if element is None or len(element.encoded) != len(data):
        raise ValueError("not DER")
    return element


def oid(content: bytes) -> str:
    """The contents of an object identifier as numbers with dots. Raises `ValueError`."""
    if not content or content[-1] & 0x80 or len(content) > 256:
        raise ValueError("not DER")
    numbers, number = [], 0
    for octet in content:
        number = number << 7 | octet & 0x7F
        if not octet & 0x80:
            numbers.append(number)
            number = 0
    first = min(numbers[0] // 40, 2)
    return ".".join(map(str, (first, numbers[0] - 40 * first, *numbers[1:])))
