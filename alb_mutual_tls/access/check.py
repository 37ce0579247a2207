"""The properties of the provider resource `albmtls`: which there are, and what is wrong with given
ones. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from alb_mutual_tls.wire import CheckFailure, Properties, has_unknown

_TEXTS = (
    "kubeconfig",
    "context",
    "region",
    "accountType",
    "protocol",
    "accessKey",
    "secretKey",
    "profile",
    "ecsRoleName",
    "credentialsUri",
    "accountId",
    "ackClusterId",
)
_OBJECTS = {
    "endpoints": ("cas", "alb", "sts", "cs"),
    "assumeRole": ("roleArn", "sessionName", "sessionExpiration", "externalId", "policy"),
    "assumeRoleWithOidc": (
        "roleArn",
        "oidcProviderArn",
        "oidcTokenFile",
        "roleSessionName",
        "sessionExpiration",
        "policy",
    ),
}
_NEEDED = {"assumeRole": ("roleArn",), "assumeRoleWithOidc": ("roleArn", "oidcProviderArn", "oidcTokenFile")}
_OF_THE_ENGINE = ("version", "pluginDownloadURL")
_STARTS = ("accessKey", "profile", "credentialsUri", "ecsRoleName", "assumeRoleWithOidc")


def check(properties: Properties) -> list[CheckFailure]:
    """Everything that is wrong with the configuration, without asking anybody; values that are not
    known yet are passed over.
    """
    known = {
        key: value
        for key, value in properties.items()
        if not key.startswith("__") and key not in (*_OF_THE_ENGINE, *RECORDED)
    }
    failures = [
        CheckFailure(
            key,
            f"the provider albmtls has no property {key}: remove it, the properties are"
            f" {', '.join(sorted((*_TEXTS, *_OBJECTS)))}",
        )
        for key in sorted(known)
        if key not in _TEXTS and key not in _OBJECTS
    ]
    present = {
        key: value for key, value in known.items() if value not in (None, "") and not has_unknown(value)
    }
    for key in _TEXTS:
        if (
            key in present
            and not isinstance(present[key], str)
            and not (key == "accountId" and isinstance(present[key], int))
        ):
            shown = "no text" if key == "secretKey" else repr(present[key])
            failures.append(CheckFailure(key, f"{key} is {shown}: give a text"))
    for key in _OBJECTS:
        if key in present:
            failures.extend(_check_object(key, present[key]))
    _check_choice(failures, present, "accountType", ("domestic", "international"))
    _check_choice(failures, present, "protocol", ("https", "http"))
    for one, other in (("accessKey", "secretKey"), ("secretKey", "accessKey")):
        if one in present and known.get(other) in (None, ""):
            failures.append(
                CheckFailure(
                    one, f"{one} is set and {other} is not: set both, or neither to use other credentials"
                )
            )
    starts = [key for key in _STARTS if key in present]
    if len(starts) > 1:
        failures.append(
            CheckFailure(starts[1], f"{' and '.join(starts)} are set: keep the one that is to be used")
        )
    if isinstance(present.get("accountId"), str) and not present["accountId"].isdigit():
        failures.append(
            CheckFailure(
                "accountId",
                f"accountId is {present['accountId']}: give the digits of an Alibaba Cloud account id",
            )
        )
    return failures


def _check_choice(
    failures: list[CheckFailure], present: Properties, key: str, allowed: tuple[str, ...]
) -> None:
    if isinstance(present.get(key), str) and present[key].lower() not in allowed:
        failures.append(CheckFailure(key, f"{key} is {present[key]}: give one of {', '.join(allowed)}"))


def _check_object(key: str, value: Any) -> list[CheckFailure]:
    try:
        fields = plain(key, value)
    except ValueError:
        fields = None
    if not isinstance(fields, Mapping):
        return [CheckFailure(key, f"{key} is {value!r}: give an object with {', '.join(_OBJECTS[key])}")]
    failures = [
        CheckFailure(key, f"{key} has no field {name}: remove it, the fields are {', '.join(_OBJECTS[key])}")
        for name in sorted(fields)
        if name not in _OBJECTS[key]
    ]
    missing = [f"{key}.{name}" for name in _NEEDED.get(key, ()) if not fields.get(name)]
    if missing:
        failures.append(
            CheckFailure(
                key, f"{' and '.join(missing)} must be set: give {key} all of {', '.join(_NEEDED[key])}"
            )
        )
    for name, item in fields.items():
        if name == "sessionExpiration":
            if not isinstance(item, int) or isinstance(item, bool) or not 900 <= item <= 43_200:
                failures.append(
                    CheckFailure(key, f"{key}.sessionExpiration is {item!r}: give seconds from 900 to 43200")
                )
        elif not isinstance(item, str):
            failures.append(CheckFailure(key, f"{key}.{name} is {item!r}: give a text"))
        elif key == "endpoints" and ("/" in item or " " in item):
            failures.append(
                CheckFailure(
                    key,
                    f"endpoints.{name} is {item}: give a host like {name}.aliyuncs.com, without https:// (see"
                    " protocol)",
                )
            )
    return failures


def plain(key: str, value: Any) -> Any:
    """A value as it is meant: the engine hands objects over as JSON text, and numbers in it as
    text.
    """
    if key in _OBJECTS:
        fields = json.loads(value) if isinstance(value, str) else value
        if not isinstance(fields, Mapping):
            raise ValueError(key)
        present = {name: item for name, item in fields.items() if item not in (None, "")}
        seconds = present.get("sessionExpiration")
        if isinstance(seconds, str) and seconds.isdigit():
            present["sessionExpiration"] = int(seconds)
        return present
    return str(value) if key == "accountId" else value


CLUSTER: Final = "cluster"


ACCOUNT: Final = "account"


RECORDED: Final = (CLUSTER, ACCOUNT)
