"""Whether what a client presents leads to a root, by our rules and by those of another verifier."""

from __future__ import annotations

import itertools

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pki import imposters, path
from tests.unit.pki.material import DAY, NOW, authority, client, cross, key, pem, signed_with_sha1, subordinate

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


@pytest.mark.parametrize("name", CHAINS)
def test_our_rules_and_the_other_verifier_agree_on_what_leads_where(name: str) -> None:
    presented, below_a, below_b = CHAINS[name]
    for root, accepted in ((ROOT_A, below_a), (ROOT_B, below_b)):
        assert (path.refusals(presented, root, NOW) == []) is accepted
        assert (path.second_opinion(presented, root, NOW) is None) is accepted


@given(st.permutations([SUB.certificate, DEEP.certificate, CROSS, A.certificate, B.certificate]), st.integers(0, 5))
def test_whatever_is_presented_in_whatever_order_both_agree(above: list[x509.Certificate], kept: int) -> None:
    presented = chain(DEEPEST, *above[:kept])
    for root in (ROOT_A, ROOT_B):
        assert (path.refusals(presented, root, NOW) == []) is (path.second_opinion(presented, root, NOW) is None)


SERVERS_ONLY = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])


@pytest.mark.parametrize(
    ("presented", "root", "why"),
    [
        ("", ROOT_B, "there is no certificate"),
        (chain(BELOW), ROOT_B, "ends at CN=client one,O=alibaba,C=CN, which CN=sub issued, and does not lead to CN=root b"),
        (chain(BELOW, SUB.certificate), ROOT_A, "ends at CN=sub, which CN=root b issued, and does not lead to CN=root a"),
        (chain(client(B, now=NOW - 200 * DAY)), ROOT_B, "its own certificate: it expired on"),
        (chain(client(B, now=NOW + DAY)), ROOT_B, "its own certificate: it is not valid before"),
        (imposters.server_only(B, NOW).certificate_pem, ROOT_B, "does not allow clientAuth"),
        (
            chain(client(subordinate(B, "no CA")), subordinate(B, "no CA", ca=False).certificate),
            ROOT_B,
            "is no certificate authority",
        ),
        (
            chain(
                client(subordinate(subordinate(B, "short", path_length=0), "low")),
                subordinate(subordinate(B, "short", path_length=0), "low").certificate,
                subordinate(B, "short", path_length=0).certificate,
            ),
            ROOT_B,
            "CN=short: its path length is 0, and 1 authorities stand below it",
        ),
        (
            chain(client(B), CROSS),
            pem(authority("root a", key("of root a"), end=NOW - DAY, start=NOW - 9 * DAY).certificate),
            "root a: it expired on",
        ),
        (chain(client(B)), pem(authority("root b", key("of root b"), more=[SERVERS_ONLY]).certificate), "root b: its extended key usage"),
        (chain(client(B)), pem(signed_with_sha1(B)), "root b: its signature is made with SHA1"),
    ],
)
def test_who_is_refused_is_told_why(presented: str, root: str, why: str) -> None:
    assert why in "; ".join(path.refusals(presented, root, NOW))


def test_a_path_length_counts_no_self_issued_authority() -> None:
    """RFC 5280 section 6.1.4, step l: a cross certificate between two roots of one name lengthens nothing."""
    same = authority("root a", key("new key of root a"))
    short = authority("root a", constraints=x509.BasicConstraints(True, 0))
    bridge = subordinate(short, "root a")
    assert bridge.certificate.issuer == bridge.certificate.subject
    assert path.refusals(chain(client(bridge), bridge.certificate), pem(short.certificate), NOW) == []
    assert same.certificate.subject == short.certificate.subject


def test_a_certificate_that_has_ended_is_gone_round_where_another_one_leads_on() -> None:
    ended = authority("root a", key("of root a"), start=NOW - 9 * DAY, end=NOW - DAY)
    old = cross(ended, B, now=NOW - 5 * DAY)
    assert path.refusals(chain(LEAF, old, CROSS), ROOT_A, NOW) == []
    assert "CN=root b: it expired on" in path.refusals(chain(LEAF, old), ROOT_A, NOW)[0]


def test_an_issuer_is_told_by_key_identifier_where_two_have_one_name() -> None:
    twin = authority("root b", key("twin"))
    assert path.refusals(chain(client(twin)), ROOT_B, NOW) != []
    assert path.refusals(chain(client(twin), cross(A, twin), CROSS), ROOT_A, NOW) == []


def test_what_stands_between_is_what_a_client_has_to_present() -> None:
    presented = chain(CROSS, DEEP.certificate, SUB.certificate)
    assert path.between(pem(DEEPEST), ROOT_B, presented) == chain(DEEP.certificate, SUB.certificate)
    assert path.between(pem(DEEPEST), ROOT_A, presented) == chain(DEEP.certificate, SUB.certificate, CROSS)
    assert path.between(ROOT_B, ROOT_B, presented) == path.between(pem(LEAF), ROOT_B, "") == ""
    assert path.between(pem(DEEPEST), ROOT_B, "") is None


def test_certificates_that_sign_each_other_do_not_lead_in_circles() -> None:
    back = cross(B, A)
    for presented in itertools.permutations([CROSS, back]):
        assert path.refusals(chain(LEAF, *presented), pem(authority("root c").certificate), NOW) != []


def test_a_certificate_that_is_none_is_an_error_and_not_a_refusal() -> None:
    with pytest.raises(UserError, match=r"is no X\.509 certificate"):
        path.refusals("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", ROOT_B, NOW)
