from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pki.bundle import ders, fingerprint, fingerprints, split


def pem(der: bytes, width: int = 64, end: str = "\n", kind: str = "CERTIFICATE") -> str:
    text = base64.b64encode(der).decode()
    return (
        f"-----BEGIN {kind}-----{end}"
        + end.join(text[i : i + width] for i in range(0, len(text), width))
        + f"{end}-----END {kind}-----{end}"
    )


@given(
    encoded=st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=4),
    width=st.integers(10, 200),
    end=st.sampled_from(["\n", "\r\n", " \n"]),
    between=st.sampled_from(["", "subject=CN\n", "\n\n# comment\n"]),
)
def test_spelling_does_not_change_what_a_text_contains(
    encoded: list[bytes], width: int, end: str, between: str
) -> None:
    text = between.join(pem(der, width, end) for der in encoded)
    assert ders(text) == encoded
    assert fingerprints(text) == [hashlib.sha256(der).hexdigest() for der in encoded]
    assert "".join(split(text)) == "".join(pem(der) for der in encoded)


def test_what_is_no_certificate_is_left_out() -> None:
    text = (
        pem(b"key", kind="PRIVATE KEY")
        + pem(b"certificate", kind="X509 CERTIFICATE")
        + pem(b"request", kind="CERTIFICATE REQUEST")
    )
    assert ders(text) == [b"certificate"]
    assert "".join(split(text)) == pem(b"certificate")


def test_a_text_without_a_certificate_or_with_a_broken_one_is_an_error() -> None:
    with pytest.raises(UserError, match="no certificate"):
        fingerprint("hello")
    with pytest.raises(UserError, match="not base64"):
        fingerprint("-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n")
