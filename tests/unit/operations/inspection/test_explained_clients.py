"""What is said of clients' certificates.

What nginx does with clients is in tests/contract/pki/test_pki_chains.py.
"""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519

from alb_mutual_tls.operations.inspection.judgement import (
    Anchor,
    Basis,
    InspectionVerdict,
    JudgedAs,
)
from alb_mutual_tls.operations.inspection.report import EXIT_CODE
from tests.unit.operations.inspection.explanations import (
    LEAF,
    ROOT,
    SUB,
    TRUSTED,
    explained,
    made,
    only,
    sentences,
)
from tests.unit.pki.material import (
    FIELDS,
    authority,
    client,
    first_version,
    key,
    pem,
    subordinate,
)

ODD_ADDRESSES = bytes.fromhex("300aa0083006870401020304")
"""Name constraints with an address of 4 octets, where there should be 8 (RFC 5280 section
4.2.1.10).
"""


def test_nothing_speaks_against_a_good_client_but_it_depends_on_the_ca() -> None:
    report = explained(pem(LEAF))
    assert (report.verdict, EXIT_CODE[report.verdict]) == (InspectionVerdict.NOTHING, 0)
    assert "compare with --ca FILE or --against-stack" in only(report).notes[-1]


def test_a_client_is_judged_at_each_ca() -> None:
    other = Anchor("another", authority("other").certificate)
    report = explained(pem(LEAF), anchors=[TRUSTED, other])
    assert [(one.client, one.anchor, one.verdict) for one in report.judgements] == [
        ("1.pem (CN=client one,O=alibaba,C=CN)", "the stack", InspectionVerdict.NOTHING),
        ("1.pem (CN=client one,O=alibaba,C=CN)", "another", InspectionVerdict.REFUSED),
    ]
    assert report.verdict is InspectionVerdict.REFUSED
    assert (only(report).reasons, EXIT_CODE[report.verdict]) == ((), 1)


def test_every_client_in_the_files_is_judged_once() -> None:
    other = client(ROOT, key("other"), subject={**FIELDS, "commonName": "two"})
    report = explained(pem(LEAF), pem(other), pem(LEAF), anchors=[TRUSTED])
    assert [one.client for one in report.judgements] == [
        "1.pem (CN=client one,O=alibaba,C=CN)",
        "2.pem (CN=two,O=alibaba,C=CN)",
    ]


def test_without_a_ca_the_chain_is_judged_as_far_as_it_goes() -> None:
    limited = subordinate(ROOT, "limited", path_length=0)
    below = subordinate(limited, "below")
    item = explained(pem(client(below)) + pem(below.certificate) + pem(limited.certificate)).files[0].items[0]
    assert [reason.basis for reason in item.reasons] == [Basis.OPENSSL]
    assert "CN=limited, which stands above it, has path length 0" in sentences(item)[0]


def test_without_a_ca_a_root_of_version_1_in_the_file_counts_as_trusted() -> None:
    old = authority("old", key_identifier=None)
    report = explained(pem(made([], by=old)) + pem(first_version(old)))
    assert (report.files[0].items[0].reasons, report.verdict) == ((), InspectionVerdict.NOTHING)


@pytest.mark.parametrize(
    ("certificate", "note"),
    [
        (first_version(subordinate(ROOT, "v1")), "it is X.509 v1, as the documentation's commands make it"),
        (made([]), "it names no purpose (extended key usage)"),
        (made([]), "it has no subject alternative name"),
        (made([x509.BasicConstraints(True, None)]), "it is itself a certificate authority"),
        (
            made(
                [x509.AuthorityKeyIdentifier(b"other", None, None), x509.SubjectKeyIdentifier(b"own")],
                name="root",
            ),
            "its subject is that of its issuer",
        ),
    ],
)
def test_what_the_sandbox_lets_pass_is_noted(certificate: x509.Certificate, note: str) -> None:
    report = explained(pem(certificate), role=JudgedAs.CLIENT)
    assert any(one.startswith(note) for one in only(report).notes)


def test_a_certificate_that_names_its_own_issuer_says_which_documentation_leads_there() -> None:
    item = only(explained(pem(made([], name="root")), role=JudgedAs.CLIENT))
    assert "OpenSSL takes it for a self-signed one (error 18)" in sentences(item)[0]
    assert "the documentation's sample answers" in sentences(item)[0]


def test_a_deep_chain_a_root_and_a_wrong_order_are_noted() -> None:
    below = subordinate(SUB, "below")
    file = explained(
        pem(client(below)) + pem(SUB.certificate) + pem(below.certificate) + pem(ROOT.certificate)
    ).files[0]
    assert "its chain has 4 certificates, 2 of them between it and its root" in file.items[0].notes[0]
    assert (
        "ALB's is not documented (nginx has 1 by default, the sandbox 3): try it with ./mtls rehearse"
        in file.items[0].notes[0]
    )
    assert any("do not stand in the order of their chain" in note for note in file.notes)
    assert any("it holds the root CN=root, which a client need not present" in note for note in file.notes)
    in_order = explained(pem(client(below)) + pem(below.certificate) + pem(SUB.certificate)).files[0]
    assert in_order.notes == ()


def test_the_depth_that_clients_of_a_long_chain_of_authorities_need_is_noted() -> None:
    made = [authority("level 0")]
    for level in range(1, 12):
        made.insert(0, subordinate(made[0], f"level {level}"))
    for length in (2, 6, 12):
        first = explained("".join(pem(one.certificate) for one in made[-length:])).files[0].items[0]
        assert first.reasons == ()
        words = (
            f"of a client below it: its chain has {length + 1} certificates, {length - 1} of them between it"
            " and its root"
        )
        assert any(note.startswith(words) for note in first.notes) is (length > 2)


def test_constraints_of_addresses_of_a_wrong_length_give_no_traceback() -> None:
    odd = made(
        [
            x509.BasicConstraints(True, None),
            x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.30"), ODD_ADDRESSES),
        ]
    )
    (reason,) = only(explained(pem(odd), role=JudgedAs.CA)).reasons
    assert (
        reason.sentence
        == "its extensions cannot be read here, whatever OpenSSL makes of them; make the certificate anew"
    )


def test_a_client_behind_its_authority_is_presented_by_nobody() -> None:
    report = explained(pem(ROOT.certificate) + pem(LEAF))
    assert [(reason.sentence, reason.basis) for reason in report.files[0].items[1].reasons] == [
        ("it is certificate 2 of 1.pem, and a client presents the first one; put it first", Basis.TLS)
    ]


def test_a_key_that_alb_does_not_document_is_refused() -> None:
    item = only(explained(pem(made([], private_key=ed25519.Ed25519PrivateKey.generate()))))
    assert [(reason.basis, "neither RSA nor ECDSA" in reason.sentence) for reason in item.reasons] == [
        (Basis.DOCUMENTED, True)
    ]
