"""Whether what a client presents leads to a root, and what is said where it does not.

The verdicts beside those of others are in tests/contract/pki/test_pki_chains.py.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
from datetime import datetime, timedelta, timezone

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pki import bundle, forged
from alb_mutual_tls.pki.authority_faults import UNDERSTOOD
from alb_mutual_tls.pki.certification_path import (
    against,
    between,
    deep,
    judge,
    judge_pem,
    length_to,
    refused_for,
    way,
)
from alb_mutual_tls.pki.openssl_path import looks_self_signed, names_issuer
from alb_mutual_tls.pki.signing import Issuer
from tests.unit.pki.material import DAY, NOW, authority, client, cross, key, pem, subordinate

A, B = (authority(name, start=NOW - 365 * DAY) for name in ("root a", "root b"))
SUB, DEEP = subordinate(B, "sub"), subordinate(subordinate(B, "sub"), "deep")
CROSS = cross(A, B)
LEAF, BELOW, DEEPEST = client(B), client(SUB), client(DEEP)


def chain(*certificates: x509.Certificate) -> str:
    return "".join(map(pem, certificates))


ROOT_A, ROOT_B = pem(A.certificate), pem(B.certificate)

# what is presented -> accepted below root a, below root b
CHAINS: dict[str, tuple[str, bool, bool]] = {
    "leaf": (chain(LEAF), False, True),
    "leaf, cross": (chain(LEAF, CROSS), True, True),
    "leaf, cross, root": (chain(LEAF, CROSS, B.certificate), True, True),
    "leaf of a": (chain(client(A)), True, False),
    "leaf of a, cross of b": (chain(client(A), CROSS), True, False),
    "leaf below sub": (chain(BELOW), False, False),
    "leaf, sub": (chain(BELOW, SUB.certificate), False, True),
    "leaf, sub, cross": (chain(BELOW, SUB.certificate, CROSS), True, True),
    "leaf, cross, sub": (chain(BELOW, CROSS, SUB.certificate), True, True),
    "leaf, cross without sub": (chain(BELOW, CROSS), False, False),
    "leaf, deep, sub, cross": (chain(DEEPEST, DEEP.certificate, SUB.certificate, CROSS), True, True),
    "leaf, deep, cross without sub": (chain(DEEPEST, DEEP.certificate, CROSS), False, False),
}


def refusals(presented: str, root: str, now: datetime = NOW) -> list[str]:
    return against(judge_pem(presented, root, now))


@pytest.mark.parametrize("name", CHAINS)
def test_a_chain_is_accepted_where_it_leads_to_the_root(name: str) -> None:
    presented, below_a, below_b = CHAINS[name]
    for root, accepted in ((ROOT_A, below_a), (ROOT_B, below_b)):
        assert (refusals(presented, root) == []) is accepted
        assert (way(presented, root, NOW) is not None) is accepted


def cryptography_accepts(presented: list[x509.Certificate], root: x509.Certificate) -> bool:
    """What the verifier of the package cryptography says, which turns back where a way leads
    nowhere.
    """
    policy = verification.ExtensionPolicy.permit_all()
    builder = verification.PolicyBuilder().store(verification.Store([root])).time(NOW).max_chain_depth(8)
    try:
        builder.extension_policies(
            ca_policy=policy.require_present(x509.BasicConstraints, verification.Criticality.AGNOSTIC, None),
            ee_policy=policy,
        ).build_client_verifier().verify(presented[0], presented[1:])
    except verification.VerificationError:
        return False
    return True


@given(
    st.permutations([SUB.certificate, DEEP.certificate, CROSS, A.certificate, B.certificate]),
    st.integers(0, 5),
)
def test_whatever_is_presented_in_whatever_order_is_accepted_by_no_one_else_alone(
    above: list[x509.Certificate], kept: int
) -> None:
    """OpenSSL never turns back, so it accepts less than a verifier that does, and never more."""
    presented = [DEEPEST, *above[:kept]]
    for root in (A.certificate, B.certificate):
        if not refusals(chain(*presented), pem(root)):
            assert cryptography_accepts(presented, root)
        elif cryptography_accepts(presented, root):
            assert root == A.certificate and presented.index(B.certificate) < presented.index(CROSS)


SERVERS_ONLY = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])


@pytest.mark.parametrize(
    ("presented", "root", "why"),
    [
        (
            chain(BELOW),
            ROOT_B,
            "was issued by CN=sub, which is neither the trusted CA CN=root b nor in the file",
        ),
        (
            chain(BELOW, SUB.certificate),
            ROOT_A,
            "CN=sub was issued by CN=root b, which is neither the trusted CA CN=root a",
        ),
        (chain(client(B, now=NOW - 200 * DAY)), ROOT_B, "it expired on"),
        (chain(client(B, now=NOW + DAY)), ROOT_B, "it is not valid before"),
        (forged.server_only(B, NOW).certificate_pem, ROOT_B, "its extended key usage lacks clientAuth"),
        (
            chain(client(subordinate(B, "no CA")), subordinate(B, "no CA", ca=False).certificate),
            ROOT_B,
            "is not a certificate authority",
        ),
        (
            chain(
                client(subordinate(subordinate(B, "short", path_length=0), "low")),
                subordinate(subordinate(B, "short", path_length=0), "low").certificate,
                subordinate(B, "short", path_length=0).certificate,
            ),
            ROOT_B,
            (
                "CN=short, which stands above it, has path length 0 and does not allow the 1 authorities"
                " below it"
            ),
        ),
        (
            chain(client(B), CROSS),
            pem(authority("root a", key("of root a"), end=NOW - DAY, start=NOW - 9 * DAY).certificate),
            "CN=root a, which stands above it, expired on",
        ),
        (
            chain(client(B)),
            pem(authority("root b", key("of root b"), more=[SERVERS_ONLY]).certificate),
            "CN=root b, which stands above it, has an extended key usage without clientAuth",
        ),
    ],
)
def test_who_is_refused_is_told_why(presented: str, root: str, why: str) -> None:
    assert why in "; ".join(refusals(presented, root))


def test_a_path_length_counts_no_self_issued_authority() -> None:
    """RFC 5280 section 6.1.4, step l: a cross certificate between two roots of one name lengthens
    nothing.
    """
    same = authority("root a", key("new key of root a"))
    short = authority("root a", constraints=x509.BasicConstraints(True, 0))
    bridge = subordinate(short, "root a")
    assert bridge.certificate.issuer == bridge.certificate.subject
    assert refusals(chain(client(bridge), bridge.certificate), pem(short.certificate)) == []
    assert same.certificate.subject == short.certificate.subject


def test_a_certificate_that_has_ended_is_gone_round_where_another_one_leads_on() -> None:
    ended = authority("root a", key("of root a"), start=NOW - 9 * DAY, end=NOW - DAY)
    old = cross(ended, B, now=NOW - 5 * DAY)
    assert refusals(chain(LEAF, old, CROSS), ROOT_A) == []
    assert "CN=root b, which stands above it, expired on" in refusals(chain(LEAF, old), ROOT_A)[0]


def test_an_issuer_is_told_by_key_identifier_where_two_have_one_name() -> None:
    twin = authority("root b", key("twin"))
    assert refusals(chain(client(twin)), ROOT_B) != []
    assert refusals(chain(client(twin), cross(A, twin), CROSS), ROOT_A) == []


def test_what_stands_between_is_what_a_client_has_to_present() -> None:
    presented = chain(CROSS, DEEP.certificate, SUB.certificate)
    assert between(pem(DEEPEST), ROOT_B, presented, NOW) == chain(DEEP.certificate, SUB.certificate)
    assert between(pem(DEEPEST), ROOT_A, presented, NOW) == chain(DEEP.certificate, SUB.certificate, CROSS)
    assert between(ROOT_B, ROOT_B, presented, NOW) == between(pem(LEAF), ROOT_B, "", NOW) == ""
    assert between(pem(DEEPEST), ROOT_B, "", NOW) is None


def test_certificates_that_sign_each_other_do_not_lead_in_circles() -> None:
    back = cross(B, A)
    for presented in itertools.permutations([CROSS, back]):
        assert refusals(chain(LEAF, *presented), pem(authority("root c").certificate)) != []


def test_a_certificate_that_is_none_is_an_error_and_not_a_refusal() -> None:
    with pytest.raises(UserError, match="there is no certificate"):
        refusals("", ROOT_B)
    with pytest.raises(UserError, match=r"is not an X\.509 certificate"):
        refusals("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", ROOT_B)


# --- how long the way is


def test_the_way_is_as_long_as_it_has_certificates_below_the_authority() -> None:
    assert length_to(chain(LEAF), ROOT_B, NOW) == length_to(chain(LEAF, B.certificate), ROOT_B, NOW) == 1
    assert length_to(chain(BELOW, SUB.certificate), ROOT_B, NOW) == 2
    assert length_to(chain(BELOW), ROOT_B, NOW) is None
    presented = chain(BELOW, CROSS, SUB.certificate)
    assert (length_to(presented, ROOT_A, NOW), length_to(presented, ROOT_B, NOW)) == (3, 2)
    assert length_to(chain(LEAF, CROSS, cross(B, A)), ROOT_A, NOW) == 2


@pytest.mark.parametrize("issuer", [A, authority("rsa", key("RSA2048"))], ids=["ECDSA", "RSA"])
@pytest.mark.parametrize("length", [1, 2, 3, 4, 12])
def test_a_probe_is_a_good_client_below_a_chain_of_that_length(length: int, issuer: Issuer) -> None:
    credential = forged.probe(issuer, length, NOW)
    leaf, *above = bundle.load(credential.certificate_pem)
    root = pem(issuer.certificate)
    assert (len(above), credential.name) == (length - 1, f"chain of {length}")
    assert (refusals(credential.certificate_pem, root), length_to(credential.certificate_pem, root, NOW)) == (
        [],
        length,
    )
    private_key = serialization.load_pem_private_key(credential.private_key_pem.encode(), None)
    assert private_key.public_key() == leaf.public_key()
    assert "PRIVATE" not in repr(credential)
    words = deep(judge_pem(credential.certificate_pem, root, NOW).depth_needed)
    expected = (
        f"its chain has {length + 1} certificates, {length - 1} of them between it and its root, so its"
        " listener needs a verification depth"
    )
    assert words is None if length < 3 else words is not None and words.startswith(expected)


def test_what_a_chain_gives_as_a_reason_to_refuse_it_is_one_text() -> None:
    assert refused_for(chain(LEAF), ROOT_B, NOW) == ""
    assert refused_for(forged.probe(B, 6, NOW).certificate_pem, ROOT_B, NOW).startswith(
        "its chain has 7 certificates"
    )
    assert refused_for(chain(client(B, now=NOW - 200 * DAY)), ROOT_B, NOW).startswith("it expired on")


CRITICAL = {  # object identifier -> a value that OpenSSL can read, in hexadecimal
    "2.5.29.15": "03020780",
    "2.5.29.17": "30088206612e74657374",
    "2.5.29.19": "3000",
    "2.5.29.30": "3000",
    "2.5.29.31": "3000",
    "2.5.29.32": "3006300406022a03",
    "2.5.29.33": "300a300806022a0306022a04",
    "2.5.29.36": "3003800100",
    "2.5.29.37": "300a06082b06010505070302",
    "2.5.29.54": "020100",
    "2.16.840.1.113730.1.1": "03020780",
    "1.3.6.1.5.5.7.1.7": "30083006040200010500",
    "1.3.6.1.5.5.7.1.8": "3004a0020500",
    "1.3.6.1.5.5.7.1.14": "300c300a06082b06010505071501",
    "1.3.6.1.5.5.7.48.1.5": "0500",
}
UNKNOWN = {"1.2.3.4": "0500", "2.5.29.14": "04020102", "2.5.29.35": "3000", "1.3.6.1.5.5.7.1.1": "3000"}


@pytest.mark.parametrize("oid", [*CRITICAL, *UNKNOWN])
def test_what_openssl_lets_pass_as_critical_is_known_here(oid: str) -> None:
    value = bytes.fromhex({**CRITICAL, **UNKNOWN}[oid])
    builder = x509.CertificateBuilder(
        B.certificate.subject, SUB.certificate.subject, key("client").public_key(), 7, NOW - DAY, NOW + DAY
    )
    builder = builder.add_extension(
        x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value), critical=True
    )
    judged = judge(builder.sign(B.private_key, hashes.SHA256()), [], B.certificate, NOW)
    proxy = 40  # proxy certificates are understood, and not allowed
    assert judged.code == (34 if oid in UNKNOWN else proxy if oid == "1.3.6.1.5.5.7.1.14" else 0), (
        judged.words
    )
    assert {one.dotted_string for one in UNDERSTOOD} == CRITICAL.keys()


def test_openssl_is_imported_only_where_a_path_is_judged() -> None:
    modules = (
        "alb_mutual_tls.operations.inspection.explanation, alb_mutual_tls.pki.brought,"
        " alb_mutual_tls.operations.verification.verify"
    )
    code = f"import sys, {modules}; sys.exit('OpenSSL' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- the moment, and what two certificates are to each other


def test_the_moment_is_the_same_in_every_time_zone() -> None:
    end = LEAF.not_valid_after_utc
    for hours in (-11, 0, 9):
        zone = timezone(timedelta(hours=hours))
        assert judge(LEAF, [], B.certificate, (end - timedelta(minutes=1)).astimezone(zone)).accepted
        assert judge(LEAF, [], B.certificate, (end + timedelta(minutes=1)).astimezone(zone)).code == 10


def test_who_names_whom_as_its_issuer_is_told_without_a_look_at_signature_or_validity() -> None:
    assert names_issuer(B.certificate, LEAF) and not names_issuer(A.certificate, LEAF)
    assert names_issuer(A.certificate, CROSS) and not names_issuer(LEAF, B.certificate)
    assert looks_self_signed(A.certificate) and not looks_self_signed(CROSS) and not looks_self_signed(LEAF)
