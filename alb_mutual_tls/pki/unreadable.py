"""Explain why `cryptography` refuses a certificate or a request.

This program reads with `cryptography`. The explanation says whether OpenSSL reads it.

"OpenSSL reads it" is said only of what was tried, with `openssl` itself. These are the cases of
tests/unit/operations/inspection/test_unreadable.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from alb_mutual_tls.pki import der
from alb_mutual_tls.pki.der import Element
from alb_mutual_tls.pki.extensions import called

_ONE_OCTET: Final = ("NumericString", "PrintableString", "T61String", "IA5String", "VisibleString")
_OPENSSL_READS: Final = "OpenSSL reads it, the reader of this program (Python's cryptography) does not"


def of_certificate(data: bytes) -> str | None:
    """Return why a certificate is refused, with the remedy, or None.

    The clause stands behind "the certificate" ("has ...; have it made anew ..."). None means that
    it is not a certificate at all.
    """
    try:
        body, _, _ = der.only(data).inside()
        parts = body.inside()
    except ValueError:
        return None
    if len(parts) < 6 or not _is_key(parts[5 + (parts[0].tag == 0xA0) :]):
        return None
    fault = next(_certificate_faults(parts), None)
    if fault:
        return f"{fault}: {_OPENSSL_READS}; have it made anew with {_remedy(fault)}"
    return (
        "cannot be read by the reader of this program (Python's cryptography); look whether openssl x509 -in"
        " FILE -noout -text reads it, and have it made anew"
    )


def of_request(data: bytes) -> str | None:
    """Return why a request is refused, with the remedy, or None.

    The clause stands behind "the certificate signing request". None means that it is not a request
    at all.
    """
    try:
        body, algorithm, signature = der.only(data).inside()
        parts = body.inside()
    except ValueError:
        return None
    if (body.tag, algorithm.tag, signature.tag) != (der.SEQUENCE, der.SEQUENCE, der.BIT_STRING):
        return None
    if [part.tag for part in parts[:2]] != [der.INTEGER, der.SEQUENCE] or not _is_key(parts[2:]):
        return None
    fault = next(_request_faults(parts), None)
    if fault:
        return f"{fault}: {_OPENSSL_READS}; make it anew with {_remedy(fault)}"
    return (
        "cannot be read by the reader of this program (Python's cryptography); look whether openssl req -in"
        " FILE -noout -text reads it, and make it anew with openssl req -new"
    )


def _is_key(parts: list[Element]) -> bool:
    return bool(parts) and [part.tag for part in _inside(parts[0])] == [der.SEQUENCE, der.BIT_STRING]


def _remedy(fault: str) -> str:
    if "Latin-1" in fault:
        return "names in UTF-8, as openssl req -new -utf8 writes them"
    return "another begin and end" if "valid" in fault else "openssl req -new"


def _certificate_faults(parts: list[Element]) -> Iterator[str]:
    numbered = parts[0].tag == 0xA0
    issuer, validity, subject = parts[2 + numbered : 5 + numbered]
    yield from _name_faults("subject", subject)
    yield from _name_faults("issuer", issuer)
    for when, time in zip(("from", "until"), _inside(validity), strict=False):
        if time.tag == 0x18 and time.content[:4] == b"0000":
            yield f"is valid {when} a moment in the year 0"


def _request_faults(parts: list[Element]) -> Iterator[str]:
    version = int.from_bytes(parts[0].content, "big", signed=True)
    if version:
        yield f"says version {version + 1}, where PKCS#10 knows version 1 alone (RFC 2986 section 4.1)"
    if all(part.tag != 0xA0 for part in parts[3:]):
        yield "lacks the list of attributes, which may be empty and not be left out (RFC 2986 section 4.1)"
    if any(_unsorted(part) or any(map(_unsorted, _sets(part))) for part in parts[3:] if part.tag == 0xA0):
        yield "has its attributes in another order than DER demands (X.690 section 11.6)"
    yield from _name_faults("subject", parts[1])


def _sets(attributes: Element) -> list[Element]:
    return [part for attribute in _inside(attributes) for part in _inside(attribute) if part.tag == der.SET]


def _unsorted(listed: Element) -> bool:
    encodings = [element.encoded for element in _inside(listed)]
    return encodings != sorted(encodings)


def _name_faults(whose: str, name: Element) -> Iterator[str]:
    for relative in _inside(name):
        for attribute in _inside(relative):
            parts = _inside(attribute)
            for value in parts[1:]:
                form = der.STRINGS.get(value.tag)
                if form in _ONE_OCTET and not _utf_8(value.content):
                    yield f"has Latin-1 in the {_kind(parts[0])} of its {whose}, as a {form}"


def _kind(attribute_type: Element) -> str:
    try:
        return called(der.oid(attribute_type.content))
    except ValueError:
        return "name"


def _utf_8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _inside(element: Element) -> list[Element]:
    try:
        return element.inside()
    except ValueError:
        return []
