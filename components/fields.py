"""The kinds of values in a stack's configuration: what each may be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final

import pulumi
from pydantic import AfterValidator, Field, GetCoreSchemaHandler, JsonValue
from pydantic_core import CoreSchema, core_schema

from alb_mutual_tls.pki.profile import EMAIL, KEY_ALGORITHMS, SUBJECT_FIELDS, check_subject, check_uri

from .pem_or_path import pem_text

_NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_DNS_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_DNS_SUBDOMAIN: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")


class OrComputed:
    """A text of a kind, or an `Output`, which is let through and checked when it is known."""

    def __init__(self, kind: Any) -> None:
        self._kind = kind

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_wrap_validator_function(
            lambda value, check: value if isinstance(value, pulumi.Output) else check(value),
            handler.generate_schema(self._kind),
        )


def named(names: Mapping[str, Any]) -> Mapping[str, Any]:
    """Names of the user's own; `NAMES` is the same as a schema."""
    wrong = [name for name in names if not _NAME.fullmatch(name)]
    if wrong:
        raise ValueError(
            f"the name {wrong[0]!r} cannot be used: give one of 1 to 63 letters, digits, '.', '_' or '-',"
            " that starts and ends with a letter or digit"
        )
    return names


def _key_algorithm(value: str) -> str:
    if value not in KEY_ALGORITHMS:
        raise ValueError(f"{value!r} is not a key algorithm; give one of {', '.join(KEY_ALGORITHMS)}")
    return value


def _subject(fields: dict[str, str]) -> dict[str, str]:
    problems = check_subject(fields)
    if problems:
        raise ValueError("; ".join(problems))
    return fields


def _uris(uris: tuple[str, ...]) -> tuple[str, ...]:
    problems = [problem for uri in uris if (problem := check_uri(uri))]
    if problems:
        raise ValueError("; ".join(problems))
    return uris


def _path(value: str) -> str:
    if not value.startswith("/"):
        raise ValueError(
            f"{value!r} does not start with '/': give the path of the request, for instance '/' or '/healthz'"
        )
    return value


def _namespace(value: str) -> str:
    if not _DNS_LABEL.fullmatch(value):
        raise ValueError(
            f"{value!r} is not a name of a namespace; give 1 to 63 lower-case letters, digits or '-',"
            " starting and ending with a letter or digit"
        )
    return value


def _secret_name(value: str) -> str:
    if len(value) > 253 or not _DNS_SUBDOMAIN.fullmatch(value):
        raise ValueError(
            f"{value!r} is not a name of a Secret; give at most 253 lower-case letters, digits, '-' or '.', "
            "starting and ending, also around each '.', with a letter or digit"
        )
    return value


def _subject_schema() -> dict[str, JsonValue]:
    """What `check_subject` demands, as far as a schema can say it.

    It cannot say that a character can be seen, nor count bytes.
    """
    fields: dict[str, JsonValue] = {
        name: {
            "type": "string",
            "maxLength": field.limit,
            "pattern": r"^\S([\s\S]*\S)?$",
            "description": f"at most {field.limit} characters",
        }
        for name, field in SUBJECT_FIELDS.items()
    }
    fields["countryName"] = {
        "type": "string",
        "pattern": "^[A-Z]{2}$",
        "description": "two capital letters (ISO 3166), for instance CN",
    }
    fields["emailAddress"] = {
        "type": "string",
        "maxLength": SUBJECT_FIELDS["emailAddress"].limit,
        "pattern": (
            "^" + EMAIL.pattern.replace("$", r"\x24") + "$"
        ),  # some validators take a $ for the end of the text wherever it stands
        "description": "name@example.com",
    }
    return {"properties": fields, "additionalProperties": False}


# What these validators know, once more in the words of JSON Schema, for
# docs/configuration.schema.json; a test compares the two.
PemOrPath = Annotated[str, AfterValidator(pem_text)]
ComputedPem = Annotated[str | pulumi.Output[str], OrComputed(PemOrPath)]
ComputedText = Annotated[str | pulumi.Output[str], OrComputed(str)]
KeyAlgorithm = Annotated[
    str, AfterValidator(_key_algorithm), Field(json_schema_extra={"enum": list(KEY_ALGORITHMS)})
]
SubjectFields = Annotated[
    dict[str, str], AfterValidator(_subject), Field(json_schema_extra=_subject_schema())
]
Uris = Annotated[tuple[str, ...], AfterValidator(_uris)]
RequestPath = Annotated[str, AfterValidator(_path), Field(json_schema_extra={"pattern": "^/"})]
NamespaceName = Annotated[
    str, AfterValidator(_namespace), Field(json_schema_extra={"pattern": f"^{_DNS_LABEL.pattern}$"})
]
SecretName = Annotated[
    str,
    AfterValidator(_secret_name),
    Field(json_schema_extra={"pattern": f"^{_DNS_SUBDOMAIN.pattern}$", "maxLength": 253}),
]
NAMES: Final[dict[str, JsonValue]] = {"propertyNames": {"pattern": f"^{_NAME.pattern}$"}}
