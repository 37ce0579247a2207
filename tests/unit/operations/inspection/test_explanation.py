"""What is said of certificates, requests and keys.

What nginx does with clients is in tests/contract/pki/test_pki_chains.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from hypothesis import given
from hypothesis import strategies as st

from alb_mutual_tls.operations.inspection import facts as description
from alb_mutual_tls.operations.inspection.explanation import explain
from alb_mutual_tls.operations.inspection.judgement import (
    Anchor,
    Basis,
    InspectedFile,
    InspectionReport,
    InspectionVerdict,
    Item,
    JudgedAs,
    Source,
)
from alb_mutual_tls.operations.inspection.pieces import read
from alb_mutual_tls.operations.inspection.report import EXIT_CODE
from tests.unit.pki.material import (
    DAY,
    FIELDS,
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
    subordinate,
)

ROOT = authority("root")
SUB = subordinate(ROOT)
LEAF = client(ROOT)
KEY = key_pem(key("client"))
TRUSTED = Anchor("the stack", ROOT.certificate)
ODD_ADDRESSES = bytes.fromhex("300aa0083006870401020304")
"""Name constraints with an address of 4 octets, where there should be 8 (RFC 5280 section
4.2.1.10).
"""


def source(text: str | bytes, name: str = "f", mode: int | None = None) -> Source:
    return Source(name, read(text if isinstance(text, bytes) else text.encode(), lambda: None), mode)


def explained(*texts: str, anchors: Sequence[Anchor] = (), role: JudgedAs | None = None) -> InspectionReport:
    return explain(
        [source(text, f"{number}.pem") for number, text in enumerate(texts, 1)], anchors, NOW, role
    )


def only(report: InspectionReport) -> Item:
    ((item,),) = (file.items for file in report.files)
    return item


def sentences(item: Item) -> list[str]:
    return [reason.sentence for reason in item.reasons]


def made(
    extensions: Sequence[x509.ExtensionType], *, name: str = "made", private_key: Any = None, by: Any = ROOT
) -> x509.Certificate:
    builder = x509.CertificateBuilder(
        by.certificate.subject,
        name_of(name),
        (private_key or key("client")).public_key(),
        7,
        NOW - DAY,
        NOW + DAY,
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(by.private_key, hashes.SHA256())


# --- what it is


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


# --- clients


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


# --- authorities


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


# --- keys and requests


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


# --- what cannot be decided, and odd ones


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
