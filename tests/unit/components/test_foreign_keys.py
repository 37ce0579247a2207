"""Keys of `alicloud:` and `kubernetes:`: each that their own providers know is honoured or refused,
none is ignored.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import re
from pathlib import Path

import fastjsonschema
import pytest
from pydantic.alias_generators import to_camel

from alb_mutual_tls.access import keys
from alb_mutual_tls.access.check import check
from alb_mutual_tls.access.keys import Field, Key
from alb_mutual_tls.alibaba.credentials import AssumedRole, OidcRole
from alb_mutual_tls.tokens import PROJECT
from components.schema import schema
from components.settings import SettingsError, parse

NAMES = [field.name for field in keys.by_name()["endpoints"].fields]
REPOSITORY = Path(__file__).resolve().parents[3]
HONOURED = {
    "alicloud:region": "cn-hangzhou",
    "alicloud:accountType": "international",
    "alicloud:endpoints": '{"cas": "127.0.0.1:1"}',
    "alicloud:protocol": "HTTP",
    "alicloud:accessKey": "a",
    "alicloud:secretKey": "s",
    "alicloud:profile": "p",
    "alicloud:assumeRole": '{"roleArn": "r"}',
    "alicloud:assumeRoleWithOidc": '{"roleArn": "r", "oidcProviderArn": "p", "oidcTokenFile": "f"}',
    "alicloud:ecsRoleName": "e",
    "alicloud:credentialsUri": "http://127.0.0.1:1/",
    "kubernetes:kubeconfig": "~/.kube/config",
    "kubernetes:context": "prod",
}
ROLE_FIELDS = {
    "assumeRole": {
        "roleArn": "r",
        "sessionName": "n",
        "sessionExpiration": 900,
        "externalId": "e",
        "policy": "{}",
    },
    "assumeRoleWithOidc": {
        "roleArn": "r",
        "oidcProviderArn": "p",
        "oidcTokenFile": "f",
        "roleSessionName": "n",
        "sessionExpiration": 900,
        "policy": "{}",
    },
}


def _source(package: str, file: str) -> str:
    """A file of an installed package, which is not imported: that takes seconds."""
    found = importlib.util.find_spec(package)
    assert found is not None
    assert found.origin is not None
    return (Path(found.origin).parent / file).read_text()


def _class(package: str, file: str, name: str) -> ast.ClassDef:
    return next(
        node
        for node in ast.walk(ast.parse(_source(package, file)))
        if isinstance(node, ast.ClassDef) and node.name == name
    )


def keys_of_the_alicloud_provider() -> list[str]:
    return [
        f"alicloud:{key}"
        for key in re.findall(r"__config__\.get\w*\('(\w+)'\)", _source("pulumi_alicloud", "config/vars.py"))
    ]


def keys_of_the_kubernetes_provider() -> list[str]:
    made = next(
        node
        for node in _class("pulumi_kubernetes", "provider.py", "ProviderArgs").body
        if isinstance(node, ast.FunctionDef)
    )
    return [f"kubernetes:{to_camel(argument.arg)}" for argument in made.args.kwonlyargs]


def fields_of_the_alicloud_provider(name: str) -> list[str]:
    made = [
        node
        for node in ast.walk(_class("pulumi_alicloud", "config/outputs.py", name))
        if isinstance(node, ast.FunctionDef)
    ]
    fields = next(node for node in made if node.name == "__init__").args.kwonlyargs
    return [to_camel(argument.arg) for argument in fields]


def refusal(key: str, value: str) -> str | None:
    try:
        found = parse({"alicloud:region": "cn-hangzhou", key: value})
    except SettingsError as error:
        (sentence,) = error.problems
        return sentence
    assert found.provider[key.partition(":")[2]], "it is ignored"
    return None


def test_the_lists_of_the_other_providers_are_read() -> None:
    assert len(keys_of_the_alicloud_provider()) > 25
    assert len(keys_of_the_kubernetes_provider()) > 15
    assert set(HONOURED) < {*keys_of_the_alicloud_provider(), *keys_of_the_kubernetes_provider()}


@pytest.mark.parametrize("key", [*keys_of_the_alicloud_provider(), *keys_of_the_kubernetes_provider()])
def test_every_key_of_the_other_providers_is_honoured_or_refused_by_its_name(key: str) -> None:
    sentence = refusal(key, HONOURED.get(key, "x"))
    if key in HONOURED:
        assert sentence is None
    elif key == "alicloud:securityToken":
        assert sentence is not None
        assert sentence.startswith(
            "alicloud:securityToken: expires, so it cannot stand in the configuration; remove it and give"
            " it by"
        )
    else:
        assert sentence is not None
        assert sentence.startswith(f"{key}: is not honoured here; remove it, the keys are ")


@pytest.mark.parametrize(
    ("key", "name"), [("assumeRole", "AssumeRole"), ("assumeRoleWithOidc", "AssumeRoleWithOidc")]
)
def test_every_field_of_a_role_is_honoured_or_refused_by_its_name(key: str, name: str) -> None:
    fields = ROLE_FIELDS[key]
    theirs = fields_of_the_alicloud_provider(name)
    assert set(fields) <= set(theirs)
    assert (
        parse({"alicloud:region": "cn-hangzhou", f"alicloud:{key}": json.dumps(fields)}).provider[key]
        == fields
    )
    for field in set(theirs) - set(fields):
        sentence = refusal(f"alicloud:{key}", json.dumps({**fields, field: "x"}))
        assert sentence is not None
        assert sentence.startswith(
            f"alicloud:{key}: '{field}' is not honoured here; remove it, the fields are "
        )


def test_no_field_of_a_role_is_lost_on_the_way_to_sts() -> None:
    role = AssumedRole.of(ROLE_FIELDS["assumeRole"])
    assert role == AssumedRole("r", session_name="n", session_seconds=900, external_id="e", policy="{}")
    oidc = OidcRole.of(ROLE_FIELDS["assumeRoleWithOidc"])
    assert oidc == OidcRole("r", "p", "f", session_name="n", session_seconds=900, policy="{}")


def test_every_endpoint_of_the_other_provider_is_honoured_or_refused_by_its_name() -> None:
    theirs = fields_of_the_alicloud_provider("Endpoints")
    assert set(NAMES) < set(theirs)
    for name in theirs:
        sentence = refusal("alicloud:endpoints", json.dumps({name: "127.0.0.1:1"}))
        if name in NAMES:
            assert sentence is None
        else:
            assert sentence is not None
            assert sentence.startswith(
                f"alicloud:endpoints: '{name}' is not honoured here; remove it, the fields are cas, alb,"
                " sts, cs"
            )


def test_a_key_of_the_table_is_known_to_check_schema_and_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"alicloud:vault": '{"address": "a", "seconds": 900}', "alb-mutual-tls:tenant": "t"}
    properties = {"vault": {"address": "a", "seconds": 900}, "tenant": "t"}
    written = {key: json.loads(text) if text.startswith("{") else text for key, text in given.items()}
    document = {"config": {"alicloud:region": "cn-hangzhou", **written}}
    with pytest.raises(SettingsError):
        parse({"alicloud:region": "cn-hangzhou", **given})
    with pytest.raises(fastjsonschema.JsonSchemaException):
        fastjsonschema.compile(schema())(document)
    assert len(check(properties)) == 2
    fields = (Field("address", "its address", required=True), Field("seconds", "how long", kind="seconds"))
    vault = Key("alicloud", "vault", "where keys are kept", kind="object", fields=fields, base=True)
    tenant = Key(PROJECT, "tenant", "whose stack it is", secret=True)
    monkeypatch.setattr(keys, "KEYS", (*keys.KEYS, vault, tenant))
    assert parse({"alicloud:region": "cn-hangzhou", **given}).provider.items() >= properties.items()
    fastjsonschema.compile(schema())(document)
    assert check(properties) == []
    (failure,) = check({"vault": {"seconds": 1, "address": "a"}})
    assert failure.reason == "vault.seconds is 1: give seconds from 900 to 43200"
    sentence = refusal("alicloud:vault", '{"seconds": 900}')
    assert sentence == "alicloud:vault: address is missing; give its address"


def test_the_page_has_every_key_and_names_tests_that_exist() -> None:
    page = (REPOSITORY / "docs/configuration.md").read_text()
    section = page.partition("## How each key is honoured")[2].partition("\n## ")[0]
    parts = re.findall(r"^### (`.+)\n((?:(?!### ).*\n)+)", section, re.MULTILINE)
    honoured = {key: part for title, part in parts for key in re.findall(r"`(\w+:\w+)`", title)}
    table = {key.full: key for key in keys.KEYS if key.namespace != PROJECT}
    assert sorted(honoured) == sorted([*table, "alicloud:securityToken"])
    assert table.keys() == HONOURED.keys()
    for name, key in table.items():
        for field in key.fields:
            assert f"`{field.name}`" in honoured[name], f"{name}.{field.name}"
    where = page.partition("## Where, and as whom")[2].partition("\n## ")[0]
    for key in table.values():
        assert re.search(rf"`(\w+:)?{key.name}`", where), key.full
    assert all(f"`{key.name}`" in page for key in keys.KEYS if key.namespace == PROJECT)
    for title, part in parts:
        references = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", part)
        assert references, title
        for file, name in references:
            assert f"def {name}(" in (REPOSITORY / file).read_text(), f"{file} has no {name}"
