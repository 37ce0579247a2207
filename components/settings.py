"""The stack configuration, read as a whole: `Settings`, or every error at once.

The engine checks declared keys one at a time and without saying what to do, so Pulumi.yaml declares
almost none and this module parses the project's namespace itself, together with the `alicloud:` and
`kubernetes:` keys that say where and as whom the provider works.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from alb_mutual_tls.access.keys import ALICLOUD, KUBERNETES, under
from alb_mutual_tls.text import near
from alb_mutual_tls.tokens import PROJECT

from .arguments import AlbMutualTlsArgs
from .json_text import EMPTY, json_object
from .provider_settings import namespaced, provider_settings
from .validation import sentences

PLACEHOLDER: Final = re.compile("<[^<>]*>")
"""What stands in a template in place of a value that only the team knows."""
_JUDGED: Final = (f"{PROJECT}:", f"{ALICLOUD}:", f"{KUBERNETES}:")
"""The namespaces whose values are read here."""
_BOOLEANS: Final = frozenset({"caEnabled", "awaitListener", "cutOff", "takeOver", "deletionProtection"})
_INTEGERS: Final = frozenset({"awaitTimeoutSeconds"})
_OBJECTS: Final = frozenset({"listeners", "authorities", "clients", "clientGroups"})
_SECRETS: Final = frozenset({"authorityPrivateKeys"})
"""Objects whose values are never shown."""
_TEXTS: Final = frozenset({"issuingAuthority", "trustedAuthority", "repository"})
_HIDDEN: Final = frozenset({"authorityPrivateKeys", "repository", "ackClusterId"})
"""Keys of this project that the state holds encrypted as a whole where they are secret."""


class SettingsError(Exception):
    """Everything that is wrong with the configuration.

    One sentence a line: key, value, rule, remedy.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Settings:
    """A stack's configuration: the component's arguments, the provider's properties.

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
        return sorted(self.secrets & (_keys() - _HIDDEN))


def parse(
    values: Mapping[str, str],
    is_secret: Callable[[str], bool] = frozenset[str]().__contains__,
    project: str = PROJECT,
) -> Settings:
    """Read the configuration as the engine hands it over.

    It gives full keys (`alb-mutual-tls:caEnabled`), every value as text, objects as JSON text.
    `is_secret`: whether anything of a full key was set with --secret; the engine does not say what
    of an object. `project`: its name in Pulumi.yaml, under which Pulumi puts keys without a
    namespace. Raises `SettingsError` with all problems.
    """
    problems: list[str] = []
    if project != PROJECT:
        problems += map(_of_another_project, sorted(key for key in values if key.startswith(f"{project}:")))
    own, known = namespaced(values, PROJECT), _keys()
    problems += map(_unknown_key, sorted(own.keys() - known))
    problems += [
        f"{key}: is still the template's placeholder; put the real value there (pulumi config set --path"
        f" {key} VALUE), or remove it"
        for key in _placeholders(values)
    ]
    parsed: dict[str, Any] = {}
    for key in sorted(own.keys() & known):
        try:
            parsed[key] = _value(key, own[key])
        except ValueError as error:
            problems.append(f"{key}: {error}")
    provider = provider_settings(values, problems)
    provider |= {key: parsed.pop(key) for key in sorted(under(PROJECT)) if key in parsed}
    for key in _OBJECTS & parsed.keys():  # an entry that was left empty in YAML is an empty object
        parsed[key] = {name: {} if entry in (None, "") else entry for name, entry in parsed[key].items()}
    try:
        # by_name=False: a stack's file has one spelling, the documented one.
        arguments = AlbMutualTlsArgs.model_validate(parsed, by_alias=True, by_name=False)
    except ValidationError as error:
        problems += sentences(error)
    if problems:
        raise SettingsError(problems)
    secrets = frozenset(key.partition(":")[2] for key in values if key.startswith(_JUDGED) and is_secret(key))
    return Settings(
        arguments=arguments, provider=provider, without_defaults=_without_defaults(values), secrets=secrets
    )


def _without_defaults(values: Mapping[str, str]) -> frozenset[str]:
    """The engine checks the value before the program runs."""
    try:
        packages = json.loads(values.get("pulumi:disable-default-providers", "[]"))
    except ValueError:
        return frozenset()
    return (
        frozenset(name for name in packages if isinstance(name, str))
        if isinstance(packages, list)
        else frozenset()
    )


def _keys() -> frozenset[str]:
    """The keys of this project."""
    return _BOOLEANS | _INTEGERS | _OBJECTS | _SECRETS | _TEXTS | under(PROJECT).keys()


def _of_another_project(key: str) -> str:
    """Else `pulumi config set caEnabled true` would change nothing, without a word."""
    return (
        f"{key}: is not read, as the name in Pulumi.yaml is another one than {PROJECT}; put that name there,"
        f" and rename the key to {PROJECT}:{key.partition(':')[2]} in Pulumi.<stack>.yaml"
    )


def _unknown_key(key: str) -> str:
    known = _keys()
    other = near(key, known)
    if other is None:
        return f"{key}: unknown key; remove it, the keys are {', '.join(sorted(known))}"
    return (
        f"{key}: unknown key; did you mean {other}? Then rename it: pulumi config rm {key}, and set {other}"
        " in its place"
    )


def _placeholders(values: Mapping[str, str]) -> Iterator[str]:
    """Where a template was not filled in; this project's keys without their namespace.

    What keys of other namespaces (`aws:region`) may hold is up to their providers.
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
            raise ValueError(f"{text!r} is not a whole number: pulumi config set {key} 180")
        return int(text)
    if key in _OBJECTS:
        return json_object(text)
    if key in _SECRETS:
        return _secret_object(text)
    if not text.strip():
        raise ValueError(f"is empty: give a value, or remove it with pulumi config rm {key}")
    return text


def _secret_object(text: str) -> dict[str, Any]:
    if text in EMPTY:
        return {}
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise ValueError(
            "is not an object of names and PEM texts (what it holds is not shown); set each with "
            "pulumi config set --secret --path authorityPrivateKeys.NAME < key.pem"
        )
    return value
