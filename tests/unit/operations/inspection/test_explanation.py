"""What is said of certificates: what they are, what cannot be decided, and odd ones."""

from __future__ import annotations

import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st

from alb_mutual_tls.operations.inspection import facts as description
from alb_mutual_tls.operations.inspection.explanation import explain
from alb_mutual_tls.operations.inspection.judgement import (
    InspectedFile,
    InspectionVerdict,
    JudgedAs,
)
from tests.unit.operations.inspection.explanations import (
    KEY,
    LEAF,
    ROOT,
    SUB,
    TRUSTED,
    explained,
    made,
    only,
    sentences,
    source,
)
from tests.unit.pki.material import (
    NOW,
    authority,
    client,
    cross,
    first_version,
    key,
    key_pem,
    key_usage,
    name_of,
    pem,
    request,
    signed_with_sha1,
)


def test_the_facts_of_a_certificate_are_what_it_says() -> None:
    facts = only(explained(pem(LEAF))).facts
    encoded = (
        key("client")
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    assert facts["subject"] == "CN=client one,O=alibaba,C=CN" and facts["issuer"] == "CN=root"
    assert (facts["version"], facts["selfSigned"], facts["daysLeft"]) == ("v3", False, 90)
    assert facts["sha256"] == hashlib.sha256(LEAF.public_bytes(serialization.Encoding.DER)).hexdigest()
    assert facts["publicKeySha256"] == hashlib.sha256(encoded).hexdigest()
    assert (facts["keyAlgorithm"], facts["signatureAlgorithm"]) == ("ECDSA-P256", "ecdsa-with-SHA256")
    assert (facts["notBefore"], facts["notAfter"]) == ("2026-11-23T11:55:00Z", "2027-02-21T12:00:00Z")
    assert (facts["basicConstraints"], facts["keyUsage"], facts["extendedKeyUsage"]) == (
        "CA:FALSE",
        ["digitalSignature"],
        ["clientAuth"],
    )
    assert facts["names"] == ["URI:spiffe://0a1b2c3d.alb-mutual-tls/client/one"]
    assert (
        facts["authorityKeyIdentifier"]
        == only(explained(pem(ROOT.certificate))).facts["subjectKeyIdentifier"]
    )
    assert int(str(facts["serialNumber"]), 16) == LEAF.serial_number


def test_every_kind_of_name_and_extension_is_told() -> None:
    names: list[x509.GeneralName] = [
        x509.DNSName("a.example"),
        x509.RFC822Name("a@b.example"),
        x509.DirectoryName(name_of("dir")),
    ]
    more = [
        x509.SubjectAlternativeName([*names, x509.RegisteredID(x509.ObjectIdentifier("1.2.3"))]),
        x509.OCSPNoCheck(),
    ]
    facts = only(explained(pem(made([*more, x509.BasicConstraints(True, 3)])), role=JudgedAs.CLIENT)).facts
    assert str(facts["names"]).startswith(
        "['DNS:a.example', 'email:a@b.example', 'DirName:/CN=dir', 'Registered ID:1.2.3'"
    )
    assert (facts["otherExtensions"], facts["basicConstraints"]) == (
        ["OCSPNoCheck"],
        "CA:TRUE, path length 3",
    )


@pytest.mark.parametrize(
    ("kind", "called"),
    [
        ("RSA2048", "RSA-2048"),
        ("P384", "ECDSA-P384"),
        ("P521", "ECDSA-P521"),
        ("secp256k1", "ECDSA-secp256k1"),
    ],
)
def test_keys_are_called_as_in_the_configuration(kind: str, called: str) -> None:
    assert only(explained(key_pem(key(kind)))).facts["keyAlgorithm"] == called


@pytest.mark.parametrize(
    ("certificate", "what"),
    [
        (ROOT.certificate, "root certificate authority"),
        (SUB.certificate, "subordinate certificate authority"),
        (LEAF, "client certificate"),
        (first_version(ROOT), "root certificate authority"),
        (authority("3.5", constraints=None, usage=None).certificate, "root certificate authority"),
        (made([]), "client certificate"),
        (made([key_usage("key_cert_sign")]), "subordinate certificate authority"),
        (authority("me", constraints=x509.BasicConstraints(False, None)).certificate, "client certificate"),
        (
            authority(
                "me", constraints=None, usage=None, more=[x509.ExtendedKeyUsage([x509.OID_CLIENT_AUTH])]
            ).certificate,
            "client certificate",
        ),
    ],
)
def test_a_certificate_is_taken_for_what_it_looks_like(certificate: x509.Certificate, what: str) -> None:
    assert only(explained(pem(certificate))).what == what


def test_what_issued_another_one_here_is_an_authority_whatever_it_says() -> None:
    old = first_version(SUB)
    below = made([], by=SUB)
    assert [item.what for item in explained(pem(below) + pem(old)).files[0].items] == [
        "client certificate",
        "subordinate certificate authority",
    ]


def test_what_a_certificate_is_meant_for_can_be_said() -> None:
    as_ca = only(explained(pem(LEAF), role=JudgedAs.CA))
    assert "it is not a certificate authority: basicConstraints lacks CA:TRUE" in sentences(as_ca)[0]
    as_client = only(explained(pem(ROOT.certificate), role=JudgedAs.CLIENT))
    assert as_client.what == "client certificate"
    assert any("it is self-signed" in sentence for sentence in sentences(as_client))


def test_what_cannot_be_read_is_not_decided_and_a_reason_outweighs_it() -> None:
    assert explained("nonsense").verdict is InspectionVerdict.NOT_DECIDED
    assert explained("nonsense", pem(LEAF)).verdict is InspectionVerdict.NOT_DECIDED
    assert explained("nonsense", key_pem(key("RSA1024"))).verdict is InspectionVerdict.REFUSED


def test_odd_certificates_are_described_as_far_as_they_can_be_read() -> None:
    odd = made([x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.19"), b"x")])
    item = only(explained(pem(odd)))
    assert item.facts["extensions"] == "cannot be read"
    assert any(
        note.startswith("the Python package cryptography cannot read its extensions") for note in item.notes
    )
    (judgement,) = explained(pem(odd), anchors=[TRUSTED]).judgements
    assert "or has an extension that cannot be read" in judgement.reasons[0].sentence
    assert (
        only(explained(pem(odd), role=JudgedAs.CA))
        .reasons[0]
        .sentence.startswith("its extensions cannot be read")
    )


POOL = [
    pem(LEAF),
    pem(ROOT.certificate),
    pem(SUB.certificate),
    pem(client(SUB)),
    pem(cross(ROOT, authority("b"))),
    KEY,
    request(),
    "junk",
]
POOL += [pem(first_version(ROOT)), pem(made([], name="root")), pem(signed_with_sha1(SUB))]


@given(
    st.lists(st.lists(st.sampled_from(POOL), min_size=1, max_size=5).map("".join), min_size=1, max_size=3),
    st.sampled_from([None, *JudgedAs]),
)
def test_whatever_is_put_together_gives_sentences_and_one_verdict(
    texts: list[str], role: JudgedAs | None
) -> None:
    for anchors in ([], [TRUSTED]):
        report = explained(*texts, anchors=anchors, role=role)
        said = [*report.fit, *(note for file in report.files for note in file.notes)]
        said += [
            sentence
            for file in report.files
            for item in file.items
            for sentence in (*sentences(item), *item.notes, *item.undecided)
        ]
        assert all(sentence and "\n" not in sentence and "PRIVATE KEY" not in sentence for sentence in said)
        assert report.verdict in InspectionVerdict


@given(st.integers(0, 2000), st.integers(0, 255))
def test_a_changed_certificate_is_described_or_unreadable(place: int, octet: int) -> None:
    der = bytearray(LEAF.public_bytes(serialization.Encoding.DER))
    der[place % len(der)] = octet
    report = explain([source(bytes(der))], [TRUSTED], NOW)
    (file,) = report.files
    assert isinstance(file, InspectedFile)
    assert (
        report.verdict in InspectionVerdict
        if bytes(der) != LEAF.public_bytes(serialization.Encoding.DER)
        else report.verdict is InspectionVerdict.NOTHING
    )


def test_a_key_is_described_by_its_public_half_alone() -> None:
    facts = description.of_key(key("client").public_key(), encrypted=False)
    assert set(facts) == {"keyAlgorithm", "publicKeySha256", "encrypted"}
