"""The stack configuration, read as a whole: one frozen `Settings`, or every error at once.

The engine checks declared keys one at a time and without saying what to do, so Pulumi.yaml declares
almost none and this module parses the project's namespace itself, together with the `alicloud:` and
`kubernetes:` keys that say where and as whom the provider works.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError
from pydantic.alias_generators import to_snake

from .arguments import AlbMutualTlsArgs
from .models import AuthorityArgs, ClientArgs, ClientSecretArgs, ListenerArgs, VerifyArgs

PROJECT: Final = "alb-mutual-tls"
PLACEHOLDER: Final = re.compile("<[^<>]*>")
"""What stands in a template in place of a value that only the team knows."""
_JUDGED: Final = (f"{PROJECT}:", "alicloud:", "kubernetes:")
"""The namespaces whose values this module reads."""
_BOOLEANS: Final = frozenset({"caEnabled", "awaitListener", "cutOff", "takeOver", "deletionProtection"})
_INTEGERS: Final = frozenset({"awaitTimeoutSeconds"})
_OBJECTS: Final = frozenset({"listeners", "authorities", "clients"})
EMPTY: Final = frozenset({"", "null"})
"""How the engine hands over what has no value in YAML, at present and, as it says, in a later
version.
"""
_SECRETS: Final = frozenset({"authorityPrivateKeys"})
"""Objects whose values are never shown."""
_TEXTS: Final = frozenset({"issuingAuthority", "trustedAuthority", "repository"})
_PLACE: Final = frozenset({"accountId", "ackClusterId"})
_KEYS: Final = _BOOLEANS | _INTEGERS | _OBJECTS | _SECRETS | _TEXTS | _PLACE
_HIDDEN: Final = frozenset({"authorityPrivateKeys", "repository", "ackClusterId"})
"""Keys of this project that the state holds encrypted as a whole where they are secret."""
_KUBERNETES: Final = frozenset({"kubeconfig", "context"})
_ALICLOUD_TEXTS: Final = frozenset(
    {
        "region",
        "accountType",
        "protocol",
        "accessKey",
        "secretKey",
        "profile",
        "ecsRoleName",
        "credentialsUri",
    }
)
_ALICLOUD_OBJECTS: Final = frozenset({"endpoints", "assumeRole", "assumeRoleWithOidc"})
_ENDPOINTS: Final = ("cas", "alb", "sts", "cs")


class SettingsError(Exception):
    """Everything that is wrong with the configuration, one sentence a line: key, value, rule,
    remedy.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Settings:
    """A stack's configuration: what the component declares, and the properties of the provider
    `albmtls`.

    `secrets`: the keys, without their namespaces, of which something was set with --secret; what
    comes from them is kept out of the state's clear text.
    """

    arguments: AlbMutualTlsArgs
    provider: Mapping[str, Any]
    without_defaults: frozenset[str] = frozenset()
    """Packages whose default provider is forbidden (`pulumi:disable-default-providers`), `*` for
    all.
    """
    secrets: frozenset[str] = frozenset()

    def needs_explicit(self, package: str) -> bool:
        """Whether resources of a package need a provider that the program makes."""
        return not self.without_defaults.isdisjoint({"*", package})

    @property
    def shown(self) -> list[str]:
        """The keys of `secrets` that hold what the state shows all the same."""
        return sorted(self.secrets & (_KEYS - _HIDDEN))


def parse(
    values: Mapping[str, str], is_secret: Callable[[str], bool] = frozenset[str]().__contains__
) -> Settings:
    """Read the configuration as the engine hands it over: full keys (`alb-mutual-tls:caEnabled`),
    every value as text, objects as JSON text.

    `is_secret`: whether anything of a full key was set with --secret; the engine does not say what
    of an object. Raises `SettingsError` with all problems.
    """
    problems: list[str] = []
    own = _namespace(values, PROJECT)
    problems += map(_unknown_key, sorted(own.keys() - _KEYS))
    problems += [
        f"{key}: is still the template's placeholder; put the real value there (pulumi config set --path"
        f" {key} VALUE), or remove it"
        for key in _placeholders(values)
    ]
    parsed: dict[str, Any] = {}
    for key in sorted(own.keys() & _KEYS):
        try:
            parsed[key] = _value(key, own[key])
        except ValueError as error:
            problems.append(f"{key}: {error}")
    provider = _provider(values, problems)
    provider |= {key: parsed.pop(key) for key in sorted(_PLACE) if key in parsed}
    for key in _OBJECTS & parsed.keys():  # an entry that was left empty in YAML is an empty object
        parsed[key] = {name: {} if entry in (None, "") else entry for name, entry in parsed[key].items()}
    try:
        # by_name=False: a stack's file has one spelling, the documented one.
        arguments = AlbMutualTlsArgs.model_validate(parsed, by_alias=True, by_name=False)
    except ValidationError as error:
        problems += _sentences(error)
    if problems:
        raise SettingsError(problems)
    secrets = frozenset(key.partition(":")[2] for key in values if key.startswith(_JUDGED) and is_secret(key))
    return Settings(
        arguments=arguments, provider=provider, without_defaults=_without_defaults(values), secrets=secrets
    )


def _without_defaults(values: Mapping[str, str]) -> frozenset[str]:
    """The engine checks the value before the program runs."""
    try:
        found = json.loads(values.get("pulumi:disable-default-providers", "[]"))
    except ValueError:
        return frozenset()
    return frozenset(one for one in found if isinstance(one, str)) if isinstance(found, list) else frozenset()


def _unknown_key(key: str) -> str:
    near = _near(key, _KEYS)
    if near is None:
        return f"{key}: is no key of this project; remove it, the keys are {', '.join(sorted(_KEYS))}"
    return (
        f"{key}: unknown key; did you mean {near}? Then rename it: pulumi config rm {key}, and set {near} in"
        " its place"
    )


def _near(name: str, known: Iterable[str]) -> str | None:
    return next(iter(difflib.get_close_matches(name, list(known), n=1, cutoff=0.9)), None)


def _namespace(values: Mapping[str, str], name: str) -> dict[str, str]:
    return {
        key.removeprefix(f"{name}:"): value for key, value in values.items() if key.startswith(f"{name}:")
    }


def _placeholders(values: Mapping[str, str]) -> Iterator[str]:
    """Where a template was not filled in; this project's keys without their namespace.

    What keys of other namespaces (`aws:region`) may hold is their providers' business.
    """
    for key in sorted(key for key in values if key.startswith(_JUDGED)):
        try:
            content = json.loads(values[key])
        except ValueError:
            content = values[key]
        yield from (
            place
            for place, text in _texts(key.removeprefix(f"{PROJECT}:"), content)
            if PLACEHOLDER.fullmatch(text)
        )


def _texts(place: str, content: Any) -> Iterator[tuple[str, str]]:
    if isinstance(content, str):
        yield place, content
    elif isinstance(content, dict):
        for key, item in content.items():
            yield from _texts(f"{place}.{key}", item)
    elif isinstance(content, list):
        for number, item in enumerate(content):
            yield from _texts(f"{place}[{number}]", item)


def _value(key: str, text: str) -> Any:
    if key in _BOOLEANS:
        if text not in ("true", "false"):
            raise ValueError(f"{text!r} is neither true nor false: pulumi config set {key} true (or false)")
        return text == "true"
    if key in _INTEGERS:
        if not text.isascii() or not text.isdigit():
            raise ValueError(f"{text!r} is no whole number: pulumi config set {key} 180")
        return int(text)
    if key in _OBJECTS:
        return _json_object(text)
    if key in _SECRETS:
        return _secret_object(text)
    if not text.strip():
        raise ValueError(f"is empty: give a value, or remove it with pulumi config rm {key}")
    return text


def _json_object(text: str) -> dict[str, Any]:
    if text in EMPTY:
        return {}
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ValueError(
            f"{_shortened(text)} is no JSON object ({error}); write it as an object in Pulumi.<stack>.yaml"
        ) from None
    if not isinstance(value, dict):
        raise ValueError(
            f"{_shortened(text)} is no JSON object; write it as an object in Pulumi.<stack>.yaml"
        )
    return value


def _secret_object(text: str) -> dict[str, Any]:
    if text in EMPTY:
        return {}
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise ValueError(
            "is no object of names and PEM texts (what it holds is not shown); set each with "
            "pulumi config set --secret --path authorityPrivateKeys.NAME < key.pem"
        )
    return value


def _shortened(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:57]}...")


def _provider(values: Mapping[str, str], problems: list[str]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    kubernetes = _namespace(values, "kubernetes")
    for key in sorted(kubernetes):
        if key not in _KUBERNETES:
            problems.append(
                f"kubernetes:{key}: is not honoured here; remove it, the keys are"
                f" {', '.join(sorted(_KUBERNETES))}"
            )
        elif key == "kubeconfig" and "\n" in kubernetes[key].strip():
            problems.append(
                "kubernetes:kubeconfig: holds a kubeconfig's content, which expires in state; write it to a"
                " file and give the path, or use KUBECONFIG"
            )
        else:
            result[key] = kubernetes[key]
    alicloud = _namespace(values, "alicloud")
    for key in sorted(alicloud):
        if key == "securityToken":
            problems.append(
                "alicloud:securityToken: expires, so it cannot stand in the configuration; "
                "remove it and give it by ALIBABA_CLOUD_SECURITY_TOKEN or a profile"
            )
        elif key in _ALICLOUD_TEXTS:
            result[key] = alicloud[key]
        elif key in _ALICLOUD_OBJECTS:
            try:
                result[key] = (
                    _endpoints(alicloud[key]) if key == "endpoints" else _assumed_role(key, alicloud[key])
                )
            except ValueError as error:
                problems.append(f"alicloud:{key}: {error}")
        else:
            honoured = ", ".join(sorted(_ALICLOUD_TEXTS | _ALICLOUD_OBJECTS))
            problems.append(f"alicloud:{key}: is not honoured here; remove it, the keys are {honoured}")
    if "region" not in alicloud:
        problems.append(
            "alicloud:region: not set; it is the region of the ALB: pulumi config set alicloud:region"
            " cn-hangzhou"
        )
    return result


def _list_or_object(text: str) -> dict[str, Any]:
    """The Alibaba Cloud provider keeps single blocks as lists of one object, or of several that
    complete each other.
    """
    try:
        blocks = json.loads(text) if text.lstrip().startswith("[") else [_json_object(text)]
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{_shortened(text)} is no JSON ({error}); write it as an object in Pulumi.<stack>.yaml"
        ) from None
    if not all(isinstance(block, dict) for block in blocks):
        raise ValueError(
            f"{_shortened(text)} is no list of objects; write it as an object in Pulumi.<stack>.yaml"
        )
    return {key: item for block in blocks for key, item in block.items()}


def _no_text(what: str, value: float, path: str) -> str:
    """A sentence for a number or boolean where text is wanted.

    It is not taken for its digits: the engine has read `0123` in YAML as 83, `1e5` as 100000 and
    long numbers as round ones, and what stood there is lost.
    """
    kind = "true or false" if isinstance(value, bool) else "a number"
    return (
        f"{what} {kind}, {json.dumps(value)}, and text is wanted; put it in quotes, or use pulumi config set"
        f" --path --type string '{path}' TEXT"
    )


def _endpoints(text: str) -> dict[str, str]:
    found = _list_or_object(text)
    foreign = sorted(found.keys() - set(_ENDPOINTS))
    if foreign:
        raise ValueError(
            f"{foreign[0]!r} is not honoured here; remove it, the endpoints are {', '.join(_ENDPOINTS)}"
        )
    wrong = [name for name, host in found.items() if not isinstance(host, str) or not host or "/" in host]
    if wrong:
        raise ValueError(
            f"{wrong[0]} {found[wrong[0]]!r} is no host; give HOST or HOST:PORT without a scheme, for"
            " instance cas.aliyuncs.com"
        )
    return found


_ROLE_FIELDS: Final = {
    "assumeRole": {
        "roleArn": str,
        "sessionName": str,
        "sessionExpiration": int,
        "externalId": str,
        "policy": str,
    },
    "assumeRoleWithOidc": {
        "roleArn": str,
        "oidcProviderArn": str,
        "oidcTokenFile": str,
        "roleSessionName": str,
        "sessionExpiration": int,
        "policy": str,
    },
}


def _assumed_role(key: str, text: str) -> dict[str, Any]:
    fields = _ROLE_FIELDS[key]
    found = _list_or_object(text)
    foreign = sorted(found.keys() - fields.keys())
    if foreign:
        raise ValueError(
            f"{foreign[0]!r} is not honoured here; remove it, the fields are {', '.join(fields)}"
        )
    wrong = [
        name
        for name, value in found.items()
        if not isinstance(value, fields[name]) or isinstance(value, bool)
    ]
    if wrong:
        if fields[wrong[0]] is str and isinstance(found[wrong[0]], bool | int | float):
            raise ValueError(_no_text(f"{wrong[0]} is", found[wrong[0]], f"alicloud:{key}.{wrong[0]}"))
        kind = "a whole number of seconds" if fields[wrong[0]] is int else "text"
        raise ValueError(f"{wrong[0]} is {found[wrong[0]]!r}; give {kind}")
    if "roleArn" not in found:
        raise ValueError("roleArn is missing: give the role's ARN, acs:ram::<account>:role/<name>")
    return found


# --- pydantic's errors as sentences: key, value, rule, remedy

_KIND_NAMES: Final = {
    "int_type": "a whole number",
    "bool_type": "true or false, without quotes",
    "string_type": "text",
    "dict_type": "an object",
    "model_type": "an object",
    "tuple_type": "a list",
}
_FIELDS: Final[dict[str, type[ListenerArgs] | type[AuthorityArgs] | type[ClientArgs]]] = {
    "listeners": ListenerArgs,
    "authorities": AuthorityArgs,
    "clients": ClientArgs,
}


_NESTED: Final[dict[str, type[VerifyArgs] | type[ClientSecretArgs]]] = {
    "verify": VerifyArgs,
    "secret": ClientSecretArgs,
}


def _sentences(error: ValidationError) -> list[str]:
    sentences: list[str] = []
    for item in error.errors(include_url=False):
        place = [str(part) for part in item["loc"]]
        key = ".".join(place)
        kind, value, context = item["type"], item["input"], item.get("ctx", {})
        if kind == "value_error":
            text = str(context["error"])
            sentences += [line if not key else f"{key}: {line}" for line in text.split("\n")]
        elif kind == "extra_forbidden":
            fields = _fields(place)
            near = _near(place[-1], fields)
            sentences.append(
                f"{key}: is no field here; remove it, the fields are {', '.join(fields)}"
                if near is None
                else f"{key}: unknown field; did you mean {near}? Then rename it: put {near} in its place"
            )
        elif kind == "missing":
            whose = f"entry of {place[0]}" if len(place) == 3 else place[-2]
            sentences.append(f"{key}: not set; give it, as every {whose} needs it")
        elif kind == "string_type" and isinstance(value, bool | int | float):
            sentences.append(_no_text(f"{key}: is", value, _config_path(item["loc"])))
        elif kind in _KIND_NAMES and value is None:
            sentences.append(f"{key}: is empty; give a value, or remove the key")
        elif kind in _KIND_NAMES:
            sentences.append(f"{key}: is {_shortened(str(value))}; give {_KIND_NAMES[kind]}")
        elif kind == "greater_than_equal":
            sentences.append(f"{key}: is {value}; give at least {context['ge']}")
        elif kind == "less_than_equal":
            sentences.append(f"{key}: is {value}; give at most {context['le']}")
        elif kind in ("string_too_short", "too_short"):
            sentences.append(f"{key}: is empty; give a value, or remove the key")
        elif kind == "string_too_long":
            sentences.append(
                f"{key}: {_shortened(str(value))} is too long; give at most {context['max_length']}"
                " characters"
            )
        else:
            sentences.append(f"{key}: {_shortened(str(value))} cannot be used ({item['msg']}); correct it")
    return sentences


def _config_path(place: Sequence[str | int]) -> str:
    """A place as `pulumi config set --path` takes it."""
    path = ""
    for part in place:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            path += f'["{part}"]' if "." in part else f".{part}" if path else part
    return path


def _fields(place: list[str]) -> list[str]:
    model: Any = _NESTED.get(place[-2]) or _FIELDS[place[0]]
    return [field.alias or to_snake(name) for name, field in model.model_fields.items()]
