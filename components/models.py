"""The parts of a stack's configuration: listeners, authorities and clients."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, model_validator
from pydantic.alias_generators import to_camel

from alb_mutual_tls.pki.profile import (
    CA_VALIDITY_DAYS,
    CLIENT_VALIDITY_DAYS,
    EMAIL,
    KEY_ALGORITHMS,
    SUBJECT_FIELDS,
    check_renewal,
    check_subject,
    check_uri,
)

from .pem_or_path import pem_text

_NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")


_DNS_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


_DNS_SUBDOMAIN: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")


DEFAULT_ORGANIZATION: Final = "alb-mutual-tls"


def _named(names: Mapping[str, Any]) -> Mapping[str, Any]:
    wrong = [name for name in names if not _NAME.fullmatch(name)]
    if wrong:
        raise ValueError(
            f"the name {wrong[0]!r} cannot be used: give one of 1 to 63 letters, digits, '.', '_' or '-',"
            " that starts and ends with a letter or digit"
        )
    return names


def _key_algorithm(value: str) -> str:
    if value not in KEY_ALGORITHMS:
        raise ValueError(f"{value!r} is no key algorithm; give one of {', '.join(KEY_ALGORITHMS)}")
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
            f"{value!r} is no name of a namespace; give 1 to 63 lower-case letters, digits or '-', starting"
            " and ending with a letter or digit"
        )
    return value


def _secret_name(value: str) -> str:
    if len(value) > 253 or not _DNS_SUBDOMAIN.fullmatch(value):
        raise ValueError(
            f"{value!r} is no name of a Secret; give at most 253 lower-case letters, digits, '-' or '.', "
            "starting and ending, also around each '.', with a letter or digit"
        )
    return value


def _subject_schema() -> dict[str, JsonValue]:
    """What `check_subject` demands, as far as a schema can say it: not that a character can be
    seen, nor bytes.
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


KeyAlgorithm = Annotated[
    str, AfterValidator(_key_algorithm), Field(json_schema_extra={"enum": list(KEY_ALGORITHMS)})
]


SubjectFields = Annotated[
    dict[str, str], AfterValidator(_subject), Field(json_schema_extra=_subject_schema())
]


_NAMES: Final[dict[str, JsonValue]] = {"propertyNames": {"pattern": f"^{_NAME.pattern}$"}}


class _Model(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        hide_input_in_errors=True,  # there are private keys among the arguments
    )


class VerifyArgs(_Model):
    """How `mtls verify` reaches a listener, where that is not the ALB's own address and the host of
    its Ingress.

    `address` is HOST or HOST:PORT; where its port is not the listener's, other ports of the ALB are
    taken to be as far away from theirs.
    """

    address: str | None = Field(
        default=None,
        min_length=1,
        description="HOST or HOST:PORT to connect to; default: the ALB's own DNS name",
    )
    server_name: str | None = Field(
        default=None,
        min_length=1,
        description="the name asked for in TLS and HTTP; default: the host of an Ingress of the ALB",
    )
    path: Annotated[str, AfterValidator(_path)] = Field(
        default="/",
        description="the path of the request; one whose answer needs no login",
        json_schema_extra={"pattern": "^/"},
    )


class ListenerArgs(_Model):
    """An HTTPS listener of an AlbConfig; it demands client certificates when this `ca_enabled` and
    the master switch are true.
    """

    alb_config: str = Field(
        min_length=1, max_length=253, description="the name of the AlbConfig: kubectl get albconfig"
    )
    port: int = Field(
        ge=1, le=65535, description="the port of the HTTPS listener in spec.listeners of the AlbConfig"
    )
    ca_enabled: bool = Field(
        default=True,
        description=(
            "whether this listener demands client certificates as soon as the stack's own caEnabled is true"
        ),
    )
    verify: VerifyArgs = Field(
        default=VerifyArgs(), description="how mtls verify reaches this listener from where it runs"
    )


class AuthorityArgs(_Model):
    """A certificate authority: generated, brought, or in CAS already.

    Generated, as a root: `subject`, `key_algorithm`, `validity_days` (1 to 36500, default 3650 as
    in the documentation). Brought: `certificate`, PEM or the path of a file, a root or a
    subordinate with its chain up to the root. In CAS: `ca_certificate_id`.
    """

    certificate: PemOrPath | None = Field(
        default=None,
        description=(
            "brought: PEM, or the path of a file from the project's directory; a root, or a subordinate and"
            " its chain, the root last"
        ),
    )
    ca_certificate_id: str | None = Field(
        default=None,
        min_length=1,
        description="the id of a CA that is in Certificate Management Service already, and stays there",
    )
    subject: SubjectFields = Field(
        default_factory=dict,
        description=(
            "generated: the subject; organizationName is alb-mutual-tls and commonName the authority's name"
            " with the stack's id if not given"
        ),
    )
    key_algorithm: KeyAlgorithm = Field(
        default="RSA-4096", description="generated: the kind of the key; another one is a new authority"
    )
    validity_days: int = Field(
        default=3650,
        ge=CA_VALIDITY_DAYS.start,
        le=CA_VALIDITY_DAYS.stop - 1,
        description="generated: how many days the certificate lasts; another number is a new authority",
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        given = [name for name in ("certificate", "ca_certificate_id") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError("certificate and caCertificateId are both set; remove one of the two")
        beside = sorted(
            to_camel(name) for name in self.model_fields_set - set(given) if getattr(self, name) is not None
        )
        if given and beside:
            raise ValueError(
                f"{beside[0]} is set beside {to_camel(given[0])}, but nothing is generated then; remove one"
                " of the two"
            )
        return self

    @property
    def generated(self) -> bool:
        """Whether the stack makes key and certificate."""
        return self.certificate is None and self.ca_certificate_id is None

    def subject_fields(self, name: str, identity: str) -> dict[str, str]:
        """The subject's fields with the defaults filled in; `identity` keeps two stacks'
        authorities apart.
        """
        return {"organizationName": DEFAULT_ORGANIZATION, "commonName": f"{name} {identity}", **self.subject}


class ClientSecretArgs(_Model):
    """A Secret of type kubernetes.io/tls in the stack's cluster; the namespace must be there."""

    namespace: Annotated[str, AfterValidator(_namespace)] = Field(
        description="a namespace that is there", json_schema_extra={"pattern": f"^{_DNS_LABEL.pattern}$"}
    )
    name: Annotated[str, AfterValidator(_secret_name)] = Field(
        description="the Secret's name; it is made, and gone with the client",
        json_schema_extra={"pattern": f"^{_DNS_SUBDOMAIN.pattern}$", "maxLength": 253},
    )


class ClientArgs(_Model):
    """A client certificate that the stack issues. `validity_days`: 1 to 3650, default 90.

    `renew_before_days`: less than `validity_days`, default 30 or a third of the validity, whichever
    is shorter. `csr`: a certificate signing request that the client brings (PEM, or the path of a
    file); then its private key never is in the stack. `secret`: where certificate and key are
    delivered to in the cluster.
    """

    csr: PemOrPath | None = Field(
        default=None,
        description=(
            "a certificate signing request that the client brings: PEM, or the path of a file from the"
            " project's directory"
        ),
    )
    subject: SubjectFields = Field(
        default_factory=dict,
        description="the subject of the certificate; commonName is the client's name if not given",
    )
    key_algorithm: KeyAlgorithm = Field(
        default="ECDSA-P256", description="the kind of the key that the stack makes; not beside csr"
    )
    validity_days: int = Field(
        default=90,
        ge=CLIENT_VALIDITY_DAYS.start,
        le=CLIENT_VALIDITY_DAYS.stop - 1,
        description="how many days the certificate lasts; ALB knows no revocation, so little is better",
    )
    renew_before_days: int | None = Field(
        default=None,
        ge=0,
        description=(
            "how many days before its end the certificate is issued anew; default 30, or a third of"
            " validityDays if that is less; 0 is eight hours"
        ),
    )
    uris: Annotated[tuple[str, ...], AfterValidator(_uris)] | None = Field(
        default=None,
        strict=False,
        description="the URI names of the certificate; default spiffe://<id>.alb-mutual-tls/client/<name>",
    )
    secret: ClientSecretArgs | None = Field(
        default=None,
        description="the Secret of the cluster into which certificate and key are delivered; not beside csr",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problem = check_renewal(self.validity_days, self.renewal_days())
        if problem:
            raise ValueError(problem)
        if self.csr is not None and "key_algorithm" in self.model_fields_set:
            raise ValueError(
                "keyAlgorithm is set beside csr, but the key is the client's own; remove one of the two"
            )
        if self.csr is not None and self.secret is not None:
            raise ValueError(
                "secret is set beside csr, but a Secret of type kubernetes.io/tls holds the private key,"
                " which only the client has; remove one of the two"
            )
        return self

    def subject_fields(self, name: str) -> dict[str, str]:
        """The subject's fields with the default filled in."""
        return {"commonName": name, **self.subject}

    def renewal_days(self) -> int:
        """How many days before its end the certificate is renewed."""
        if self.renew_before_days is not None:
            return self.renew_before_days
        return min(30, max(1, self.validity_days // 3), self.validity_days - 1)

    def uri_names(self, name: str, identity: str) -> list[str]:
        """The URI names of the certificate; there always is one, because some verifiers refuse a
        certificate without any (docs/pki.md).
        """
        return [f"spiffe://{identity}.alb-mutual-tls/client/{name}"] if self.uris is None else list(self.uris)


Listeners = Annotated[dict[str, ListenerArgs], AfterValidator(_named), Field(json_schema_extra=_NAMES)]


Authorities = Annotated[dict[str, AuthorityArgs], AfterValidator(_named), Field(json_schema_extra=_NAMES)]


Clients = Annotated[dict[str, ClientArgs], AfterValidator(_named), Field(json_schema_extra=_NAMES)]
