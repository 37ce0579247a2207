from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alb_mutual_tls.alibaba.pem import certificates_of, ders_of, digest, digests


def pem(der: bytes, width: int = 64, end: str = "\n", kind: str = "CERTIFICATE") -> str:
    text = base64.b64encode(der).decode()
    return (
        f"-----BEGIN {kind}-----{end}"
        + end.join(text[i : i + width] for i in range(0, len(text), width))
        + f"{end}-----END {kind}-----{end}"
    )


@given(
    ders=st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=4),
    width=st.integers(10, 200),
    end=st.sampled_from(["\n", "\r\n", " \n"]),
    between=st.sampled_from(["", "subject=CN\n", "\n\n# comment\n"]),
)
def test_spelling_does_not_change_what_a_text_contains(
    ders: list[bytes], width: int, end: str, between: str
) -> None:
    text = between.join(pem(der, width, end) for der in ders)
    assert ders_of(text) == ders
    assert digests(text) == [hashlib.sha256(der).hexdigest() for der in ders]
    assert "".join(certificates_of(text)) == "".join(pem(der) for der in ders)


def test_what_is_no_certificate_is_left_out() -> None:
    text = (
        pem(b"key", kind="PRIVATE KEY")
        + pem(b"certificate", kind="X509 CERTIFICATE")
        + pem(b"request", kind="CERTIFICATE REQUEST")
    )
    assert ders_of(text) == [b"certificate"]
    assert "".join(certificates_of(text)) == pem(b"certificate")


def test_a_text_without_a_certificate_or_with_a_broken_one_is_an_error() -> None:
    with pytest.raises(ValueError, match="no certificate"):
        digest("hello")
    with pytest.raises(ValueError, match="no base64"):
        digest("-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n")
