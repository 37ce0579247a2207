"""The stack configuration: what is accepted, what is refused, and in which words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from alb_mutual_tls.pki.request import SigningRequest
from components.arguments import AlbMutualTlsArgs
from components.models import AuthorityArgs, ClientArgs, ListenerArgs
from components.schema import schema
from components.settings import Settings, SettingsError, parse
from tests.unit.pki.material import authority, key, key_pem, pem, request, subordinate

ROOT = pem(authority("corporate root").certificate)
ROOT_KEY = key_pem(authority("corporate root").private_key)


def settings(**keys: Any) -> Settings:
    """Parse keys of the project's namespace (text as it is, everything else as the engine hands
    objects over) and `alicloud:region`.
    """
    own = {
        f"alb-mutual-tls:{key}": value if isinstance(value, str) else json.dumps(value)
        for key, value in keys.items()
    }
    return parse({"alicloud:region": "cn-hangzhou", **own})


def problems(**keys: Any) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        settings(**keys)
    return caught.value.problems


def test_the_defaults_are_those_of_the_design_and_stay_so() -> None:
    arguments = settings().arguments
    assert arguments.model_dump(by_alias=True) == {
        "caEnabled": False,
        "listeners": {
            "https": {
                "albConfig": "alb",
                "port": 443,
                "caEnabled": True,
                "verify": {"address": None, "serverName": None, "path": "/"},
            }
        },
        "authorities": {
            "root": {
                "certificate": None,
                "caCertificateId": None,
                "subject": {},
                "keyAlgorithm": "RSA-4096",
                "validityDays": 3650,
            }
        },
        "authorityPrivateKeys": {},
        "issuingAuthority": None,
        "trustedAuthority": None,
        "clients": {},
        "repository": None,
        "awaitListener": True,
        "awaitTimeoutSeconds": 180,
        "cutOff": False,
        "takeOver": False,
        "deletionProtection": True,
    }
    assert (arguments.issuing, arguments.trusted) == ("root", "root")
    assert AuthorityArgs().subject_fields("root", "0a1b2c3d") == {
        "organizationName": "alb-mutual-tls",
        "commonName": "root 0a1b2c3d",
    }


def test_a_clients_defaults_are_those_of_the_design_and_stay_so() -> None:
    client = settings(clients={"web": {}}).arguments.clients["web"]
    assert client.model_dump(by_alias=True) == {
        "csr": None,
        "subject": {},
        "keyAlgorithm": "ECDSA-P256",
        "validityDays": 90,
        "renewBeforeDays": None,
        "uris": None,
        "secret": None,
    }
    assert client.renewal_days() == 30
    assert client.subject_fields("web") == {"commonName": "web"}
    assert client.uri_names("web", "0a1b2c3d") == ["spiffe://0a1b2c3d.alb-mutual-tls/client/web"]


def test_a_short_lived_client_is_renewed_in_the_last_third_of_its_life() -> None:
    renewals = {
        days: settings(clients={"web": {"validityDays": days}}).arguments.clients["web"].renewal_days()
        for days in (1, 2, 7, 89, 365)
    }
    assert renewals == {1: 0, 2: 1, 7: 2, 89: 29, 365: 30}


@pytest.mark.parametrize(("text", "value"), [("true", True), ("false", False)])
def test_caEnabled_is_read_as_pulumi_config_set_writes_it(text: str, value: bool) -> None:
    assert settings(caEnabled=text).arguments.ca_enabled is value


@pytest.mark.parametrize("text", ["yes", "True", "1", "", '"true"', "on"])
def test_caEnabled_that_is_neither_true_nor_false_is_refused(text: str) -> None:
    assert problems(caEnabled=text) == [
        f"caEnabled: {text!r} is neither true nor false: pulumi config set caEnabled true (or false)"
    ]


def test_an_unknown_key_is_refused_and_the_keys_that_exist_are_named() -> None:
    (sentence,) = problems(caenabled="true")
    assert sentence.startswith(
        "caenabled: unknown key; remove it, the keys are accountId, ackClusterId, authorities,"
    )


def test_an_unknown_client_field_is_refused_and_the_fields_that_exist_are_named() -> None:
    assert problems(clients={"web": {"validity": 3}}) == [
        "clients.web.validity: unknown field; remove it, the fields are csr, subject, keyAlgorithm,"
        " validityDays, renewBeforeDays, uris, secret"
    ]


def test_a_secret_is_a_namespace_and_a_name_as_kubernetes_takes_them() -> None:
    secret = {"namespace": "shop", "name": "web.example-tls"}
    found = settings(clients={"web": {"secret": secret}, "other": {}}).arguments
    assert {name: place.model_dump() for name, place in found.secrets.items()} == {"web": secret}


@pytest.mark.parametrize("wrong", ["", "Shop", "-a", "a-", "a b", "a/b", "a..b", "a" * 254, ".a", "ä", "a\n"])
@pytest.mark.parametrize("field", ["namespace", "name"])
def test_what_kubernetes_would_refuse_as_a_name_is_refused_at_once(field: str, wrong: str) -> None:
    (sentence,) = problems(
        clients={"web": {"secret": {"namespace": "shop", "name": "web-tls", field: wrong}}}
    )
    assert sentence.startswith(
        f"clients.web.secret.{field}: {wrong!r} is not a name of a"
        f" {'namespace' if field == 'namespace' else 'Secret'}; give "
    )


def test_a_namespace_has_no_dot_and_at_most_63_characters() -> None:
    for wrong in ("a.b", "a" * 64):
        assert len(problems(clients={"web": {"secret": {"namespace": wrong, "name": "a"}}})) == 1
    assert settings(clients={"web": {"secret": {"namespace": "a" * 63, "name": "a" * 253}}})


def test_two_clients_in_one_secret_and_a_secret_beside_a_request_are_refused() -> None:
    secret = {"secret": {"namespace": "shop", "name": "web-tls"}}
    assert problems(clients={"web": secret, "app": secret}) == [
        "clients.app.secret: shop/web-tls is the Secret of clients.web already; give it another name"
    ]
    assert problems(clients={"web": {"csr": request(), **secret}}) == [
        "clients.web: secret is set beside csr, but a Secret of type kubernetes.io/tls holds the private key,"
        " which only the client has; remove one of the two"
    ]
    assert problems(clients={"web": {"secret": {"name": "a", "nam": "b"}}}) == [
        "clients.web.secret.namespace: not set; give it, as every secret needs it",
        "clients.web.secret.nam: unknown field; remove it, the fields are namespace, name",
    ]


def test_an_unknown_field_of_verify_is_refused_and_the_fields_that_exist_are_named() -> None:
    assert problems(listeners={"https": {"albConfig": "alb", "port": 443, "verify": {"host": "x"}}}) == [
        "listeners.https.verify.host: unknown field; remove it, the fields are address, serverName, path"
    ]


def test_every_error_is_reported_at_once() -> None:
    found = problems(
        caEnabled="maybe", surprise="1", clients={"web": {"validityDays": 0}}, awaitTimeoutSeconds="soon"
    )
    assert [sentence.split(":")[0] for sentence in found] == [
        "surprise",
        "awaitTimeoutSeconds",
        "caEnabled",
        "clients.web.validityDays",
    ]


@pytest.mark.parametrize(
    ("listener", "sentence"),
    [
        (
            {"albConfig": "alb"},
            "listeners.https.port: not set; give it, as every entry of listeners needs it",
        ),
        ({"albConfig": "alb", "port": "443"}, "listeners.https.port: is '443'; give a whole number"),
        ({"albConfig": "alb", "port": 0}, "listeners.https.port: is 0; give at least 1"),
        ({"albConfig": "alb", "port": 65536}, "listeners.https.port: is 65536; give at most 65535"),
        (
            {"albConfig": "", "port": 443},
            "listeners.https.albConfig: is empty; give a value, or remove the key",
        ),
        (
            {"albConfig": "alb", "port": 443, "caEnabled": "true"},
            "listeners.https.caEnabled: is 'true'; give true or false, without quotes",
        ),
    ],
)
def test_a_listener_that_cannot_be_is_refused(listener: dict[str, Any], sentence: str) -> None:
    assert problems(listeners={"https": listener}) == [sentence]


def test_the_same_alb_config_and_port_twice_is_refused() -> None:
    listener = {"albConfig": "alb", "port": 443}
    assert problems(listeners={"a": listener, "b": listener}) == [
        "listeners.b: AlbConfig 'alb' port 443 is listeners.a already; remove one of the two"
    ]


def test_two_clients_whose_names_differ_only_in_case_are_refused() -> None:
    (sentence,) = problems(clients={"web": {}, "Web": {}})
    assert sentence.startswith("clients.Web: differs from clients.web only in case")


@pytest.mark.parametrize("name", ["", "a/b", "-a", "a b", "é", "a" * 64])
def test_a_name_that_cannot_be_a_file_name_is_refused(name: str) -> None:
    (sentence,) = problems(clients={name: {}})
    assert sentence.startswith(
        f"clients: the name {name!r} cannot be used: give one of 1 to 63 letters, digits"
    )


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


BROUGHT: dict[str, Any] = {"corp": {"certificate": ROOT}}


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


def test_a_renewal_outside_the_validity_is_refused() -> None:
    (sentence,) = problems(clients={"web": {"validityDays": 10, "renewBeforeDays": 10}})
    assert sentence.startswith("clients.web: renewBeforeDays 10 is not less than validityDays 10")


REQUEST = "-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n"


@pytest.mark.parametrize("as_file", [False, True])
def test_a_request_is_given_as_text_or_as_the_path_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_file: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("partner.csr").write_text(REQUEST)
    client = settings(clients={"partner": {"csr": "partner.csr" if as_file else REQUEST}}).arguments.clients[
        "partner"
    ]
    assert client.csr == REQUEST


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            None,
            (
                "clients.partner.csr: 'p.csr' is neither PEM text nor a file that can be read (No such file"
                " or directory); give the text,"
            ),
        ),
        (
            b"\x30\x82\xff",
            (
                "clients.partner.csr: 'p.csr' is a file without PEM text (a line -----BEGIN ... in ASCII or"
                " UTF-8); convert it with openssl"
            ),
        ),
        (
            b"x" * 100_001,
            "clients.partner.csr: 'p.csr' is a file of more than 100000 bytes and cannot be PEM",
        ),
        (
            f"{REQUEST}-----BEGIN PRIVATE KEY-----\nhush\n-----END PRIVATE KEY-----".encode(),
            (
                "clients.partner.csr: contains a private key, which must never leave its place; give what is"
                " public alone"
            ),
        ),
    ],
)
def test_a_request_that_cannot_be_read_or_brings_a_key_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    if content is not None:
        Path("p.csr").write_bytes(content)
    (found,) = problems(clients={"partner": {"csr": "p.csr"}})
    assert found.startswith(sentence)
    assert "hush" not in found


def test_what_windows_and_people_write_around_pem_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("p.csr").write_bytes(
        b"\xef\xbb\xbf# \x8e\xd0\x93\xe0\r\n" + request().replace("\n", "\r\n").encode()
    )
    asked = settings(clients={"partner": {"csr": "p.csr"}}).arguments.clients["partner"].csr
    assert asked is not None
    assert SigningRequest.load(asked).public_key == SigningRequest.load(request()).public_key


def test_a_key_algorithm_beside_a_request_is_refused() -> None:
    assert problems(clients={"partner": {"csr": REQUEST, "keyAlgorithm": "RSA-2048"}}) == [
        "clients.partner: keyAlgorithm is set beside csr, but the key is the client's own; remove one of"
        " the two"
    ]


def test_an_authoritys_name_that_makes_its_common_name_too_long_is_refused() -> None:
    (sentence,) = problems(authorities={"a" * 56: {}})
    assert "is 65 bytes of UTF-8 long and may have 64" in sentence


@pytest.mark.parametrize("empty", ["", "null"])
def test_an_object_that_was_left_empty_is_an_empty_one(empty: str) -> None:
    found = settings(clients=empty, listeners=empty, authorityPrivateKeys=empty).arguments
    assert (found.clients, found.listeners, found.authority_private_keys) == ({}, {}, {})
    assert problems(authorities=empty) == ["authorities: is empty; give a value, or remove the key"]


@pytest.mark.parametrize("empty", [None, ""])
def test_an_entry_that_was_left_empty_has_all_defaults(empty: Any) -> None:
    found = settings(clients={"partner": empty}, authorities={"root": empty}).arguments
    assert (found.clients, found.authorities) == ({"partner": ClientArgs()}, {"root": AuthorityArgs()})
    assert problems(listeners={"https": empty}) == [
        "listeners.https.albConfig: not set; give it, as every entry of listeners needs it",
        "listeners.https.port: not set; give it, as every entry of listeners needs it",
    ]
    assert problems(clients={"partner": {"subject": None}}) == [
        "clients.partner.subject: is empty; give a value, or remove the key"
    ]


@pytest.mark.parametrize(
    ("keys", "place", "shown", "path"),
    [
        (
            {"authorities": {"corp": {"caCertificateId": 15683209}}},
            "authorities.corp.caCertificateId",
            "a number, 15683209",
            "authorities.corp.caCertificateId",
        ),
        (
            {"authorities": {"root": {"subject": {"organizationalUnitName": 2024}}}},
            "authorities.root.subject.organizationalUnitName",
            "a number, 2024",
            "authorities.root.subject.organizationalUnitName",
        ),
        (
            {"clients": '{"a.b": {"subject": {"commonName": 1e5}}}'},
            "clients.a.b.subject.commonName",
            "a number, 100000.0",
            'clients["a.b"].subject.commonName',
        ),
        (
            {"clients": {"web": {"subject": {"commonName": True}}}},
            "clients.web.subject.commonName",
            "true or false, true",
            "clients.web.subject.commonName",
        ),
        (
            {"clients": {"web": {"uris": ["urn:x", 5]}}},
            "clients.web.uris.1",
            "a number, 5",
            "clients.web.uris[1]",
        ),
        ({"clients": {"web": {"csr": 5}}}, "clients.web.csr", "a number, 5", "clients.web.csr"),
        (
            {"listeners": {"https": {"albConfig": 1, "port": 443}}},
            "listeners.https.albConfig",
            "a number, 1",
            "listeners.https.albConfig",
        ),
        (
            {"clients": {"web": {"secret": {"namespace": 7, "name": "x"}}}},
            "clients.web.secret.namespace",
            "a number, 7",
            "clients.web.secret.namespace",
        ),
    ],
)
def test_a_number_where_text_is_wanted_names_how_to_write_text(
    keys: dict[str, Any], place: str, shown: str, path: str
) -> None:
    """Never taken for its digits: the engine has made 83 of 0123 in YAML, and nobody can tell."""
    assert problems(**keys) == [
        f"{place}: is {shown}, and text is wanted; put it in quotes, or use pulumi config set --path --type"
        f" string '{path}' TEXT"
    ]


def test_a_key_or_field_that_is_nearly_one_names_that() -> None:
    assert problems(caEnable="true") == [
        "caEnable: unknown key; did you mean caEnabled? Then rename it: pulumi config rm caEnable, and set"
        " caEnabled in its place"
    ]
    assert problems(clients={"web": {"validityDay": 3}}) == [
        "clients.web.validityDay: unknown field; did you mean validityDays? Then rename it: put validityDays"
        " in its place"
    ]


def test_text_that_is_no_json_object_is_refused() -> None:
    (sentence,) = problems(clients="web")
    assert sentence.startswith("clients: 'web' is not a JSON object")


def test_an_empty_object_of_listeners_declares_none() -> None:
    assert settings(listeners={}).arguments.listeners == {}


def test_where_and_as_whom_comes_from_the_keys_its_users_know() -> None:
    found = parse(
        {
            "alicloud:region": "cn-hangzhou",
            "alicloud:endpoints": '[{"cas": "127.0.0.1:1", "alb": "127.0.0.1:2"}, {"sts": "127.0.0.1:3"}]',
            "alicloud:assumeRole": '{"roleArn": "acs:ram::1:role/x", "sessionExpiration": 900}',
            "kubernetes:context": "prod",
            "kubernetes:kubeconfig": "~/.kube/config",
            "alb-mutual-tls:accountId": "1234567890123456",
            "aws:region": "is not ours",
        }
    )
    assert found.provider == {
        "region": "cn-hangzhou",
        "endpoints": {"cas": "127.0.0.1:1", "alb": "127.0.0.1:2", "sts": "127.0.0.1:3"},
        "assumeRole": {"roleArn": "acs:ram::1:role/x", "sessionExpiration": 900},
        "context": "prod",
        "kubeconfig": "~/.kube/config",
        "accountId": "1234567890123456",
    }


@pytest.mark.parametrize(
    ("key", "value", "beginning"),
    [
        (
            "alicloud:securityToken",
            "x",
            "alicloud:securityToken: expires, so it cannot stand in the configuration",
        ),
        ("alicloud:sourceIp", "x", "alicloud:sourceIp: is not honoured here; remove it"),
        ("alicloud:endpoints", '{"ecs": "x"}', "alicloud:endpoints: 'ecs' is not honoured here"),
        (
            "alicloud:endpoints",
            '{"cas": "https://x/"}',
            "alicloud:endpoints: cas 'https://x/' is not a host; give HOST or HOST:PORT without a scheme",
        ),
        ("alicloud:endpoints", "[1]", "alicloud:endpoints: '[1]' is not a list of objects"),
        (
            "alicloud:endpoints",
            "[",
            (
                "alicloud:endpoints: '[' is not JSON (Expecting value: line 1 column 2 (char 1)); write it as"
                " an object"
            ),
        ),
        ("alicloud:assumeRole", '{"sessionName": "x"}', "alicloud:assumeRole: roleArn is missing"),
        (
            "alicloud:assumeRole",
            '{"roleArn": "x", "sessionExpiration": "1h"}',
            "alicloud:assumeRole: sessionExpiration is '1h'; give a whole number of seconds",
        ),
        (
            "alicloud:assumeRole",
            '{"roleArn": "x", "mfa": 1}',
            "alicloud:assumeRole: 'mfa' is not honoured here",
        ),
        ("kubernetes:cluster", "x", "kubernetes:cluster: is not honoured here; remove it"),
        (
            "kubernetes:kubeconfig",
            "apiVersion: v1\nkind: Config\n",
            "kubernetes:kubeconfig: holds a kubeconfig's content",
        ),
    ],
)
def test_a_key_of_another_provider_that_would_not_be_honoured_is_refused(
    key: str, value: str, beginning: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        parse({"alicloud:region": "cn-hangzhou", key: value})
    (sentence,) = caught.value.problems
    assert sentence.startswith(beginning)


def test_what_a_template_leaves_open_is_refused_with_its_place_and_the_command() -> None:
    with pytest.raises(SettingsError) as caught:
        parse(
            {
                "alicloud:region": "<region of the ALB>",
                "alicloud:endpoints": '[{"cas": "<host>"}]',
                "alb-mutual-tls:listeners": (
                    '{"https": {"albConfig": "<name of the AlbConfig>", "port": 443}}'
                ),
            }
        )
    remedy = (
        "is still the template's placeholder; put the real value there (pulumi config set --path {0} VALUE),"
        " or remove it"
    )
    places = ["listeners.https.albConfig", "alicloud:endpoints[0].cas", "alicloud:region"]
    assert caught.value.problems == [f"{place}: {remedy.format(place)}" for place in places]


def test_what_a_key_of_another_program_holds_is_not_ours_to_judge() -> None:
    parse({"alicloud:region": "cn-hangzhou", "aws:region": "<fill in>", "other-project:owner": "<nobody>"})


def test_a_stack_file_has_one_spelling_the_documented_one() -> None:
    with pytest.raises(SettingsError, match=r"listeners\.https\.alb_config: unknown field"):
        settings(listeners={"https": {"alb_config": "alb", "albConfig": "alb", "port": 443}})


def test_a_missing_region_is_refused() -> None:
    with pytest.raises(SettingsError, match="alicloud:region: not set"):
        parse({})


def test_no_sentence_repeats_a_secret_value() -> None:
    with pytest.raises(SettingsError) as caught:
        parse(
            {"alicloud:secretKey": "hush", "alicloud:securityToken": "hush", "alicloud:region": "cn-hangzhou"}
        )
    assert "hush" not in str(caught.value)


def test_another_program_writes_the_arguments_in_snake_case() -> None:
    arguments = AlbMutualTlsArgs(
        ca_enabled=True,
        listeners={"https": ListenerArgs(alb_config="alb", port=8443)},
        clients={"web": ClientArgs(validity_days=30)},
    )
    assert arguments.listeners["https"].port == 8443
    assert arguments.clients["web"].validity_days == 30


def test_the_json_schema_in_docs_is_the_one_of_the_settings() -> None:
    published = json.loads((Path(__file__).parents[3] / "docs/configuration.schema.json").read_text())
    assert published == schema(), "run python -m components.schema > docs/configuration.schema.json"


def test_every_key_is_described_in_docs_and_in_the_schema() -> None:
    described = (Path(__file__).parents[3] / "docs/configuration.md").read_text()
    for name in schema()["properties"]["config"]["properties"]:
        assert f"`{name.removeprefix('alb-mutual-tls:')}`" in described


def test_what_was_set_with_secret_is_known_by_its_key_and_what_of_it_is_shown_all_the_same() -> None:
    values = {
        "alicloud:region": "cn-hangzhou",
        "alicloud:credentialsUri": "http://127.0.0.1:1/",
        "alb-mutual-tls:repository": "mine",
        "alb-mutual-tls:clients": "{}",
        "aws:region": "x",
    }
    found = parse(values, lambda key: key != "alicloud:region")
    assert found.secrets == {"credentialsUri", "repository", "clients"}
    assert found.shown == ["clients"]
    assert parse(values).secrets == frozenset()
