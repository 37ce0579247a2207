"""What is said of authorities, above all of those that are to be uploaded."""

from __future__ import annotations

import pytest
from cryptography import x509

from alb_mutual_tls.operations.inspection.judgement import (
    Anchor,
    Basis,
    InspectionVerdict,
)
from tests.unit.operations.inspection.explanations import ROOT, SUB, TRUSTED, explained, only
from tests.unit.pki.material import (
    DAY,
    NOW,
    authority,
    client,
    first_version,
    key,
    key_pem,
    key_usage,
    pem,
    signed_with_sha1,
)


def test_nothing_speaks_against_a_root_and_it_is_recognised_as_the_trusted_one() -> None:
    item = only(
        explained(pem(ROOT.certificate), anchors=[TRUSTED, Anchor("other", authority("other").certificate)])
    )
    assert (item.reasons, item.notes) == ((), ("it is the one that the stack trusts",))


@pytest.mark.parametrize(
    "certificate",
    [first_version(ROOT), authority("3.5", constraints=None, usage=None).certificate],
    ids=["OpenSSL 3.0", "OpenSSL 3.5"],
)
def test_the_documentations_ca_is_explained_with_a_way_to_a_better_one(certificate: x509.Certificate) -> None:
    item = only(explained(pem(certificate)))
    assert {reason.basis for reason in item.reasons} == {Basis.PROGRAM}
    (note,) = item.notes
    assert "`openssl x509 -req -signkey` of the documentation makes" in note
    assert "whether CAS and ALB take it is not known" in note
    assert "openssl req -x509 -new -key ca.key" in note


@pytest.mark.parametrize(
    ("text", "says", "basis"),
    [
        (pem(authority("a", usage=key_usage("crl_sign")).certificate), "lacks keyCertSign", Basis.PROGRAM),
        (pem(authority("a", end=NOW - DAY / 2).certificate), "it expired on", Basis.PROGRAM),
        (pem(authority("a", key("RSA1024")).certificate), "RSA of 1024 bits", Basis.PROGRAM),
        (pem(signed_with_sha1(authority("a"))), "made with SHA1", Basis.PROGRAM),
        (pem(SUB.certificate), "is not a root; add the certificates above it", Basis.PROGRAM),
        (pem(ROOT.certificate) + pem(SUB.certificate), "was not issued by the one after it", Basis.PROGRAM),
        (
            pem(ROOT.certificate) + pem(authority("b").certificate),
            "the file holds 2 roots, and ALB takes one CA certificate",
            Basis.DOCUMENTED,
        ),
        (pem(ROOT.certificate) + key_pem(ROOT.private_key), "the file contains a private key", Basis.PROGRAM),
    ],
)
def test_what_speaks_against_a_ca_to_be_uploaded_is_said_once(text: str, says: str, basis: Basis) -> None:
    reasons = [reason for file in explained(text).files for item in file.items for reason in item.reasons]
    assert [(says in reason.sentence, reason.basis) for reason in reasons] == [(True, basis)], reasons


def test_a_subordinate_with_its_root_can_be_brought() -> None:
    assert explained(pem(SUB.certificate) + pem(ROOT.certificate)).verdict is InspectionVerdict.NOTHING


def test_a_root_with_a_path_length_is_noted_since_a_rotation_needs_depth() -> None:
    (note,) = only(
        explained(pem(authority("a", constraints=x509.BasicConstraints(True, 1)).certificate))
    ).notes
    assert "it has path length 1: a rotation" in note


def test_in_a_clients_chain_an_authority_is_not_judged_as_one_to_be_uploaded() -> None:
    report = explained(pem(client(SUB)) + pem(SUB.certificate))
    assert [item.reasons for item in report.files[0].items] == [(), ()]
