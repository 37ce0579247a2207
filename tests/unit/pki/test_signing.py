"""What a signed certificate means: profile, names, times, identifiers; and what is not signed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, settings
from hypothesis import strategies as st
from OpenSSL import crypto
from OpenSSL._util import lib

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pki import signing
from alb_mutual_tls.pki.cross_certificate import lost_limits
from alb_mutual_tls.pki.keys import load_private_key, weakness
from alb_mutual_tls.pki.names import to_name
from alb_mutual_tls.pki.profile import SUBJECT_FIELDS, check_subject
from alb_mutual_tls.pki.request import SigningRequest
from alb_mutual_tls.pki.signing import Issuer
from tests.examples import examples
from tests.unit.pki.material import (
    DAY,
    FIELDS,
    NOW,
    URIS,
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
    subordinate,
)
from tests.unit.pki.profiles import assert_is_client_certificate, assert_is_cross_certificate, extension

_words = st.text('aZ09.,+=@-_/:?#%[]<>"\\éß名İﬀ\u0301\U0001f511', min_size=1, max_size=16)
_subjects = st.fixed_dictionaries(
    {"commonName": _words}, optional=dict.fromkeys(list(SUBJECT_FIELDS)[1:5], _words)
)


@settings(max_examples=examples(25))
@given(
    _subjects,
    st.integers(1, 5000),
    st.lists(_words.map(lambda word: f"urn:{word.encode().hex()}"), unique=True, max_size=3),
)
def test_every_client_certificate_fits_the_profile(
    subject: dict[str, str], days: int, uris: list[str]
) -> None:
    assert check_subject(subject) == []
    issuer = authority()
    certificate = client(issuer, subject=subject, uris=uris, validity_days=days)
    assert_is_client_certificate(certificate, issuer.certificate)
    assert certificate.subject == to_name(subject)
    assert certificate.not_valid_before_utc == NOW - timedelta(minutes=5)
    assert certificate.not_valid_after_utc == min(NOW + days * DAY, issuer.certificate.not_valid_after_utc)
    names = [] if not uris else extension(certificate, x509.SubjectAlternativeName).value
    assert [name.value for name in names] == uris


@pytest.mark.parametrize(
    ("issuer_key", "client_key", "hash_algorithm"),
    [
        ("RSA2048", "P256", hashes.SHA256),
        ("P256", "RSA2048", hashes.SHA256),
        ("P384", "P384", hashes.SHA384),
        ("P521", "P521", hashes.SHA512),
    ],
)
def test_the_hash_is_as_strong_as_the_issuers_key(
    issuer_key: str, client_key: str, hash_algorithm: type[hashes.HashAlgorithm]
) -> None:
    issuer = authority("strong", key(issuer_key))
    certificate = client(
        issuer, key(client_key) if issuer_key != client_key else key(f"{client_key} of a client")
    )
    assert isinstance(certificate.signature_hash_algorithm, hash_algorithm)
    assert_is_client_certificate(certificate, issuer.certificate)


def test_an_email_address_in_the_subject_is_an_alternative_name_too() -> None:
    certificate = client(authority(), subject={**FIELDS, "emailAddress": "one@example.com"})
    names = extension(certificate, x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.RFC822Name) == ["one@example.com"]
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == list(URIS)


def test_serial_numbers_are_random() -> None:
    issuer = authority()
    numbers = {client(issuer).serial_number for _ in range(20)}
    assert len(numbers) == 20
    assert max(numbers) > 2**120


def test_of_a_request_only_the_key_is_used() -> None:
    """pulumi-tls copies names and extensions from any request, so that a client could make itself
    another client, or a server.
    """
    asked = request(
        common_name="administrator",
        more=[
            x509.SubjectAlternativeName(
                [x509.UniformResourceIdentifier("spiffe://elsewhere/admin"), x509.DNSName("example.com")]
            ),
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),
        ],
    )
    issuer = authority()
    public_key = SigningRequest.load(asked).public_key
    builder = signing.client_certificate(
        issuer, public_key, subject=FIELDS, uris=URIS, validity_days=90, now=NOW
    )
    certificate = signing.sign(builder, issuer)
    assert_is_client_certificate(certificate, issuer.certificate)
    assert b"administrator" not in certificate.public_bytes(serialization.Encoding.DER)
    assert b"elsewhere" not in certificate.public_bytes(serialization.Encoding.DER)
    assert certificate.public_key() == key("client").public_key()


def test_an_rsa_key_with_a_small_exponent_is_weak() -> None:
    modulus = key("RSA2048").public_key().public_numbers().n
    assert "public exponent 3, less than 65537" in (
        weakness(rsa.RSAPublicNumbers(3, modulus).public_key()) or ""
    )
    assert weakness(rsa.RSAPublicNumbers(65537, modulus).public_key()) is None


@pytest.mark.parametrize("subject", [{"commonName": "ROOT  A"}, {"commonName": "root a"}])
def test_a_client_is_never_named_like_its_issuer(subject: Mapping[str, str]) -> None:
    with pytest.raises(
        UserError,
        match="the client's subject is that of the authority CN=root a; give the client another commonName",
    ):
        client(authority(), subject=subject)


def test_a_client_is_never_named_like_another_authority_either() -> None:
    other = authority("root b").certificate
    with pytest.raises(UserError, match="that of the authority CN=root b"):
        signing.client_certificate(
            authority(),
            key().public_key(),
            subject={"commonName": "root b"},
            uris=[],
            validity_days=1,
            now=NOW,
            authorities=[other],
        )


def test_a_client_never_gets_its_issuers_key_certified() -> None:
    issuer = authority()
    with pytest.raises(UserError, match="has the authority's own key"):
        client(issuer, issuer.private_key)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: authority(end=NOW - timedelta(seconds=1)), "it expired on 2026-11-23T11:59:59Z"),
        (lambda: authority(start=NOW + DAY), "it is not valid before 2026-11-24T12:00:00Z"),
        (lambda: authority(constraints=None), "lacks CA:TRUE"),
        (lambda: authority(usage=key_usage("crl_sign")), "lacks keyCertSign"),
        (lambda: authority("weak", key("RSA1024")), "RSA of 1024 bits"),
        (lambda: Issuer(first_version(authority()), authority().private_key), "X.509 v1"),
    ],
)
def test_an_unfit_authority_signs_nothing(make: Any, says: str) -> None:
    with pytest.raises(UserError, match=r"^the authority CN=\w+( a)? cannot sign: it") as caught:
        client(make())
    assert says in str(caught.value)


def test_a_client_never_outlives_its_authority_and_that_is_said() -> None:
    issuer = authority(end=NOW + 10 * DAY)
    assert client(issuer, validity_days=90).not_valid_after_utc == NOW + 10 * DAY
    assert "ends on 2026-12-03T12:00:00Z with its authority, earlier than the 90 days" in (
        signing.shortened(issuer.certificate, 90, NOW) or ""
    )
    assert signing.shortened(issuer.certificate, 10, NOW) is None


def test_an_authority_without_key_identifier_is_named_by_the_hash_of_its_key() -> None:
    issuer = authority(key_identifier=None)
    found = extension(client(issuer), x509.AuthorityKeyIdentifier).value
    assert (
        found.key_identifier
        == x509.SubjectKeyIdentifier.from_public_key(issuer.private_key.public_key()).digest
    )


def test_an_authority_is_named_by_the_key_identifier_it_bears_however_that_was_made() -> None:
    """RFC 5280 section 4.2.1.2 allows any method; OpenSSL 3.5, Go and Java differ."""
    issuer, other = (
        authority(key_identifier=b"chosen freely"),
        authority("root b", key_identifier=b"freely too"),
    )
    assert extension(client(issuer), x509.AuthorityKeyIdentifier).value.key_identifier == b"chosen freely"
    crossed = cross(issuer, other)
    assert extension(crossed, x509.AuthorityKeyIdentifier).value.key_identifier == b"chosen freely"
    assert extension(crossed, x509.SubjectKeyIdentifier).value.digest == b"freely too"


def test_the_issuers_name_is_copied_octet_by_octet() -> None:
    """Go writes PrintableString and another order; a verifier that compares octets (RFC 5280 7.1
    allows it) must find the issuer.
    """
    printable = x509.name._ASN1Type.PrintableString
    subject = x509.Name(
        [
            x509.NameAttribute(x509.NameOID.COUNTRY_NAME, "CN"),
            x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Alibaba", printable),
            x509.NameAttribute(x509.NameOID.COMMON_NAME, "root 0a1b2c3d", printable),
        ]
    )
    issuer = authority(subject)
    assert client(issuer).issuer.public_bytes() == issuer.certificate.subject.public_bytes()


# --- issuers


def test_an_issuer_is_loaded_from_pem_of_every_key_format() -> None:
    issuer = authority()
    for form in (serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL):
        text = issuer.private_key.private_bytes(
            serialization.Encoding.PEM, form, serialization.NoEncryption()
        ).decode()
        assert Issuer.load(pem(issuer.certificate), text).certificate == issuer.certificate


def test_a_key_that_is_not_the_certificates_is_refused() -> None:
    with pytest.raises(UserError, match="the private key is not the key of the authority CN=root a"):
        Issuer.load(pem(authority().certificate), key_pem(key("another")))


def _encrypted() -> str:
    encryption = serialization.BestAvailableEncryption(b"secret")
    encrypted = key().private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    return str(encrypted.decode())


def _ed25519_key() -> str:
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    return (
        ed25519.Ed25519PrivateKey.generate().private_bytes(serialization.Encoding.PEM, form, plain).decode()
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nonsense with secret", "not PEM"),
        ("", "not PEM"),
        (_encrypted(), "is encrypted"),
        (_ed25519_key(), "neither RSA nor ECDSA"),
    ],
)
def test_an_unusable_private_key_is_refused_without_a_word_of_it(text: str, says: str) -> None:
    with pytest.raises(UserError) as caught:
        load_private_key(text)
    assert says in str(caught.value)
    assert "secret" not in str(caught.value)
    assert all(line not in str(caught.value) for line in text.splitlines() if line and "-----" not in line)


def test_a_damaged_rsa_key_never_gives_a_signature_away() -> None:
    """The numbers of an RSA key are not checked on loading, and a faulty signature would let
    anybody factor the modulus.
    """
    good = key("RSA2048").private_numbers()
    bad = rsa.RSAPrivateNumbers(
        good.p, good.q, good.d ^ 2, good.dmp1 ^ 2, good.dmq1, good.iqmp, good.public_numbers
    )
    issuer = Issuer(
        authority("damaged", key("RSA2048")).certificate, bad.private_key(unsafe_skip_rsa_key_validation=True)
    )
    with pytest.raises(UserError, match="gives wrong signatures"):
        client(issuer)


# --- cross certificates


def test_a_cross_certificate_is_an_authority_without_path_length_below_the_other() -> None:
    old, new = authority("root a", end=NOW + 100 * DAY), authority("root b", end=NOW + 3650 * DAY)
    found = cross(old, new)
    assert_is_cross_certificate(found, old.certificate)
    assert found.subject.public_bytes() == new.certificate.subject.public_bytes()
    assert found.public_key() == new.certificate.public_key()
    assert (
        extension(found, x509.SubjectKeyIdentifier).value
        == extension(new.certificate, x509.SubjectKeyIdentifier).value
    )
    assert found.not_valid_before_utc == NOW - timedelta(minutes=5)


@pytest.mark.parametrize(("old_days", "new_days"), [(10, 20), (20, 10), (10, 10)])
def test_a_cross_certificate_lasts_until_the_earlier_end(old_days: int, new_days: int) -> None:
    found = cross(
        authority("root a", end=NOW + old_days * DAY), authority("root b", end=NOW + new_days * DAY)
    )
    assert found.not_valid_after_utc == NOW + 10 * DAY


def test_between_authorities_of_one_name_the_authority_key_identifier_tells_them_apart() -> None:
    """Go leaves it out when issuer and subject are equal, and openssl verify then fails with error
    19 (facts: pulumi-tls).
    """
    old, new = authority("root", key("root, old")), authority("root", key("root, new"))
    found = cross(old, new)
    assert (
        extension(found, x509.AuthorityKeyIdentifier).value.key_identifier
        != extension(found, x509.SubjectKeyIdentifier).value.digest
    )


def test_name_constraints_of_the_other_authority_are_kept() -> None:
    constraints = x509.NameConstraints([x509.UniformResourceIdentifier(".example.com")], None)
    found = extension(
        cross(authority("root a"), authority("root b", more=[constraints])), x509.NameConstraints
    )
    assert found.critical
    assert found.value == constraints


POLICIES = x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier("1.2.3.4"), None)])
PURPOSES = x509.ExtendedKeyUsage([x509.OID_CLIENT_AUTH])
NAMES = x509.NameConstraints(None, [x509.DirectoryName(name_of("client"))])


def limited_to(path_length: int | None) -> x509.BasicConstraints:
    return x509.BasicConstraints(True, path_length)


@pytest.mark.parametrize(
    ("issuers", "subjects", "expected"),
    [(None, None, None), (None, 2, 2), (1, None, 0), (3, 1, 1), (2, 5, 1), (3, 2, 2)],
)
def test_a_cross_certificate_has_the_other_authoritys_path_length_as_far_as_the_signer_allows(
    issuers: int | None, subjects: int | None, expected: int | None
) -> None:
    found = cross(
        authority("root a", constraints=limited_to(issuers)),
        authority("root b", constraints=limited_to(subjects)),
    )
    constraints = extension(found, x509.BasicConstraints)
    assert (constraints.critical, constraints.value) == (True, limited_to(expected))


def test_purposes_and_policies_of_the_other_authority_are_kept_too() -> None:
    new = authority("root b", more=[PURPOSES, POLICIES])
    found = cross(authority("root a"), new)
    assert (
        extension(found, x509.ExtendedKeyUsage).value,
        extension(found, x509.CertificatePolicies).value,
    ) == (PURPOSES, POLICIES)
    assert lost_limits(found, new.certificate) == []


def test_what_a_cross_certificate_of_an_earlier_version_lacks_is_named() -> None:
    wide = cross(authority("root a"), authority("root b"))
    for more, constraints, lost in (
        ([], limited_to(None), []),
        ([], limited_to(1), ["path length"]),
        (
            [PURPOSES, POLICIES, NAMES],
            limited_to(0),
            ["path length", "extended key usage", "certificate policies", "name constraints"],
        ),
    ):
        assert lost_limits(wide, authority("root b", more=more, constraints=constraints).certificate) == lost
    lowered = cross(authority("root a", constraints=limited_to(1)), authority("root b"))
    assert lost_limits(lowered, authority("root b").certificate) == []


def openssl_says(
    leaf: x509.Certificate, above: Sequence[x509.Certificate], root: Issuer, purpose: int
) -> int:
    """OpenSSL's error; 0: none."""
    store = crypto.X509Store()
    store.add_cert(crypto.X509.from_cryptography(root.certificate))
    store.set_time(NOW)
    lib.X509_STORE_set_purpose(store._store, purpose)
    try:
        crypto.X509StoreContext(
            store, crypto.X509.from_cryptography(leaf), list(map(crypto.X509.from_cryptography, above))
        ).verify_certificate()
    except crypto.X509StoreContextError as error:
        return int(error.errors[0])
    return 0


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({}, 0),
        ({"constraints": limited_to(0)}, lib.X509_V_ERR_PATH_LENGTH_EXCEEDED),
        (
            {"more": [x509.NameConstraints(None, [x509.DirectoryName(name_of("sub"))])]},
            lib.X509_V_ERR_EXCLUDED_VIOLATION,
        ),
    ],
)
def test_whom_an_authority_does_not_allow_openssl_refuses_through_its_cross_certificate_too(
    limits: Any, code: int
) -> None:
    old, new = authority("root a"), authority("root b", **limits)
    # of the same key, made before there was a limit
    below = subordinate(authority("root b"), "sub")
    leaf, above = client(below), [below.certificate, cross(old, new)]
    assert openssl_says(leaf, above, new, lib.X509_PURPOSE_SSL_CLIENT) == code
    assert openssl_says(leaf, above, old, lib.X509_PURPOSE_SSL_CLIENT) == code


def test_an_authority_for_clients_alone_vouches_for_no_server_through_its_cross_certificate() -> None:
    old, new = authority("root a"), authority("root b", more=[PURPOSES])
    builder = x509.CertificateBuilder(
        new.certificate.subject, name_of("server"), key("server").public_key(), 7, NOW - DAY, NOW + DAY
    )
    server = builder.sign(new.private_key, hashes.SHA256())
    for root in (old, new):
        assert (
            openssl_says(server, [cross(old, new)], root, lib.X509_PURPOSE_SSL_SERVER)
            == lib.X509_V_ERR_INVALID_PURPOSE
        )
        assert openssl_says(client(new), [cross(old, new)], root, lib.X509_PURPOSE_SSL_CLIENT) == 0


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (lambda: authority("root a"), lambda: authority("root a"), "cannot be cross-certified by itself"),
        (
            lambda: authority("root a", constraints=x509.BasicConstraints(True, 0)),
            lambda: authority("root b"),
            "has path length 0",
        ),
        (
            lambda: authority("root a"),
            lambda: authority("root b", end=NOW - DAY / 2),
            "CN=root b cannot be cross-certified: it expired on",
        ),
        (
            lambda: authority("root a", end=NOW - DAY / 2),
            lambda: authority("root b"),
            "CN=root a cannot be cross-certified: it expired on",
        ),
        (lambda: authority("root a"), lambda: authority("root b", constraints=None), "lacks CA:TRUE"),
    ],
)
def test_what_cannot_be_cross_certified_is_refused_in_a_sentence(old: Any, new: Any, says: str) -> None:
    with pytest.raises(UserError) as caught:
        cross(old(), new())
    assert says in str(caught.value)


def test_a_p256_key_is_not_signed_with_the_hash_of_another_curve() -> None:
    assert isinstance(client(authority()).signature_algorithm_parameters, ec.ECDSA)
