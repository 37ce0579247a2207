"""Reads certificates, requests and keys from whatever a file holds.

It reads PEM in any order, DER, PKCS#7 and PKCS#12. Files come from anywhere, so everything here is
bounded: size, number of certificates, rounds of key derivation. No file content raises an
exception: what cannot be read becomes a piece that says so.
"""

from __future__ import annotations

import base64
import binascii
import warnings
from collections.abc import Iterator

from cryptography.hazmat.primitives import serialization

from alb_mutual_tls.operations.inspection.der_pieces import (
    TOO_MANY_ROUNDS,
    der_pieces,
    first_element,
    pkcs7_pieces,
    pkcs12_pieces,
    too_many_rounds,
)
from alb_mutual_tls.operations.inspection.piece import (
    CERTIFICATE_LIMIT,
    SIZE_LIMIT,
    Certificate,
    Contents,
    Other,
    Piece,
    Unlock,
    Unreadable,
    certificate_piece,
    key_piece,
    nothing,
    once,
    request_piece,
    safe,
)


def read(data: bytes, unlock: Unlock) -> Contents:
    """The contents of a file; `data` beyond `SIZE_LIMIT` need not be given."""
    if len(data) > SIZE_LIMIT:
        return nothing(
            f"it is larger than {SIZE_LIMIT} octets, and no certificate is; give the file that holds"
            " certificate or key alone"
        )
    if not data.strip():
        return nothing("it is empty; give the file that holds certificate or key")
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # cryptography warns of odd serial numbers and the like; they are shown as they are
        contents = _read(data, once(unlock))
    certificates = sum(isinstance(piece, Certificate) for piece in contents.pieces)
    if certificates > CERTIFICATE_LIMIT:
        return nothing(
            f"it holds {certificates} certificates, and at most {CERTIFICATE_LIMIT} are looked at; give the"
            " file that holds a client's chain or its CA"
        )
    return contents


def _read(data: bytes, unlock: Unlock) -> Contents:
    text = _text(data)
    if b"-----BEGIN " in text:
        pieces = tuple(pem_pieces(text, unlock))
        return (
            Contents("PEM", pieces)
            if pieces
            else nothing("its BEGIN line is none; give the file as it was issued")
        )
    contents = der_pieces(data, unlock)
    if contents is not None:
        return contents
    naked = _base64(text)
    if naked is not None:
        inside = _text(naked)
        contents = (
            Contents("PEM", tuple(pem_pieces(inside, unlock)))
            if b"-----BEGIN " in inside
            else der_pieces(naked, unlock)
        )
    if contents is None:
        return nothing(
            "it is neither PEM, DER, PKCS#7 nor PKCS#12 of anything that is known here; give a certificate, a"
            " request or a key"
        )
    return Contents(
        f"{contents.form} in base64, which is to be decoded before anybody else can read it", contents.pieces
    )


def _text(data: bytes) -> bytes:
    """Return a text without the byte order mark that Windows' editors add.

    UTF-16 (two octets per character) becomes ASCII.
    """
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if data.startswith(mark):
            return data[2:].decode(encoding, errors="replace").encode("ascii", errors="replace")
    return data.removeprefix(b"\xef\xbb\xbf")


def _base64(text: bytes) -> bytes | None:
    try:
        return base64.b64decode(b"".join(text.split()), validate=True)
    except binascii.Error:
        return None


# --- PEM (RFC 7468)


def pem_pieces(text: bytes, unlock: Unlock) -> Iterator[Piece]:
    """Every block, in one pass over the text however many BEGIN lines there are."""
    begin, place = b"-----BEGIN ", text.find(b"-----BEGIN ")
    while place >= 0:
        following = text.find(begin, place + len(begin))
        block = text[place : following if following >= 0 else len(text)]
        place = following
        head, dashes, rest = block.removeprefix(begin).partition(b"-----")
        if not dashes or len(head) > 64 or not head.strip().isascii() or b"\n" in head:
            continue
        label = head.decode("ascii")
        body, end, _ = rest.partition(f"-----END {label}-----".encode())
        if not end:
            yield Unreadable(f"its {safe(label)} is cut off: there is no END line; give the whole file")
            continue
        yield from _pem_piece(label, body, block, unlock)


def _pem_piece(label: str, body: bytes, block: bytes, unlock: Unlock) -> Iterator[Piece]:
    if label.endswith("PRIVATE KEY"):
        yield _pem_key(label, block, unlock)
        return
    der = _base64(body)
    if der is None:
        yield Unreadable(f"its {safe(label)} is not base64; give the file as it was issued")
    elif label in ("CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"):
        yield certificate_piece(first_element(der) if label.startswith("TRUSTED") else der)
    elif label in ("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"):
        yield request_piece(der)
    elif label in ("PKCS7", "CMS"):
        yield from pkcs7_pieces(der)
    elif label == "PKCS12":
        yield from pkcs12_pieces(der, unlock)
    elif label == "X509 CRL":
        yield Other("a certificate revocation list: ALB takes none")
    elif label in ("EC PARAMETERS", "DH PARAMETERS"):
        yield Other("parameters of a key: nobody needs them here")
    elif label.endswith("PUBLIC KEY"):
        yield Other("a public key")
    else:
        yield Unreadable(
            f"its {safe(label)} is nothing that is known here; give a certificate, a request or a key"
        )


def _pem_key(label: str, block: bytes, unlock: Unlock) -> Piece:
    if label.startswith("OPENSSH"):
        return Unreadable(
            "its private key is in OpenSSH's own form, which TLS does not read; rewrite it with ssh-keygen -p"
            " -m PEM"
        )
    encrypted = label.startswith("ENCRYPTED") or b"ENCRYPTED" in block[:200]
    if encrypted and too_many_rounds(_base64(block.split(b"-----")[2]) or b""):
        return Unreadable(TOO_MANY_ROUNDS)
    return key_piece(
        lambda password: serialization.load_pem_private_key(
            block, password, unsafe_skip_rsa_key_validation=True
        ),
        encrypted,
        unlock,
    )


# --- DER


# --- PKCS#12 (RFC 7292)


# --- as much of DER as is needed (X.690)
