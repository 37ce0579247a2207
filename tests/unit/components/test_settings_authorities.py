"""Authorities in a stack's configuration: generated, brought, trusted and issuing."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography import x509

from components.arguments import AlbMutualTlsArgs
from tests.unit.components.stack_settings import BROUGHT, ROOT, ROOT_KEY, problems, settings
from tests.unit.pki.material import authority, key, key_pem, pem, subordinate


def test_a_client_whose_subject_is_an_authoritys_is_refused() -> None:
    subject = {"commonName": "Root CA", "organizationName": "Example"}
    (sentence,) = problems(
        authorities={"root": {"subject": subject}},
        clients={"web": {"subject": {**subject, "commonName": "root  ca"}}},
    )
    assert sentence.startswith(
        "clients.web.subject: is the subject of authorities.root, which verifiers take for a self-signed"
        " certificate"
    )


def test_two_authorities_of_one_subject_are_refused() -> None:
    subject = {"commonName": "Root"}
    (sentence,) = problems(
        authorities={"a": {"subject": subject}, "b": {"subject": subject}},
        issuingAuthority="a",
        trustedAuthority="a",
    )
    assert (
        sentence
        == "authorities.b.subject: is the subject of authorities.a too; give one of them another commonName"
    )


def test_with_several_authorities_the_issuing_and_the_trusted_one_must_be_named() -> None:
    assert problems(authorities={"a": {}, "b": {}}) == [
        "issuingAuthority: not set, but there are several authorities; set it to one of a, b",
        "trustedAuthority: not set, but there are several authorities; set it to one of a, b",
    ]


def test_an_authority_that_is_not_declared_cannot_be_trusted() -> None:
    assert problems(trustedAuthority="other") == [
        "trustedAuthority: 'other' is not one of the authorities; set it to one of root"
    ]
    assert problems(
        authorities={"root": {}, "corp": {}}, issuingAuthority="root", trustedAuthority="Rot"
    ) == [
        "trustedAuthority: 'Rot' is not one of the authorities; set it to one of root, corp; did you mean"
        " root?"
    ]


@pytest.mark.parametrize(
    ("authority", "beginning"),
    [
        (
            {"keyAlgorithm": "RSA-1024"},
            "authorities.root.keyAlgorithm: 'RSA-1024' is not a key algorithm; give one of RSA-4096,",
        ),
        ({"validityDays": 0}, "authorities.root.validityDays: is 0; give at least 1"),
        ({"validityDays": 36501}, "authorities.root.validityDays: is 36501; give at most 36500"),
        ({"validityDays": 1.5}, "authorities.root.validityDays: is '1.5'; give a whole number"),
        ({"subject": {"countryName": "China"}}, "authorities.root.subject: countryName"),
        ({"subject": {"cn": "x"}}, "authorities.root.subject: "),
        (
            {"certificate": "x"},
            "authorities.root.certificate: 'x' is neither PEM text nor a file that can be read",
        ),
        (
            {"certificate": ROOT, "caCertificateId": "1"},
            "authorities.root: certificate and caCertificateId are both set; remove one",
        ),
        (
            {"certificate": ROOT, "validityDays": 3},
            "authorities.root: validityDays is set beside certificate, but nothing is generated then",
        ),
        (
            {"caCertificateId": "1", "subject": {}},
            "authorities.root: subject is set beside caCertificateId, but nothing is generated then",
        ),
        (
            {"caCertificateId": ""},
            "authorities.root.caCertificateId: is empty; give a value, or remove the key",
        ),
        (
            {"certificate": pem(subordinate(authority()).certificate)},
            "authorities.root.certificate: the chain ends with CN=sub, which was",
        ),
    ],
)
def test_an_authority_that_cannot_be_is_refused(authority: dict[str, Any], beginning: str) -> None:
    (sentence,) = problems(authorities={"root": authority})
    assert sentence.startswith(beginning)


def test_a_brought_authority_signs_with_its_private_key() -> None:
    arguments = settings(
        authorities=BROUGHT, authorityPrivateKeys={"corp": ROOT_KEY}, clients={"web": {}}
    ).arguments
    assert arguments.signs("corp")
    brought = arguments.brought("corp")
    assert brought is not None
    assert brought.root_pem == ROOT
    assert "PRIVATE KEY" not in repr(arguments)


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        (
            {"authorities": BROUGHT, "clients": {"web": {}}},
            (
                "authorityPrivateKeys.corp: not set, and corp is to sign clients; set it (pulumi config set"
                " --secret --path authorityPrivateKeys.corp < key.pem), or set issuingAuthority to an"
                " authority whose key is here"
            ),
        ),
        (
            {
                "authorities": {**BROUGHT, "new": {}},
                "clients": {"web": {}},
                "trustedAuthority": "corp",
                "issuingAuthority": "new",
            },
            (
                "authorityPrivateKeys.corp: not set, and during a rotation the trusted authority certifies"
                " the issuing one; set it"
            ),
        ),
        (
            {"authorityPrivateKeys": {"root": ROOT_KEY}},
            (
                "authorityPrivateKeys.root: authorities.root is generated, and its key with it; remove it, or"
                " bring the certificate too"
            ),
        ),
        (
            {"authorityPrivateKeys": {"rot": ROOT_KEY}},
            (
                "authorityPrivateKeys.rot: there is no authority of that name; remove it, the authorities are"
                " root"
            ),
        ),
        (
            {"authorities": BROUGHT, "authorityPrivateKeys": {"corp": key_pem(key("another"))}},
            (
                "authorityPrivateKeys.corp: the private key is not the key of CN=corporate root; give the two"
                " that belong together"
            ),
        ),
        (
            {
                "authorities": BROUGHT,
                "authorityPrivateKeys": {"corp": ROOT_KEY},
                "clients": {"web": {"subject": {"commonName": "Corporate Root"}}},
            },
            (
                "clients.web.subject: is that of a certificate of authorities.corp, which verifiers take for"
                " a self-signed certificate"
            ),
        ),
        (
            {
                "authorities": {"a": {"caCertificateId": "1"}, "b": {"caCertificateId": "1"}},
                "trustedAuthority": "a",
                "issuingAuthority": "a",
            },
            "authorities.b.caCertificateId: is that of authorities.a too; remove one of the two",
        ),
        (
            {"authorityPrivateKeys": {"corp": 7}},
            "authorityPrivateKeys: is not an object of names and PEM texts (what it holds is not shown)",
        ),
        (
            {"authorityPrivateKeys": "hush"},
            "authorityPrivateKeys: is not an object of names and PEM texts (what it holds is not shown)",
        ),
    ],
)
def test_a_key_that_is_missing_or_misplaced_is_refused(keys: dict[str, Any], sentence: str) -> None:
    (found,) = problems(**keys)
    assert found.startswith(sentence)
    assert "hush" not in found
    assert "PRIVATE KEY" not in found


def test_names_that_a_brought_authority_does_not_allow_are_refused() -> None:
    limited = authority(
        "limited", more=[x509.NameConstraints([x509.UniformResourceIdentifier("example.com")], None)]
    )
    keys: dict[str, Any] = {
        "authorities": {"corp": {"certificate": pem(limited.certificate)}},
        "authorityPrivateKeys": {"corp": key_pem(limited.private_key)},
    }
    assert problems(clients={"web": {}, "app": {"uris": ["spiffe://example.com/app"]}}, **keys) == [
        "clients.web: the URI 'spiffe://00000000.alb-mutual-tls/client/web' is not allowed by the name"
        " constraints of CN=limited (authorities.corp); give the client names that they allow"
    ]
    assert settings(authorities=keys["authorities"]).arguments.brought("corp")


def test_a_trusted_authority_that_allows_too_few_below_it_is_no_way_to_rotate() -> None:
    root = authority("corporate root", constraints=x509.BasicConstraints(True, 2))
    sub, other = subordinate(root, "sub", path_length=1), authority("other root")
    lower = subordinate(other, "lower")
    old, new = pem(sub.certificate) + pem(root.certificate), pem(lower.certificate) + pem(other.certificate)
    chosen: dict[str, Any] = {
        "authorityPrivateKeys": {"old": key_pem(sub.private_key), "new": key_pem(lower.private_key)},
        "trustedAuthority": "old",
        "issuingAuthority": "new",
        "clients": {"web": {}},
    }
    (sentence,) = problems(authorities={"old": {"certificate": old}, "new": {"certificate": new}}, **chosen)
    assert (
        sentence
        == "authorities.old: cannot certify new for a rotation: CN=sub allows 1 authorities below it (its"
        " path length), and 2 stand there; give clients certificates of both, for instance from a second"
        " stack"
    )
    chosen["authorityPrivateKeys"] = {"old": key_pem(sub.private_key), "new": key_pem(other.private_key)}
    assert settings(
        authorities={"old": {"certificate": old}, "new": {"certificate": pem(other.certificate)}}, **chosen
    ).arguments.certifiers == ("old",)


def test_a_listener_may_trust_an_authority_whose_key_is_elsewhere_while_the_stack_signs_nobody() -> None:
    assert not settings(authorities=BROUGHT).arguments.signs("corp")
    assert not settings(authorities={"corp": {"caCertificateId": "123-cn"}}).arguments.signs("corp")


def test_arguments_that_are_wrong_do_not_show_private_keys_to_other_programs() -> None:
    with pytest.raises(ValueError, match="there is no authority of that name") as caught:
        AlbMutualTlsArgs(authority_private_keys={"x": "hush"})
    assert "hush" not in str(caught.value)


def test_subordinate_authorities_of_one_root_need_no_cross_certificate() -> None:
    root = authority("corporate root")
    one, two = subordinate(root, "one"), subordinate(root, "two")
    authorities = {
        name: {"certificate": pem(sub.certificate) + ROOT} for name, sub in (("one", one), ("two", two))
    }
    keys = {name: key_pem(sub.private_key) for name, sub in (("one", one), ("two", two))}
    chosen = {"trustedAuthority": "one", "issuingAuthority": "two", "clients": {"web": {}}}
    assert settings(authorities=authorities, authorityPrivateKeys=keys, **chosen).arguments.certifiers == ()
    assert settings(authorities={"one": {}, "two": {}}, **chosen).arguments.certifiers == ("one",)


def test_every_other_authority_whose_key_is_here_may_certify_the_issuing_one_the_trusted_one_first() -> None:
    authorities = {**BROUGHT, "a": {}, "z": {}, "new": {}}
    chosen = {"trustedAuthority": "z", "issuingAuthority": "new"}
    assert settings(authorities=authorities, clients={"web": {}}, **chosen).arguments.certifiers == ("z", "a")
    assert settings(authorities=authorities, **chosen).arguments.certifiers == ()
