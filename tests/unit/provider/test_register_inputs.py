"""Inputs of the register that cannot be: one sentence each, with the client, and no private key."""

from __future__ import annotations

import pytest

from alb_mutual_tls.wire import Properties
from tests.unit.pki.material import key, key_pem, pem, request
from tests.unit.provider.register_engine import CSR, ROOT, Engine, client, group, having


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"color": "red"}, "unknown property color; remove it, the properties are csrPem,"),
        ({"csrPem": 7}, "csrPem is not text; give it in PEM"),
        ({"csrPem": "x"}, "csrPem: the certificate signing request is not PEM of PKCS#10"),
        ({"publicKeyPem": "x"}, "gives not one of csrPem and publicKeyPem; give one of the two"),
        (
            {"csrPem": request(key("RSA1024"))},
            "csrPem: the certificate signing request is refused: its key is RSA of 1024 bits",
        ),
        ({"subject": {}}, "subject has no field; give at least commonName"),
        ({"subject": "CN=x"}, "subject is not an object of subject fields"),
        ({"subject": {"countryName": "cn"}}, "countryName 'cn' is not a country code"),
        ({"subject": {"CN": "x"}}, "CN is not a subject field; the fields are countryName"),
        ({"uris": "urn:x"}, "uris is not a list of URIs"),
        ({"uris": ["x"]}, "the URI 'x' is not an absolute URI"),
        ({"uris": ["urn:x", "urn:x"]}, "the URI 'urn:x' stands there twice; remove one"),
        ({"validityDays": 0}, "validityDays 0 is outside 1 to 3650"),
        ({"validityDays": 3651}, "validityDays 3651 is outside 1 to 3650"),
        ({"validityDays": 1.5}, "validityDays 1.5 is not a whole number of days"),
        ({"validityDays": True}, "validityDays True is not a whole number of days"),
        ({"renewBeforeDays": 90}, "renewBeforeDays 90 is not less than validityDays 90"),
        ({"renewBeforeDays": -1}, "renewBeforeDays -1 is less than 0"),
    ],
)
def test_a_wrong_client_is_refused_in_one_sentence(changed: Properties, says: str) -> None:
    (failure,) = Engine().check(having(one=client(**changed)))
    assert failure.startswith(f": client one: {says}")


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"color": "red"}, "unknown property color; remove it, the properties are names,"),
        ({"names": "a"}, "names is not a list of names; give texts without a slash"),
        ({"names": ["a/b"]}, "names is not a list of names; give texts without a slash"),
        ({"names": ["a", "b", "a"]}, "the name 'a' stands there twice; remove one"),
        ({"names": ["x" * 65]}, "commonName "),
        ({"keyAlgorithm": "Ed25519"}, "keyAlgorithm is 'Ed25519'; give one of RSA-4096,"),
        ({"subject": {"commonName": "a"}}, "subject is not an object of subject fields without commonName"),
        ({"uriPrefix": "x"}, "the URI 'xa' is not an absolute URI"),
        ({"validityDays": 0}, "validityDays 0 is outside 1 to 3650"),
    ],
)
def test_a_wrong_group_is_refused_in_one_sentence(changed: Properties, says: str) -> None:
    wish = {**group("a", "b"), **changed}
    (failure,) = Engine().check({**having(), "groups": {"fleet": wish}})
    assert failure.startswith(f": group fleet: {says}")


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"color": "red"}, "color: IssuedCertificates has no property color"),
        ({"clients": None}, "clients: clients is not an object"),
        ({"clients": []}, "clients: clients is not an object"),
        ({"clients": {"one": 7}}, ": client one: 7 is not an object; give one"),
        ({"groups": []}, "groups: groups is not an object"),
        ({"listeners": {"x": "yes"}}, "listeners: listeners is not an object of true and false"),
        ({"rootCertificatePems": None}, "rootCertificatePems: rootCertificatePems is not a list of texts"),
        ({"rootCertificatePems": [7]}, "rootCertificatePems: rootCertificatePems is not a list of texts"),
        ({"issuerPrivateKeyPem": None}, ": issuerPrivateKeyPem is missing; give it, it signs the clients"),
        (
            {"issuerCertificatePem": "x"},
            ": issuerCertificatePem: the PEM holds 0 certificates where one is needed",
        ),
        (
            {"issuerCertificatePem": pem(ROOT.certificate) + key_pem(ROOT.private_key)},
            ": issuerCertificatePem: the PEM contains a private key",
        ),
        (
            {"issuerPrivateKeyPem": "x"},
            ": issuerPrivateKeyPem: the private key is not PEM of an RSA or ECDSA key",
        ),
        ({"issuerPrivateKeyPem": 7}, ": issuerPrivateKeyPem is not text; give it in PEM"),
        (
            {"issuerPrivateKeyPem": key_pem(key("foreign"))},
            ": issuerPrivateKeyPem: the private key is not the key of the authority CN=root a",
        ),
    ],
)
def test_a_wrong_register_is_refused_in_one_sentence(changed: Properties, says: str) -> None:
    (failure,) = Engine().check({**having(one=client()), **changed})
    assert failure.startswith(says)


def test_everything_that_is_wrong_is_told_at_once_with_the_client() -> None:
    wrong = client(subject={"countryName": "cn", "x": "y"}, uris=["x"], validityDays=0)
    failures = Engine().check(having(one=wrong, two=client(csrPem="x")))
    assert [failure.split(":")[1] for failure in failures] == [" client one"] * 4 + [" client two"]


def test_a_client_that_has_not_changed_is_not_checked_again() -> None:
    engine = Engine()
    engine.inputs = having(one=client(csrPem="x"))
    assert engine.check(having(one=client(csrPem="x"), two=client())) == []


def test_the_engine_never_prints_a_private_key_because_no_failure_names_its_property() -> None:
    """The engine prints the value of the property that a failure names, secret or not."""
    for changed in (
        {"issuerPrivateKeyPem": "-----BEGIN x"},
        {"issuerPrivateKeyPem": 7},
        {"clients": {"one": client(csrPem=CSR + key_pem(key("client")))}},
    ):
        for failure in Engine().check({**having(one=client()), **changed}):
            property, text = failure.split(":", 1)
            assert property == ""
            assert "BEGIN" not in text
