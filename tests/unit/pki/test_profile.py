"""The rules for subjects, URIs and times; hypothesis looks for what they let through that a
certificate cannot hold.
"""

from __future__ import annotations

import subprocess
import sys

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from alb_mutual_tls.pki.names import same_name, to_name
from alb_mutual_tls.pki.profile import (
    CA_PROFILE,
    CA_VALIDITY_DAYS,
    CLIENT_PROFILE,
    CLIENT_VALIDITY_DAYS,
    KEY_ALGORITHMS,
    SUBJECT_FIELDS,
    check_renewal,
    check_subject,
    check_uri,
    same_subject,
)

FULL = {
    "countryName": "CN",
    "stateOrProvinceName": "北京",
    "localityName": "Beijing",
    "organizationName": "alibaba",
    "organizationalUnitName": "test",
    "commonName": "root",
    "emailAddress": "someone@example.com",
}
# An alphabet of its own: hypothesis takes two seconds to make the table of all of Unicode in a
# fresh clone.
_ALPHABET = 'aZ09 .,+=@-_/:?#%[]<>"\\éß名İﬀ\u3000\u200b\u0301\x00\x7f\ue000\U0001f511'
_texts = st.text(_ALPHABET, max_size=80)
_subjects = st.dictionaries(
    st.sampled_from(list(SUBJECT_FIELDS)), _texts | st.sampled_from(list(FULL.values()))
)


def test_every_field_of_the_documentation_is_accepted_and_stands_in_its_order() -> None:
    assert check_subject(FULL) == []
    assert [attribute.rfc4514_attribute_name for attribute in to_name(dict(reversed(FULL.items())))] == [
        "C",
        "ST",
        "L",
        "O",
        "OU",
        "CN",
        "1.2.840.113549.1.9.1",
    ]


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("countryName", "cn", "countryName 'cn' is not a country code of two capital letters"),
        ("countryName", "CHN", "two capital letters"),
        ("organizationName", "a" * 65, "is 65 characters long and may have 64"),
        ("stateOrProvinceName", "a" * 129, "is 129 characters long and may have 128"),
        ("commonName", "名" * 22, "is 66 bytes of UTF-8 long and may have 64"),
        ("commonName", "", "commonName is empty"),
        ("commonName", "   ", "commonName is empty"),
        ("commonName", " a", "begins or ends with white space"),
        ("commonName", "a\x00b", "control character"),
        ("commonName", "a\u200bb", "cannot be seen"),
        ("commonName", 7, "commonName 7 is not text"),
        (
            "emailAddress",
            "example@ali",
            "emailAddress 'example@ali' is not an address of the form name@example.com",
        ),
        ("emailAddress", "名@example.com", "is not an address"),
        ("title", "Dr.", "title is not a subject field; the fields are countryName, stateOrProvinceName"),
    ],
)
def test_a_bad_field_is_named_with_its_value_its_rule_and_a_remedy(
    field: str, value: object, says: str
) -> None:
    (sentence,) = check_subject({field: value})
    assert says in sentence


def test_all_bad_fields_are_told_at_once() -> None:
    assert len(check_subject({"countryName": "cn", "commonName": "", "cn": "x"})) == 3


@given(_subjects)
def test_a_subject_that_is_accepted_can_be_put_into_a_certificate_and_read_back(
    subject: dict[str, str],
) -> None:
    if not check_subject(subject):
        name = to_name(subject)
        oids = {field.oid: name for name, field in SUBJECT_FIELDS.items()}
        assert {oids[attribute.oid.dotted_string]: attribute.value for attribute in name} == subject


@given(
    _subjects,
    st.sampled_from([str.upper, str.lower, lambda text: text.replace(" ", "  "), lambda text: f" {text} "]),
)
def test_subjects_that_differ_in_white_space_or_ascii_case_are_one(
    subject: dict[str, str], change: object
) -> None:
    assert callable(change)
    changed = {name: change(value) for name, value in subject.items() if value.isascii()}
    assert same_subject({name: subject[name] for name in changed}, changed)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"commonName": "Root  A"}, {"commonName": "root a"}, True),
        ({"commonName": "straße"}, {"commonName": "STRASSE"}, True),
        ({"commonName": "ｒｏｏｔ"}, {"commonName": "root"}, True),
        ({"commonName": "root"}, {"commonName": "root", "organizationName": "x"}, False),
        ({"commonName": "root"}, {"organizationName": "root"}, False),
        ({"commonName": "root \x01"}, {"commonName": "root"}, False),
    ],
)
def test_subjects_are_compared_as_verifiers_do(
    one: dict[str, str], other: dict[str, str], same: bool
) -> None:
    assert same_subject(one, other) is same
    assert same_subject(other, one) is same


def test_names_are_one_whatever_their_order_and_string_types() -> None:
    ours = to_name({"organizationName": "alibaba", "commonName": "Root"})
    of_go = x509.Name(
        [
            x509.NameAttribute(x509.NameOID.COMMON_NAME, "root"),
            x509.NameAttribute(
                x509.NameOID.ORGANIZATION_NAME, "alibaba", x509.name._ASN1Type.PrintableString
            ),
        ]
    )
    assert same_name(ours, of_go)
    assert not same_name(ours, to_name({"organizationName": "alibaba", "commonName": "root 2"}))


@pytest.mark.parametrize(
    "uri",
    [
        "spiffe://0a1b2c3d.alb-mutual-tls/client/Name_1.x-y",
        "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        "https://example.com/a?b=c",
        "spiffe://a",
    ],
)
def test_an_absolute_uri_is_accepted(uri: str) -> None:
    assert check_uri(uri) is None


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("", "is not an absolute URI"),
        ("client/one", "is not an absolute URI"),
        ("//example.com", "is not an absolute URI"),
        ("https://", "is not an absolute URI"),
        ("https://例え.jp/", "in ASCII"),
        ("https://a b", "is not an absolute URI"),
        ("https://a/%zz", "is not an absolute URI"),
        ("spiffe://Upper/x", "is not a SPIFFE ID"),
        ("SPIFFE://a/x", "is not a SPIFFE ID"),
        ("spiffe://a/x?y=z", "is not a SPIFFE ID"),
        ("spiffe://a/x/", "is not a SPIFFE ID"),
        ("spiffe://a/../x", "is not a SPIFFE ID"),
        ("https://a/" + "x" * 2048, "may have 2048"),
        (7, "is not text"),
    ],
)
def test_a_bad_uri_is_refused_in_a_sentence(uri: object, says: str) -> None:
    assert says in (check_uri(uri) or "")


@given(st.text(_ALPHABET, max_size=60))
def test_a_uri_that_is_accepted_can_be_put_into_a_certificate(rest: str) -> None:
    if check_uri(f"https:{rest}") is None:
        assert x509.UniformResourceIdentifier(f"https:{rest}").value == f"https:{rest}"


def test_renewal_lies_inside_the_validity() -> None:
    assert check_renewal(90, 30) is None
    assert check_renewal(1, 0) is None
    assert "would be due at once" in (check_renewal(30, 30) or "")
    assert "less than 0" in (check_renewal(30, -1) or "")


def test_profiles_algorithms_and_ranges_are_those_of_the_design() -> None:
    """They decide what is in every certificate: a change here is a decision, not an accident."""
    assert (CA_PROFILE.authority, CA_PROFILE.path_length, CA_PROFILE.key_usage) == (
        True,
        None,
        frozenset({"keyCertSign", "cRLSign"}),
    )
    assert (CLIENT_PROFILE.authority, CLIENT_PROFILE.key_usage) == (False, frozenset({"digitalSignature"}))
    assert CLIENT_PROFILE.extended_key_usage == ("1.3.6.1.5.5.7.3.2",)
    assert list(KEY_ALGORITHMS) == ["RSA-4096", "RSA-3072", "RSA-2048", "ECDSA-P256", "ECDSA-P384"]
    assert (CA_VALIDITY_DAYS[0], CA_VALIDITY_DAYS[-1]) == (1, 36500)
    assert (CLIENT_VALIDITY_DAYS[0], CLIENT_VALIDITY_DAYS[-1]) == (1, 3650)


@pytest.mark.parametrize("module", ["profile", "renewal", "bundle"])
def test_what_every_preview_imports_does_not_import_cryptography(module: str) -> None:
    code = f"import sys, alb_mutual_tls.pki.{module}; sys.exit('cryptography' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
