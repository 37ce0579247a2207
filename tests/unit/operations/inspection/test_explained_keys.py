"""What is said of keys and requests."""

from __future__ import annotations

import pytest
from cryptography import x509

from alb_mutual_tls.operations.inspection.explanation import explain
from alb_mutual_tls.operations.inspection.judgement import (
    Basis,
    InspectionVerdict,
)
from tests.unit.operations.inspection.explanations import (
    KEY,
    LEAF,
    ROOT,
    TRUSTED,
    explained,
    only,
    sentences,
    source,
)
from tests.unit.pki.material import (
    NOW,
    key,
    key_pem,
    pem,
    request,
)


def test_a_key_finds_its_certificate_and_its_request_in_other_files() -> None:
    report = explained(KEY, pem(LEAF) + pem(ROOT.certificate), request(key("client")))
    assert report.fit == (
        "the private key in 1.pem is that of certificate 1 of 2.pem (CN=client one,O=alibaba,C=CN)",
        "the private key in 1.pem is that of the request in 3.pem",
        (
            "certificate 1 of 2.pem (CN=client one,O=alibaba,C=CN) was issued by certificate 2 of 2.pem"
            " (CN=root)"
        ),
    )
    assert report.verdict is InspectionVerdict.NOTHING


def test_a_key_of_no_certificate_here_is_of_no_use() -> None:
    report = explained(key_pem(key("another")), pem(LEAF))
    (reason,) = report.files[0].items[0].reasons
    assert (
        reason.basis is Basis.TLS and "it is the key of no certificate and no request here" in reason.sentence
    )
    assert explained(key_pem(key("another"))).verdict is InspectionVerdict.NOTHING


def test_a_weak_key_is_refused() -> None:
    assert sentences(only(explained(key_pem(key("RSA1024")))))[0].startswith("its key is RSA of 1024 bits")


@pytest.mark.parametrize(
    ("mode", "noted"),
    [(0o100644, True), (0o100640, True), (0o100600, False), (0o100400, False), (None, False)],
)
def test_a_key_that_others_may_read_is_noted_with_the_mode(mode: int | None, noted: bool) -> None:
    (file,) = explain([source(KEY, "client.key", mode)], [], NOW).files
    expected = (
        f"it holds a private key and others than its owner may use the file (mode {(mode or 0) & 0o777:04o}):"
        " chmod 600 client.key"
    )
    assert file.notes == ((expected,) if noted else ())
    assert explain([source(pem(LEAF), "client.crt", mode)], [], NOW).files[0].notes == ()


def test_a_request_says_what_of_it_is_used_and_what_it_asks_for() -> None:
    asks = request(key("client"), more=[x509.SubjectAlternativeName([x509.DNSName("a.example")])])
    item = only(explained(asks))
    assert (item.what, item.reasons) == ("certificate signing request", ())
    assert item.facts["names"] == ["DNS:a.example"] and item.facts["subject"] == "CN=asked for"
    assert "it asks for commonName 'asked for' in the subject, DNS name 'a.example'" in item.notes[0]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (request(key("RSA1024")), "RSA of 1024 bits"),
        (request(more=[x509.BasicConstraints(True, None)]), "asks for a certificate authority"),
        (request(common_name="root"), "has the subject of the authority CN=root"),
    ],
)
def test_a_request_that_is_refused_says_why(text: str, says: str) -> None:
    (reason,) = only(explained(text, anchors=[TRUSTED])).reasons
    assert says in reason.sentence and reason.basis is Basis.PROGRAM
