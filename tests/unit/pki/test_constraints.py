"""Name constraints of authorities: which names of a client they forbid.

What OpenSSL says of the same is in the corpus (tests/data/authorities).
"""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from cryptography import x509

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pki.constraints import forbidden_names
from tests.unit.pki.material import authority, client, name_of

SUBJECT = {
    "organizationName": "Example",
    "commonName": "api.example.com",
    "emailAddress": "one@mail.example.com",
}
URIS = ("spiffe://prod.example.com:8443/client/web",)
DNS, URI, MAIL, DIRECTORY = x509.DNSName, x509.UniformResourceIdentifier, x509.RFC822Name, x509.DirectoryName
DN, NAME = "the subject CN=api.example.com", name_of("x", ORGANIZATION_NAME="example")
ORGANIZATION = x509.Name(list(NAME)[:1])


def forbidden(
    permitted: list[x509.GeneralName] | None = None, excluded: list[x509.GeneralName] | None = None
) -> list[str]:
    limited = authority("limited", more=[x509.NameConstraints(permitted, excluded)]).certificate
    return [
        words.split("'")[0].split(" 1.2.840")[0].strip() for words in forbidden_names(limited, SUBJECT, URIS)
    ]


@pytest.mark.parametrize(
    ("tree", "within"),
    [
        (URI("prod.example.com"), True),
        (URI(".example.com"), True),
        (URI(".EXAMPLE.com"), True),
        (URI("example.com"), False),
        (URI(".prod.example.com"), False),
        (DNS("example.com"), True),
        (DNS(".example.com"), True),
        (DNS("API.example.com"), True),
        (DNS(""), True),
        (DNS("ample.com"), False),
        (MAIL("mail.example.com"), True),
        (MAIL(".example.com"), True),
        (MAIL("one@MAIL.example.com"), True),
        (MAIL("example.com"), False),
        (MAIL("two@mail.example.com"), False),
        (DIRECTORY(ORGANIZATION), True),
        (DIRECTORY(NAME), False),
    ],
    ids=str,
)
def test_a_name_is_allowed_inside_what_is_permitted_and_outside_what_is_excluded(
    tree: x509.GeneralName, within: bool
) -> None:
    assert (forbidden(permitted=[tree]) == []) is within
    assert (forbidden(excluded=[tree]) == []) is not within


def test_kinds_of_names_that_a_client_does_not_have_restrict_nothing() -> None:
    assert (
        forbidden(
            permitted=[
                x509.IPAddress(ip_network("10.0.0.0/8")),
                x509.RegisteredID(x509.ObjectIdentifier("1.2.3")),
            ]
        )
        == []
    )


def test_one_of_several_permitted_trees_is_enough_and_one_excluded_is_too_much() -> None:
    assert forbidden(permitted=[URI("other.example"), URI(".example.com")]) == []
    assert forbidden(permitted=[URI(".example.com")], excluded=[URI("prod.example.com")]) == ["the URI"]


def test_a_uri_without_a_host_is_inside_nothing() -> None:
    limited = authority("limited", more=[x509.NameConstraints([URI(".example.com")], None)]).certificate
    assert forbidden_names(limited, {"commonName": "web"}, ["urn:example:web"]) == [
        "the URI 'urn:example:web'"
    ]


def test_an_authority_signs_no_client_that_it_may_not_name() -> None:
    limited = authority("limited", more=[x509.NameConstraints([URI("elsewhere.example")], None)])
    with pytest.raises(
        UserError,
        match=(
            r"^the URI 'urn:x' is not allowed by the name constraints of CN=limited; give the client names"
            r" that they"
        ),
    ):
        client(limited, uris=["urn:x"])
