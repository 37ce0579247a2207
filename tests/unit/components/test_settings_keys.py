"""Keys of other namespaces in a stack file: honoured, refused, or not ours."""

from __future__ import annotations

import pytest

from components.settings import SettingsError, parse
from tests.unit.components.stack_settings import settings


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
