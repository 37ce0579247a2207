"""The stack's configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from components.settings import parse
from tests.unit.errors.case import Case


def own(**keys: Any) -> Case:
    """Keys of the project's namespace: text as it is, everything else as the engine hands objects over."""
    values = {f"alb-mutual-tls:{key}": value if isinstance(value, str) else json.dumps(value) for key, value in keys.items()}
    return lambda _: parse({"alicloud:region": "cn-hangzhou", **values})


def others(key: str, value: str) -> Case:
    """A key of another provider's namespace."""
    return lambda _: parse({"alicloud:region": "cn-hangzhou", key: value})


def _no_region(_: Path) -> object:
    return parse({})


def _listener(**fields: Any) -> Case:
    return own(listeners={"https": {"albConfig": "alb", "port": 443, **fields}})


_SAME = {"commonName": "Root"}

CASES: dict[str, Case] = {
    "a key that is none": own(caenabled="true"),
    "a field that is none": own(clients={"web": {"validity": 3}}),
    "a listener without port": own(listeners={"https": {"albConfig": "alb"}}),
    "a boolean that is none": own(caEnabled="yes"),
    "a number that is none": own(awaitTimeoutSeconds="soon"),
    "an empty text": own(repository=""),
    "an empty field": _listener(albConfig=""),
    "a number in quotes": _listener(port="443"),
    "a port that is too low": _listener(port=0),
    "a port that is too high": _listener(port=65536),
    "a name that is too long": _listener(albConfig="a" * 254),
    "a field that the schema refuses otherwise": _listener(albConfig="\ud800"),
    "text for an object": own(clients="web"),
    "a list for an object": own(clients="[1]"),
    "a list that is cut off": others("alicloud:endpoints", "["),
    "a list of numbers": others("alicloud:endpoints", "[1]"),
    "a name of a listener": own(listeners={"-": {"albConfig": "alb", "port": 443}}),
    "a key algorithm": own(authorities={"root": {"keyAlgorithm": "RSA-1024"}}),
    "a path": _listener(verify={"path": "healthz"}),
    "two authorities": own(authorities={"a": {}, "b": {}}),
    "an authority that is none": own(trustedAuthority="other"),
    "one listener twice": own(listeners={"a": {"albConfig": "alb", "port": 443}, "b": {"albConfig": "alb", "port": 443}}),
    "clients alike": own(clients={"web": {}, "WEB": {}}),
    "authorities alike": own(authorities={"a": {"subject": _SAME}, "b": {"subject": _SAME}}, issuingAuthority="a", trustedAuthority="a"),
    "a client like its authority": own(
        authorities={"a": {"subject": {**_SAME, "organizationName": "o"}}},
        clients={"web": {"subject": {**_SAME, "organizationName": "o"}}},
    ),
    "no region": _no_region,
    "a key of alicloud": others("alicloud:sourceIp", "10.0.0.1"),
    "a token": others("alicloud:securityToken", "t"),
    "a key of kubernetes": others("kubernetes:cluster", "c"),
    "a kubeconfig's content": others("kubernetes:kubeconfig", "apiVersion: v1\nkind: Config\n"),
    "an endpoint of another product": others("alicloud:endpoints", '{"ecs": "ecs.aliyuncs.com"}'),
    "a URL for an endpoint": others("alicloud:endpoints", '{"cas": "https://cas.aliyuncs.com"}'),
    "a field of a role": others("alicloud:assumeRole", '{"roleArn": "r", "mfa": "1"}'),
    "seconds that are none": others("alicloud:assumeRole", '{"roleArn": "r", "sessionExpiration": "1h"}'),
    "no role": others("alicloud:assumeRole", '{"sessionName": "s"}'),
}
