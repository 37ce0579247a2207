"""Blocks of PEM: told as OpenSSL tells them, and in a time that grows with the text's
length alone.
"""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alb_mutual_tls.pem_blocks import blocks
from alb_mutual_tls.pki import bundle
from alb_mutual_tls.pki.bundle import ders

LABELS = ("CERTIFICATE", "X509 CERTIFICATE")
PARTS = [
    "-----BEGIN CERTIFICATE-----",
    "-----END CERTIFICATE-----",
    "-----BEGIN X509 CERTIFICATE-----",
    "-----END X509 CERTIFICATE-----",
]
TEXTS = st.lists(st.sampled_from([*PARTS, "QUJD", "\n", "-----", "BEGIN CERTIFICATE-----"]), max_size=12).map(
    "".join
)
MOST = 100_000
"""Characters that a configuration may hold."""


@given(TEXTS)
def test_the_blocks_are_those_of_the_regular_expression_that_would_be_slow(text: str) -> None:
    slow = re.compile(
        r"-----BEGIN (?P<label>(?:X509 )?CERTIFICATE)-----(?P<body>.*?)-----END (?P=label)-----", re.DOTALL
    )
    assert list(blocks(text, LABELS)) == [(match["label"], match["body"]) for match in slow.finditer(text)]


@pytest.mark.timeout(5)
@pytest.mark.parametrize(
    "text",
    [
        PARTS[0] * (MOST // len(PARTS[0])),
        (PARTS[0] + PARTS[3]) * (MOST // 60),
        PARTS[0] + " " * MOST,
        PARTS[0] + " \n" * (MOST // 2) + PARTS[1],
    ],
    ids=["beginnings only", "ends of another label", "blanks without an end", "blanks"],
)
def test_a_text_of_the_greatest_length_keeps_nobody_busy(text: str) -> None:
    assert ders(text) == []
    assert len(bundle.split(text)) <= 1
