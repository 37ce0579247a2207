"""Authorities that somebody brings: what is taken, and why something is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography import x509

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pki.brought import BroughtAuthority, trust_faults
from tests.unit.pki.material import (
    authority,
    first_version,
    key,
    key_pem,
    name_of,
    pem,
    signed_with_sha1,
    subordinate,
)

ROOT = authority("root")
SUB = subordinate(ROOT, "sub")
LOWER = subordinate(SUB, "lower")
CHAIN = pem(LOWER.certificate) + pem(SUB.certificate) + pem(ROOT.certificate)


def test_a_root_signs_and_is_trusted_itself() -> None:
    found = BroughtAuthority.load("issued by us\n" + pem(ROOT.certificate))
    assert found == BroughtAuthority(pem(ROOT.certificate), "", pem(ROOT.certificate))


def test_of_a_chain_the_first_signs_the_last_is_trusted_and_clients_present_what_is_between() -> None:
    found = BroughtAuthority.load(CHAIN)
    assert found.signer_pem == pem(LOWER.certificate)
    assert found.intermediates_pem == pem(LOWER.certificate) + pem(SUB.certificate)
    assert found.root_pem == pem(ROOT.certificate)


def test_an_authority_that_has_expired_is_read_so_that_its_listeners_can_be_switched_off() -> None:
    expired = authority("root", end=ROOT.certificate.not_valid_before_utc.replace(year=2027))
    assert BroughtAuthority.load(pem(expired.certificate)).root_pem == pem(expired.certificate)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "",
            (
                "there is no certificate between BEGIN CERTIFICATE and END CERTIFICATE lines; give a PEM"
                " certificate"
            ),
        ),
        (
            pem(first_version(ROOT)),
            "it is an X.509 v1 certificate, which cannot say that it is an authority; make one of version 3",
        ),
        (
            pem(signed_with_sha1(ROOT)),
            "its signature is made with SHA1, which can be forged; make one with SHA-256",
        ),
        (pem(authority("x", key("RSA1024")).certificate), "its key is RSA of 1024 bits; use RSA"),
        (
            pem(authority("x", constraints=None).certificate),
            "it is not a certificate authority: basicConstraints lacks CA:TRUE",
        ),
        (
            pem(SUB.certificate),
            (
                "the chain ends with CN=sub, which was issued by CN=root and is not a root; add the"
                " certificates above it, the self-signed"
            ),
        ),
        (
            pem(ROOT.certificate) + pem(SUB.certificate),
            "certificate 1 (CN=root) was not issued by the one after it (CN=sub); give the authority that",
        ),
        (
            pem(ROOT.certificate) + pem(authority("other").certificate),
            "there are 2 roots (CN=root, CN=other), and a listener trusts one; give that one alone",
        ),
        (
            pem(subordinate(ROOT, "no authority", ca=False).certificate) + pem(ROOT.certificate),
            (
                "certificate 1 (CN=no authority): it is not a certificate authority: basicConstraints lacks"
                " CA:TRUE"
            ),
        ),
    ],
)
def test_what_cannot_be_an_authority_is_refused_with_the_reason(text: str, sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        BroughtAuthority.load(text)
    assert str(caught.value).startswith(sentence)


def test_only_a_root_alone_may_be_of_version_1_to_be_trusted() -> None:
    now = ROOT.certificate.not_valid_before_utc + timedelta(days=1)
    old = first_version(ROOT)
    assert trust_faults(pem(old), now) == trust_faults(CHAIN, now) == []
    (ended,) = trust_faults(pem(old), old.not_valid_after_utc + timedelta(days=1))
    assert "it expired on" in ended
    (below,) = trust_faults(pem(first_version(SUB)), now)
    assert "it is an X.509 v1 certificate" in below
    (chain,) = trust_faults(pem(SUB.certificate) + pem(old), now)
    assert "it is an X.509 v1 certificate" in chain
    assert trust_faults("", now) == [
        "there is no certificate between BEGIN CERTIFICATE and END CERTIFICATE lines; give a PEM certificate"
    ]


def test_a_chain_that_is_longer_than_its_root_allows_is_refused() -> None:
    short = authority("root", constraints=x509.BasicConstraints(True, 0))
    below = subordinate(short, "sub")
    with pytest.raises(
        UserError,
        match=(
            r"^CN=root allows 0 authorities below it \(its path length\), and 1 stands there; let a"
            r" subordinate"
        ),
    ):
        BroughtAuthority.load(pem(below.certificate) + pem(short.certificate))
    assert BroughtAuthority.load(pem(short.certificate))


def test_the_key_must_be_the_signers() -> None:
    found = BroughtAuthority.load(CHAIN)
    assert found.fault_of_key(key_pem(LOWER.private_key)) is None
    assert (
        found.fault_of_key(key_pem(ROOT.private_key))
        == "the private key is not the key of CN=lower; give the two that belong together"
    )
    assert (
        found.fault_of_key("hush")
        == "the private key is not PEM of an RSA or ECDSA key; give the key as it was generated"
    )


def test_a_client_is_not_named_like_any_certificate_of_the_chain() -> None:
    found = BroughtAuthority.load(CHAIN)
    assert [found.named_like({"commonName": name}) for name in ("Lower", "sub", "root", "web")] == [
        True,
        True,
        True,
        False,
    ]
    assert name_of("web") != name_of("root")
