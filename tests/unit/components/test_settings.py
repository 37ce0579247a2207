"""The stack configuration: what is accepted, what is refused, and in which words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from alb_mutual_tls.pki.request import SigningRequest
from components.arguments import AlbMutualTlsArgs
from components.models import AuthorityArgs, ClientArgs, ListenerArgs
from components.schema import schema
from components.settings import SettingsError, parse
from tests.unit.components.stack_settings import REQUEST, problems, settings
from tests.unit.pki.material import request


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
        "clientGroups": {},
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
    (sentence,) = problems(surprise="true")
    assert sentence.startswith(
        "surprise: unknown key; remove it, the keys are accountId, ackClusterId, authorities,"
    )


def test_an_unknown_client_field_is_refused_and_the_fields_that_exist_are_named() -> None:
    assert problems(clients={"web": {"surprise": 3}}) == [
        "clients.web.surprise: unknown field; remove it, the fields are csr, subject, keyAlgorithm,"
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
        "clients.web.secret.nam: unknown field; did you mean name? Then rename it: put name in its place",
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


def test_a_renewal_outside_the_validity_is_refused() -> None:
    (sentence,) = problems(clients={"web": {"validityDays": 10, "renewBeforeDays": 10}})
    assert sentence.startswith("clients.web: renewBeforeDays 10 is not less than validityDays 10")


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
    assert isinstance(asked, str)
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


def test_a_project_with_another_name_is_told_of_keys_that_would_go_unread_and_of_no_others() -> None:
    values = {"alicloud:region": "cn-hangzhou", "alb-mutual-tls:caEnabled": "false", "aws:region": "x"}
    assert parse(values, project="mine").arguments.ca_enabled is False
    with pytest.raises(SettingsError, match=r"^mine:caEnabled: is not read, .*alb-mutual-tls:caEnabled"):
        parse({**values, "mine:caEnabled": "true"}, project="mine")
