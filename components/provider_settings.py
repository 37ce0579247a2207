"""The keys under `alicloud:` and `kubernetes:` of a stack's file.

They become properties of the provider `albmtls`. Keys that the Alibaba Cloud or Kubernetes provider
knows and this program would ignore are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alb_mutual_tls.access.keys import ALICLOUD, KUBERNETES, Field, Key, by_name, under
from alb_mutual_tls.text import did_you_mean

from .json_text import json_blocks, not_text


def provider_settings(values: Mapping[str, str], problems: list[str]) -> dict[str, Any]:
    """The properties; what is wrong is added to `problems`, a sentence each.

    `values`: full keys with their values as text.
    """
    properties: dict[str, Any] = {}
    for namespace in (KUBERNETES, ALICLOUD):
        known = under(namespace)
        given = namespaced(values, namespace)
        for name in sorted(given):
            if name in known:
                try:
                    properties[name] = _value(known[name], given[name])
                except ValueError as error:
                    problems.append(f"{namespace}:{name}: {error}")
            elif name == "securityToken":
                problems.append(
                    "alicloud:securityToken: expires, so it cannot stand in the configuration; "
                    "remove it and give it by ALIBABA_CLOUD_SECURITY_TOKEN or a profile"
                )
            else:
                keys = ", ".join(sorted(known))
                problems.append(
                    f"{namespace}:{name}: is not honoured here; remove it, the keys are {keys}"
                    f"{did_you_mean(name, known)}"
                )
    problems += [
        f"{key.full}: not set; it is {key.description}: pulumi config set {key.full} {key.example}"
        for key in by_name().values()
        if key.required and key.full not in values
    ]
    return properties


def namespaced(values: Mapping[str, str], namespace: str) -> dict[str, str]:
    """The values of the keys under a namespace, by their names."""
    prefix = f"{namespace}:"
    return {key.removeprefix(prefix): value for key, value in values.items() if key.startswith(prefix)}


def _value(key: Key, text: str) -> Any:
    if key.kind == "path" and "\n" in text.strip():
        raise ValueError(
            "holds a kubeconfig's content, which expires in state; write it to a file and give the path, or"
            " use KUBECONFIG"
        )
    return _object(key, text) if key.kind == "object" else text


def _object(key: Key, text: str) -> dict[str, Any]:
    """The fields of an object.

    Of the fields that must be given only the first is demanded here: the provider's check demands
    the others, and a JSON Schema cannot, as several blocks may complete each other.
    """
    given = json_blocks(text)
    for name in sorted(name for name in given if key.field(name) is None):
        names = ", ".join(field.name for field in key.fields)
        raise ValueError(f"{name!r} is not honoured here; remove it, the fields are {names}")
    for name, value in given.items():
        field = key.field(name)
        assert field is not None
        _check_field(key, field, value)
    for name in key.required_fields[:1]:
        field = key.field(name)
        if name not in given and field is not None:
            raise ValueError(f"{name} is missing; give {field.description}")
    return given


def _check_field(key: Key, field: Field, value: Any) -> None:
    name = field.name
    if field.kind == "host":
        if not isinstance(value, str) or not value or "/" in value:
            raise ValueError(
                f"{name} {value!r} is not a host; give HOST or HOST:PORT without a scheme, for instance"
                " cas.aliyuncs.com"
            )
        return
    wanted, kind = (int, "a whole number of seconds") if field.kind == "seconds" else (str, "text")
    if isinstance(value, wanted) and not isinstance(value, bool):
        return
    if wanted is str and isinstance(value, bool | int | float):
        raise ValueError(not_text(f"{name} is", value, f"{key.full}.{name}"))
    raise ValueError(f"{name} is {value!r}; give {kind}")
