"""The JSON Schema of the stack files agrees with the parser in both directions, and what it cannot
say is listed here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from alb_mutual_tls.tokens import PROJECT
from components.settings import SettingsError, parse
from tests.examples import examples
from tests.unit.pki.material import authority, key_pem, pem, request

REPOSITORY = Path(__file__).resolve().parents[3]
PUBLISHED = json.loads((REPOSITORY / "docs/configuration.schema.json").read_text())
CHECK = fastjsonschema.compile(PUBLISHED, use_default=False)
REGION = {"alicloud:region": "cn-hangzhou"}
ROOT = authority("corporate root")
BROUGHT = {"certificate": pem(ROOT.certificate)}
KEY = key_pem(ROOT.private_key)
SAME = {"organizationName": "alb-mutual-tls", "commonName": "Same"}
TWICE = {"a": {"caCertificateId": "1"}, "b": {"caCertificateId": "1"}}

ONLY_THE_PARSER_KNOWS = {
    "that two listeners are one": r"AlbConfig .* is listeners\.\w+ already",
    "that names differ only in case": r"differs from clients\.\w+ only in case",
    "that two subjects are one": r"\.subject: is (the subject|that) of",
    "which authorities there are": (
        r"not set, but there are several authorities|is not one of the authorities"
        r"|there is no authority of that name"
    ),
    "that a field excludes another one": r"are both set|is set beside|is generated, and its key with it",
    "that a renewal comes before the end": r"renewBeforeDays \d+ is not less than validityDays",
    "that an id is used twice": r"caCertificateId: is that of",
    "which key is missing": r"authorityPrivateKeys\.\w+: not set",
    "what stands in a certificate, request or key": (
        r"neither PEM text nor a file|contains a private key|\.(certificate|csr): .*PEM|is not a private key"
    ),
    "what a URI is": r"the URI ",
    "which characters can be seen, and how many bytes they are": (
        r"one that cannot be seen|bytes of UTF-8 long|holds a control character"
    ),
    "what stands in JSON text": (
        r"is not (a )?JSON|is not an object of names and PEM texts|is not a list of objects"
    ),
    "the range of a number in quotes": r"awaitTimeoutSeconds: is \d+; give at",
}
"""What a schema cannot say, and the sentence with which the parser says it."""


def handed_over(config: dict[str, Any]) -> dict[str, str]:
    """What the program gets of a stack's file (seen with engine 3.259): every value as text,
    objects as JSON text, secrets in the clear.
    """

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return (
                value["secure"]
                if value.keys() == {"secure"}
                else {key: plain(item) for key, item in value.items()}
            )
        if isinstance(value, list):
            return [plain(item) for item in value]
        return int(value) if isinstance(value, float) and value.is_integer() else value

    def text(value: Any) -> str:
        if isinstance(value, str):
            return value
        return "" if value is None else json.dumps(value)

    return {key: text(plain(value)) for key, value in config.items()}


def problems(config: dict[str, Any]) -> list[str]:
    """What the parser finds wrong with it."""
    try:
        parse(handed_over(config))
    except SettingsError as error:
        return error.problems
    return []


def fits(config: dict[str, Any]) -> bool:
    """Whether it keeps the schema."""
    try:
        CHECK({"config": config})
    except fastjsonschema.JsonSchemaException:
        return False
    return True


def own(**keys: Any) -> dict[str, Any]:
    return {**REGION, **{f"{PROJECT}:{key}": value for key, value in keys.items()}}


def test_every_key_and_field_is_described_in_words_and_nothing_else_is_let_in() -> None:
    def objects(node: Any, place: str) -> Iterator[tuple[str, dict[str, Any]]]:
        if isinstance(node, dict):
            if isinstance(node.get("properties"), dict) and "description" not in node["properties"]:
                yield place, node
            for key, item in node.items():
                yield from objects(item, f"{place}.{key}")
        elif isinstance(node, list):
            for number, item in enumerate(node):
                yield from objects(item, f"{place}.{number}")

    found = dict(objects({key: item for key, item in PUBLISHED.items() if key != "$schema"}, ""))
    assert len(found) > 10
    for place, node in found.items():
        assert node["additionalProperties"] is False, place
        for name, field in node["properties"].items():
            assert name in ("config", "secure") or field["description"], f"{place}.{name}"
            assert "title" not in field, f"{place}.{name}"


@pytest.mark.parametrize(
    ("config", "accepted"),
    [
        (REGION, True),
        ({}, False),
        (own(caEnabled=True), True),
        (own(caEnabled="true"), True),
        (own(caEnabled="True"), False),
        (own(caEnabled=1), False),
        (own(caEnabled=None), False),
        (own(caenabled=True), False),
        (own(accountId=1234567890123456), True),
        (own(accountId="1234567890123456"), True),
        (own(accountId=" "), False),
        (own(accountId="<the account's number>"), False),
        ({"alicloud:region": "<region>"}, False),
        (own(awaitTimeoutSeconds=60), True),
        (own(awaitTimeoutSeconds="60"), True),
        (own(awaitTimeoutSeconds=0), False),
        (own(awaitTimeoutSeconds=1.5), False),
        (own(awaitTimeoutSeconds=3601), False),
        (own(listeners={}), True),
        (own(listeners='{"https": {"albConfig": "alb", "port": 443}}'), True),
        (own(listeners=[]), False),
        (own(listeners={"https": {"albConfig": "alb", "port": 443.0}}), True),
        (own(listeners={"https": {"albConfig": "alb", "port": "443"}}), False),
        (own(listeners={"https": {"albConfig": "alb", "port": True}}), False),
        (own(listeners={"https": {"albConfig": "alb", "port": 65536}}), False),
        (own(listeners={"https": {"albConfig": "<name>", "port": 443}}), False),
        (own(listeners={"https": {"alb_config": "alb", "port": 443}}), False),
        (own(listeners={"https": {"port": 443}}), False),
        (own(listeners={"https-": {"albConfig": "alb", "port": 443}}), False),
        (own(listeners={"https": {"albConfig": "alb", "port": 443, "caEnabled": "true"}}), False),
        (own(listeners={"https": {"albConfig": "alb", "port": 443, "verify": {"path": "healthz"}}}), False),
        (own(listeners={"https": {"albConfig": "alb", "port": 443, "verify": {"address": None}}}), True),
        (own(listeners={"https": {"albConfig": "alb", "port": 443, "verify": None}}), False),
        (own(authorities={}), False),
        (own(authorities={"root": {}}), True),
        (own(authorities={"root": {"keyAlgorithm": "RSA-1024"}}), False),
        (own(authorities={"root": {"subject": {"countryName": "CN"}}}), True),
        (own(authorities={"root": {"subject": {"countryName": "cn"}}}), False),
        (own(authorities={"root": {"subject": {"country": "CN"}}}), False),
        (own(authorities={"root": {"subject": {"localityName": " Hangzhou"}}}), False),
        (own(authorities={"root": {"subject": {"emailAddress": "pki"}}}), False),
        (own(authorities={"root": BROUGHT}), True),
        (own(authorities={"root": BROUGHT}, authorityPrivateKeys={"root": {"secure": KEY}}), True),
        (
            own(authorities={"root": BROUGHT}, authorityPrivateKeys={"secure": json.dumps({"root": KEY})}),
            True,
        ),
        (own(authorityPrivateKeys={"root": 5}), False),
        (own(clients={"web": {}}), True),
        (own(clients={"web": None, "app": ""}), True),
        (own(clients=None, authorityPrivateKeys=None, listeners=""), True),
        (own(clients="null"), True),
        (own(authorities={"root": None}), True),
        (own(authorities=None), False),
        (own(authorities={"corp": {"caCertificateId": 15683209}}), False),
        (own(listeners={"https": None}), False),
        (own(clients={"web": {"csr": request()}}), True),
        (own(clients={"web": {"csr": None, "renewBeforeDays": None, "uris": None}}), True),
        (own(clients={"web": {"uris": "spiffe://example.com/web"}}), False),
        (own(clients={"web": {"uris": ["spiffe://example.com/web"]}}), True),
        (own(clients={"web": {"validityDays": 3651}}), False),
        ({**REGION, "alicloud:endpoints": {"cas": "127.0.0.1:80"}}, True),
        ({**REGION, "alicloud:endpoints": [{"cas": "127.0.0.1:80"}]}, True),
        ({**REGION, "alicloud:endpoints": None}, True),
        ({**REGION, "alicloud:assumeRole": None}, False),
        ({**REGION, "alicloud:endpoints": {"cas": "https://127.0.0.1"}}, False),
        ({**REGION, "alicloud:endpoints": {"ecs": "127.0.0.1"}}, False),
        ({**REGION, "alicloud:assumeRole": {"roleArn": "acs:ram::1:role/x", "sessionExpiration": 900}}, True),
        ({**REGION, "alicloud:assumeRole": {"sessionName": "x"}}, False),
        ({**REGION, "alicloud:assumeRole": []}, False),
        (
            {**REGION, "alicloud:assumeRoleWithOidc": [{"roleArn": "acs:ram::1:role/x", "oidcToken": "x"}]},
            False,
        ),
        ({**REGION, "alicloud:secretKey": {"secure": "v1:x"}}, True),
        ({**REGION, "alicloud:securityToken": {"secure": "v1:x"}}, False),
        ({**REGION, "alicloud:skipRegionValidation": True}, False),
        ({**REGION, "kubernetes:kubeconfig": "~/.kube/config"}, True),
        ({**REGION, "kubernetes:kubeconfig": "apiVersion: v1\nkind: Config\n"}, False),
        ({**REGION, "kubernetes:namespace": "x"}, False),
        ({**REGION, "aws:region": "eu-west-1"}, True),
        ({**REGION, "aws:region": "<fill in>"}, True),
        ({**REGION, "kubernetes:context": "<fill in>"}, False),
    ],
)
def test_parser_and_schema_say_the_same_of_an_example(config: dict[str, Any], accepted: bool) -> None:
    assert (not problems(config), fits(config)) == (accepted, accepted), problems(config)


@pytest.mark.parametrize(
    ("reason", "config"),
    [
        (
            "that two listeners are one",
            own(listeners={"a": {"albConfig": "alb", "port": 443}, "b": {"albConfig": "alb", "port": 443}}),
        ),
        (
            "that names differ only in case",
            own(clients={"web": {}, "Web": {"subject": {"commonName": "other"}}}),
        ),
        (
            "that two subjects are one",
            own(authorities={"root": {"subject": SAME}}, clients={"web": {"subject": SAME}}),
        ),
        ("which authorities there are", own(issuingAuthority="other")),
        (
            "that a field excludes another one",
            own(authorities={"root": {"caCertificateId": "1-cn", **BROUGHT}}),
        ),
        (
            "that a renewal comes before the end",
            own(clients={"web": {"validityDays": 10, "renewBeforeDays": 10}}),
        ),
        ("that an id is used twice", own(authorities=TWICE, issuingAuthority="a", trustedAuthority="a")),
        ("which key is missing", own(authorities={"root": BROUGHT}, clients={"web": {}})),
        (
            "what stands in a certificate, request or key",
            own(authorities={"root": {"certificate": "no/such/file.pem"}}),
        ),
        ("what a URI is", own(clients={"web": {"uris": ["no uri"]}})),
        (
            "which characters can be seen, and how many bytes they are",
            own(clients={"web": {"subject": {"commonName": "\u00fc" * 33}}}),
        ),
        ("what stands in JSON text", own(listeners="{")),
        ("the range of a number in quotes", own(awaitTimeoutSeconds="9999")),
    ],
)
def test_what_only_the_parser_knows_it_refuses_with_the_sentence_that_is_listed(
    reason: str, config: dict[str, Any]
) -> None:
    assert fits(config)
    found = problems(config)
    assert found
    assert all(re.search(ONLY_THE_PARSER_KNOWS[reason], problem) for problem in found), found


def test_a_secret_deep_in_an_object_is_only_known_to_the_schema_where_keys_are() -> None:
    config = own(clients={"web": {"subject": {"commonName": {"secure": "hidden"}}}})
    assert not problems(config)
    assert not fits(config)


TEXTS = st.sampled_from(
    [
        "alb",
        "",
        " ",
        "/",
        "true",
        "0",
        "443",
        "<fill in>",
        "web.example.com",
        "x" * 300,
        "Z\u00fcrich",
        "a@example.com",
    ]
)
SCALARS = st.one_of(TEXTS, st.booleans(), st.integers(-1, 70_000), st.sampled_from([0.5, 443.0]))
ANYTHING = st.one_of(SCALARS, st.none(), st.just([]), st.just({}), st.just(["alb"]), st.just({"alb": 1}))
NAMES = st.sampled_from(["web", "api", "a.b-c_d", "x" * 63, "x" * 64, "-web", "", "<name>"])


def either(right: st.SearchStrategy[Any], wrong: st.SearchStrategy[Any] = ANYTHING) -> st.SearchStrategy[Any]:
    return st.one_of(right, right, right, wrong)


def entry(
    fields: dict[str, st.SearchStrategy[Any]], required: tuple[str, ...] = ()
) -> st.SearchStrategy[Any]:
    """An object with some of these fields, rarely with an unknown one or without one that
    it needs.
    """
    optional = {**{name: either(value) for name, value in fields.items() if name not in required}}
    whole = st.fixed_dictionaries({name: either(fields[name]) for name in required}, optional=optional)
    lacking = st.fixed_dictionaries(
        {}, optional={**{name: fields[name] for name in required}, "else": SCALARS}
    )
    return st.one_of(whole, whole, whole, lacking)


DAYS = st.integers(1, 3650)
SUBJECT = entry(
    {
        "countryName": st.just("CN"),
        "organizationName": TEXTS,
        "commonName": TEXTS,
        "emailAddress": st.just("a@example.com"),
    }
)
ALGORITHM = st.sampled_from(["RSA-4096", "ECDSA-P256", "RSA-1024"])
VERIFY = entry({"address": TEXTS, "serverName": TEXTS, "path": st.sampled_from(["/", "/healthz", "healthz"])})
LISTENER = entry(
    {"albConfig": TEXTS, "port": st.integers(1, 65_535), "caEnabled": st.booleans(), "verify": VERIFY},
    ("albConfig", "port"),
)
AUTHORITY = entry(
    {
        "subject": SUBJECT,
        "keyAlgorithm": ALGORITHM,
        "validityDays": DAYS,
        "caCertificateId": TEXTS,
        "certificate": TEXTS,
    }
)
CLIENT = entry(
    {
        "subject": SUBJECT,
        "keyAlgorithm": ALGORITHM,
        "validityDays": DAYS,
        "renewBeforeDays": st.integers(0, 3650),
        "uris": st.lists(st.sampled_from(["spiffe://example.com/web", "urn:x:1"]), max_size=2),
        "csr": TEXTS,
    }
)
BLOCK = entry({"alb": st.just("127.0.0.1:80"), "cas": TEXTS, "sts": TEXTS})
ROLE = entry(
    {
        "roleArn": TEXTS,
        "sessionName": TEXTS,
        "sessionExpiration": st.integers(900, 43_200),
        "policy": st.just("{}"),
    },
    ("roleArn",),
)
OIDC = entry(
    {"roleArn": TEXTS, "oidcProviderArn": TEXTS, "oidcTokenFile": TEXTS, "sessionExpiration": DAYS},
    ("roleArn",),
)


def several(item: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return either(st.dictionaries(NAMES, either(item), max_size=2))


KEYS: dict[str, st.SearchStrategy[Any]] = {
    **{
        f"{PROJECT}:{key}": either(st.booleans())
        for key in ("caEnabled", "awaitListener", "cutOff", "takeOver", "deletionProtection")
    },
    f"{PROJECT}:awaitTimeoutSeconds": either(st.integers(1, 3600)),
    f"{PROJECT}:listeners": several(LISTENER),
    f"{PROJECT}:authorities": several(AUTHORITY),
    f"{PROJECT}:authorityPrivateKeys": either(st.dictionaries(st.just("root"), SCALARS, max_size=1)),
    f"{PROJECT}:clients": several(CLIENT),
    # A list or an object where text is wanted reaches the parser as its JSON text, so those are not
    # among these.
    **{
        f"{PROJECT}:{key}": SCALARS
        for key in ("issuingAuthority", "trustedAuthority", "repository", "accountId", "ackClusterId")
    },
    **{
        f"alicloud:{key}": SCALARS
        for key in ("region", "accountType", "protocol", "profile", "accessKey", "secretKey", "securityToken")
    },
    "alicloud:endpoints": st.one_of(BLOCK, BLOCK.map(lambda block: [block])),
    "alicloud:assumeRole": st.one_of(ROLE, ROLE.map(lambda block: [block])),
    "alicloud:assumeRoleWithOidc": OIDC,
    "kubernetes:kubeconfig": st.one_of(SCALARS, st.just("a: b\nc: d")),
    "kubernetes:context": SCALARS,
    "aws:region": SCALARS,
    f"{PROJECT}:unknown": SCALARS,
}


@settings(max_examples=examples(400))
@given(
    st.lists(st.sampled_from(sorted(KEYS)), max_size=3, unique=True).flatmap(
        lambda keys: st.fixed_dictionaries({key: KEYS[key] for key in keys})
    ),
    st.booleans(),
)
def test_parser_and_schema_say_the_same_of_any_configuration(config: dict[str, Any], located: bool) -> None:
    config = {**REGION, **config} if located else config
    found = problems(config)
    if fits(config):
        assert all(
            any(re.search(rule, problem) for rule in ONLY_THE_PARSER_KNOWS.values()) for problem in found
        ), found
    else:
        assert found


def test_pulumi_yaml_declares_no_key_of_its_own_because_a_declared_one_would_be_required_in_every_stack() -> (
    None
):
    project = yaml.safe_load((REPOSITORY / "Pulumi.yaml").read_text())
    assert project["name"] == PROJECT
    assert "config" not in project


@pytest.mark.parametrize("name", ["dev", "staging", "prod"])
def test_a_stack_file_names_the_schema_and_keeps_it_once_its_placeholders_are_filled_in(name: str) -> None:
    text = (REPOSITORY / f"Pulumi.{name}.yaml").read_text()
    assert text.startswith("# yaml-language-server: $schema=docs/configuration.schema.json\n")
    config = yaml.safe_load(text)["config"]
    left = [
        problem.removesuffix(found[0])
        for problem in problems(config)
        if (found := re.search(": is still the template's placeholder.*", problem))
    ]
    assert left == (
        []
        if name == "dev"
        else ["accountId", "listeners.https.albConfig", "alicloud:region", "kubernetes:context"]
    )
    assert len(problems(config)) == len(left)
    assert fits(config) == (name == "dev")
    filled = yaml.safe_load(re.sub(r"<[^<>\n]*>", "filled-in", text))["config"]
    assert problems(filled) == []
    assert fits(filled)
