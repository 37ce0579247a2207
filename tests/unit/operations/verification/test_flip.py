"""Whether a stack is ready for the flip, and who is let in in each phase of a rotation; with
certificates as the stack makes them.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from itertools import product

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from alb_mutual_tls.operations.verification.cases import Case, Missing, cases
from alb_mutual_tls.operations.verification.flip import NO_CLIENT, Flip, flip
from alb_mutual_tls.operations.verification.judgement import Caller, expected
from alb_mutual_tls.pki import bundle
from alb_mutual_tls.pki.certification_path import against, judge_pem
from alb_mutual_tls.pki.forged import ClientCredential, probe
from alb_mutual_tls.pki.signing import Issuer
from alb_mutual_tls.stack.deployed import DeployedAuthority, DeployedClient, DeployedComponent, DeployedSigner
from alb_mutual_tls.verdict import Verdict
from tests.unit.pki.material import DAY, NOW, authority, client, cross, key, key_pem, pem, subordinate


def root(name: str) -> Issuer:
    return authority(f"root {name}", start=NOW - 365 * DAY)


A, B, C = (root(name) for name in "abc")
SUB = subordinate(B, "company")
CROSS = pem(cross(A, B, NOW))


def leaf(issuer: Issuer, now: datetime = NOW) -> str:
    return pem(client(issuer, now=now))


def a_client(name: str, *chain: str, has_key: bool = True) -> DeployedClient:
    return DeployedClient(name, chain[0], "".join(chain), "", key_pem(key("client")) if has_key else None)


def component(
    trusted: str, issuing: str, *clients: DeployedClient, signers: str = "abc"
) -> DeployedComponent:
    roots = {"a": A, "b": B, "c": C}
    authorities = [
        DeployedAuthority(
            name,
            pem(one.certificate),
            None,
            None,
            DeployedSigner(pem(one.certificate), key_pem(one.private_key)) if name in signers else None,
        )
        for name, one in roots.items()
    ]
    trusted_pem = pem(roots[trusted].certificate)
    return DeployedComponent(
        "mtls",
        (),
        clients,
        trusted,
        trusted_pem,
        None,
        issuing_authority=issuing,
        authorities=tuple(authorities),
    )


def looked(
    *clients: DeployedClient,
    tried: tuple[tuple[str, Verdict], ...] = (),
    given: ClientCredential | None = None,
) -> Flip:
    found = flip(component("a", "b", *clients), given, tried, NOW)
    assert found is not None
    return found


def test_a_stack_whose_listeners_trust_the_issuing_authority_stands_before_no_flip() -> None:
    assert flip(component("b", "b", a_client("alice", leaf(B))), None, (), NOW) is None


def test_two_authorities_below_one_root_are_no_flip_because_the_trusted_root_stays() -> None:
    made = component("a", "b")
    same = tuple(DeployedAuthority(name, made.ca_certificate_pem, None) for name in "ab")
    assert (
        flip(
            DeployedComponent(
                "mtls", (), (), "a", made.ca_certificate_pem, issuing_authority="b", authorities=same
            ),
            None,
            (),
            NOW,
        )
        is None
    )


@pytest.mark.parametrize(
    "chain",
    [
        (leaf(B), CROSS),
        (leaf(B),),
        (leaf(SUB), pem(SUB.certificate), CROSS),
        (leaf(SUB), CROSS, pem(SUB.certificate)),
    ],
    ids=["cross", "leaf alone", "intermediate and cross", "another order"],
)
def test_a_bundle_that_leads_to_the_issuing_authority_is_ready(chain: tuple[str, ...]) -> None:
    found = looked(a_client("alice", *chain))
    assert [(bundle.case, bundle.verdict, bundle.why) for bundle in found.bundles] == [
        ("client alice", Verdict.HELD, "")
    ]
    assert (found.component, found.trusted, found.issuing, found.verdict) == ("mtls", "a", "b", Verdict.HELD)


@pytest.mark.parametrize(
    ("chain", "why"),
    [
        ((leaf(A),), "was issued by CN=root a, which is neither the trusted CA CN=root b"),
        ((leaf(SUB), CROSS), "was issued by CN=company, which is neither the trusted CA CN=root b"),
        ((leaf(B, NOW - 200 * DAY), CROSS), "it expired on"),
    ],
    ids=["of the old authority", "intermediate missing", "expired"],
)
def test_a_bundle_that_would_be_refused_keeps_the_stack_from_being_called_ready(
    chain: tuple[str, ...], why: str
) -> None:
    found = looked(a_client("alice", leaf(B), CROSS), a_client("bob", *chain, has_key=False))
    assert [bundle.verdict for bundle in found.bundles] == [Verdict.HELD, Verdict.FELL_SHORT]
    assert found.verdict is Verdict.FELL_SHORT
    assert why in found.bundles[1].why
    assert "run pulumi up so that b issues it anew" in found.bundles[1].why


@pytest.mark.parametrize(
    ("tried", "verdict"),
    [
        ([], Verdict.HELD),
        ([Verdict.NOT_CHECKED], Verdict.HELD),
        ([Verdict.HELD, Verdict.NOT_OFFERED], Verdict.HELD),
        ([Verdict.HELD, Verdict.NOT_DECIDED], Verdict.NOT_DECIDED),
        ([Verdict.NOT_DECIDED, Verdict.FELL_SHORT], Verdict.FELL_SHORT),
    ],
)
def test_ready_is_only_who_is_accepted_now_as_well_as_far_as_that_was_tried(
    tried: list[Verdict], verdict: Verdict
) -> None:
    others = ("client bob", Verdict.FELL_SHORT)
    found = looked(
        a_client("alice", leaf(B), CROSS), tried=(others, *(("client alice", one) for one in tried))
    )
    assert found.verdict is verdict
    assert bool(found.bundles[0].why) == (verdict is not Verdict.HELD)


def with_root_b(root: Issuer, *chain: str) -> Flip:
    made = component("a", "b", a_client("alice", *chain))
    found = flip(
        replace(made, authorities=(made.authorities[0], DeployedAuthority("b", pem(root.certificate), None))),
        None,
        (),
        NOW,
    )
    assert found is not None
    return found


def test_names_that_the_issuing_authority_does_not_allow_are_not_ready() -> None:
    constraint = x509.NameConstraints([x509.UniformResourceIdentifier(".example.com")], None)
    limited = authority("root b", key("of root b"), start=NOW - DAY, end=NOW + DAY, more=[constraint])
    found = with_root_b(limited, leaf(B), CROSS)
    assert (found.verdict, "the name constraints of CN=root b do not allow" in found.bundles[0].why) == (
        Verdict.FELL_SHORT,
        True,
    )


def made_for(purpose: x509.ObjectIdentifier) -> str:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "c")])
    builder = x509.CertificateBuilder(
        B.certificate.subject, name, key("client").public_key(), 7, NOW - DAY, NOW + DAY
    )
    builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    return pem(builder.sign(B.private_key, hashes.SHA256()))


def test_what_openssl_refuses_is_not_ready() -> None:
    """Seen to be called ready: a purpose that OpenSSL takes for none, and a stray cross certificate
    that leads it astray.
    """
    assert with_root_b(B, made_for(x509.OID_CLIENT_AUTH)).verdict is Verdict.HELD
    anything = with_root_b(B, made_for(x509.ObjectIdentifier("2.5.29.37.0")))
    assert (anything.verdict, "lacks clientAuth" in anything.bundles[0].why) == (Verdict.FELL_SHORT, True)
    middle = authority("middle")
    below = pem(client(middle))
    ours, stray = pem(cross(B, middle)), pem(cross(C, middle))
    assert with_root_b(B, below, ours, stray).verdict is Verdict.HELD
    assert with_root_b(B, below, stray, ours).verdict is Verdict.FELL_SHORT


def test_a_chain_longer_than_listeners_were_seen_to_follow_is_not_decided() -> None:
    for certificates, verdict in {4: Verdict.HELD, 5: Verdict.NOT_DECIDED, 11: Verdict.NOT_DECIDED}.items():
        found = with_root_b(B, *bundle.split(probe(B, certificates, NOW).certificate_pem))
        assert found.verdict is verdict
        words = (
            f"its chain has {certificates + 1} certificates, {certificates - 1} of them between it and its"
            " root"
        )
        assert (words in found.bundles[0].why) is (verdict is Verdict.NOT_DECIDED)


def test_a_bundle_that_a_partner_has_installed_can_be_looked_at_beside_those_of_the_stack() -> None:
    found = looked(a_client("alice", leaf(B), CROSS), given=ClientCredential("of partner.crt", leaf(A), ""))
    assert [(bundle.case, bundle.verdict) for bundle in found.bundles] == [
        ("client alice", Verdict.HELD),
        ("client of partner.crt", Verdict.FELL_SHORT),
    ]


def test_a_stack_that_has_issued_nothing_cannot_say_whether_others_are_ready() -> None:
    found = looked()
    assert [(bundle.case, bundle.verdict) for bundle in found.bundles] == [(NO_CLIENT, Verdict.NOT_CHECKED)]
    assert found.verdict is Verdict.NOT_CHECKED


# Who is let in, phase by phase: (trusted, issuing) -> what each presents -> whether that is
# expected to be let in

LET_IN, REJECTED = "let in", "rejected"
PHASES = {
    "a alone, b and c stand by": ("a", "a", (leaf(A),), {"a": LET_IN, "b": REJECTED, "c": REJECTED}, {}),
    "b introduced": (
        "a",
        "b",
        (leaf(B), CROSS),
        {"a": LET_IN, "b": REJECTED, "c": REJECTED},
        {"1 of 2": REJECTED},
    ),
    "b introduced, with an intermediate": (
        "a",
        "b",
        (leaf(SUB), pem(SUB.certificate), CROSS),
        {"a": LET_IN, "b": REJECTED, "c": REJECTED},
        {"1 of 3": REJECTED, "2 of 3": REJECTED},
    ),
    "flipped to b": ("b", "b", (leaf(B),), {"a": REJECTED, "b": LET_IN, "c": REJECTED}, {}),
    "flipped to b, the old bundle": (
        "b",
        "b",
        (leaf(B), CROSS),
        {"a": REJECTED, "b": LET_IN, "c": REJECTED},
        {},
    ),
    "flipped to b, with an intermediate": (
        "b",
        "b",
        (leaf(SUB), pem(SUB.certificate)),
        {"a": REJECTED, "b": LET_IN, "c": REJECTED},
        {"1 of 2": REJECTED},
    ),
}


@pytest.mark.parametrize("phase", PHASES)
def test_in_each_phase_only_who_leads_to_the_trusted_authority_is_expected_to_be_let_in(phase: str) -> None:
    trusted, issuing, chain, authorities, cuts = PHASES[phase]
    made = cases(
        component(trusted, issuing, a_client("alice", *chain)), None, with_authority_key=True, now=NOW
    )
    wished = {case.name: expected(case.role, ca_enabled=True) for case in made if isinstance(case, Case)}
    assert wished["client alice"] == LET_IN
    assert {name: wished[f"client of authority {name}"] for name in authorities} == authorities
    found = {
        name.removeprefix("client alice with ").removesuffix(" certificates"): wish
        for name, wish in wished.items()
        if name.startswith("client alice with")
    }
    assert found == cuts


@pytest.mark.parametrize(("phase", "name"), list(product(PHASES, "abc")))
def test_somebody_of_each_authority_presents_a_chain_that_leads_to_that_authority_alone(
    phase: str, name: str
) -> None:
    trusted, issuing, chain, _, _ = PHASES[phase]
    made = cases(
        component(trusted, issuing, a_client("alice", *chain)), None, with_authority_key=True, now=NOW
    )
    (case,) = (one for one in made if one.name == f"client of authority {name}")
    assert isinstance(case, Case) and case.credential is not None
    for other, issuer in {"a": A, "b": B, "c": C}.items():
        assert (against(judge_pem(case.credential.certificate_pem, pem(issuer.certificate), NOW)) == []) is (
            other == name
        )


def test_somebody_of_a_subordinate_authority_presents_what_leads_to_its_root_but_no_cross_certificate() -> (
    None
):
    made = component("a", "b", a_client("alice", leaf(SUB), pem(SUB.certificate), CROSS))
    below = replace(
        made.authorities[1], signer=DeployedSigner(pem(SUB.certificate), key_pem(SUB.private_key))
    )
    found = cases(replace(made, authorities=(below,)), None, with_authority_key=True, now=NOW)
    case = next(one for one in found if one.name == "client of authority b")
    assert isinstance(case, Case) and case.credential is not None
    assert case.credential.certificate_pem.endswith(pem(SUB.certificate))
    assert case.role is Caller.OUTSIDER
    assert against(judge_pem(case.credential.certificate_pem, pem(B.certificate), NOW)) == []


def test_what_a_trusted_subordinate_signs_badly_has_a_good_chain_and_one_fault() -> None:
    made = component("b", "b", a_client("alice", leaf(SUB), pem(SUB.certificate)))
    below = replace(
        made.authorities[1], signer=DeployedSigner(pem(SUB.certificate), key_pem(SUB.private_key))
    )
    found = {
        one.name: one
        for one in cases(replace(made, authorities=(below,)), None, with_authority_key=True, now=NOW)
    }
    for name, fault in (
        ("expired", "it expired on"),
        ("serverAuth only", "lacks clientAuth"),
        ("not yet valid", "not valid before"),
    ):
        case = found[name]
        assert isinstance(case, Case) and case.credential is not None
        (refusal,) = against(judge_pem(case.credential.certificate_pem, pem(B.certificate), NOW))
        assert fault in refusal


def test_an_authority_that_has_expired_or_whose_key_is_not_here_is_not_tried_and_says_so() -> None:
    old = authority("root old", start=NOW - 9 * DAY, end=NOW - DAY)
    made = component("a", "b", signers="a")
    ended = DeployedAuthority(
        "old",
        pem(old.certificate),
        None,
        None,
        DeployedSigner(pem(old.certificate), key_pem(old.private_key)),
    )
    found = {
        one.name: one
        for one in cases(
            replace(made, authorities=(*made.authorities, ended)), None, with_authority_key=True, now=NOW
        )
    }
    reasons = {name: one.reason for name, one in found.items() if isinstance(one, Missing)}
    assert reasons["client of authority b"] == "the private key of authority b is not in the stack's state"
    assert "authority old can sign nothing good: it expired on" in reasons["client of authority old"]
