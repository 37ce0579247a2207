"""What an `AlbMutualTls` is made of: listeners, authorities and clients by the user's own names, with the rules they keep.

The same models serve the stack configuration (camelCase keys, see `settings.py`) and other Pulumi programs (snake_case arguments).
Defaults are immutable once released: a changed one would re-issue certificates in every stack.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, model_validator
from pydantic.alias_generators import to_camel

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pki.profile import (
    CA_VALIDITY_DAYS,
    CLIENT_VALIDITY_DAYS,
    EMAIL,
    KEY_ALGORITHMS,
    SUBJECT_FIELDS,
    Subject,
    check_renewal,
    check_subject,
    check_uri,
    same_subject,
)

from .pem_or_path import pem_text

if TYPE_CHECKING:
    from alb_mutual_tls.pki.brought import BroughtAuthority

_NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_DNS_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_DNS_SUBDOMAIN: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
# No subject that a user writes can hold a control character, so the part of a default that is only known in state is compared as one.
_IDENTITY_PLACEHOLDER: Final = "\x01"
DEFAULT_ORGANIZATION: Final = "alb-mutual-tls"


def _named(names: Mapping[str, Any]) -> Mapping[str, Any]:
    wrong = [name for name in names if not _NAME.fullmatch(name)]
    if wrong:
        raise ValueError(
            f"the name {wrong[0]!r} cannot be used: give one of 1 to 63 letters, digits, '.', '_' or '-', that starts and ends with a letter or digit"
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
        raise ValueError(f"{value!r} does not start with '/': give the path of the request, for instance '/' or '/healthz'")
    return value


def _namespace(value: str) -> str:
    if not _DNS_LABEL.fullmatch(value):
        raise ValueError(
            f"{value!r} is no name of a namespace; give 1 to 63 lower-case letters, digits or '-', starting and ending with a letter or digit"
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
    """What `check_subject` demands, as far as a schema can say it: not that a character can be seen, nor bytes."""
    fields: dict[str, JsonValue] = {
        name: {
            "type": "string",
            "maxLength": field.limit,
            "pattern": r"^\S([\s\S]*\S)?$",
            "description": f"at most {field.limit} characters",
        }
        for name, field in SUBJECT_FIELDS.items()
    }
    fields["countryName"] = {"type": "string", "pattern": "^[A-Z]{2}$", "description": "two capital letters (ISO 3166), for instance CN"}
    fields["emailAddress"] = {
        "type": "string",
        "maxLength": SUBJECT_FIELDS["emailAddress"].limit,
        "pattern": "^" + EMAIL.pattern.replace("$", r"\x24") + "$",  # some validators take a $ for the end of the text wherever it stands
        "description": "name@example.com",
    }
    return {"properties": fields, "additionalProperties": False}


# What these validators know, once more in the words of JSON Schema, for docs/configuration.schema.json; a test compares the two.
PemOrPath = Annotated[str, AfterValidator(pem_text)]
KeyAlgorithm = Annotated[str, AfterValidator(_key_algorithm), Field(json_schema_extra={"enum": list(KEY_ALGORITHMS)})]
SubjectFields = Annotated[dict[str, str], AfterValidator(_subject), Field(json_schema_extra=_subject_schema())]
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


class Verify(_Model):
    """How `mtls verify` reaches a listener, where that is not the ALB's own address and the host of its Ingress.

    `address` is HOST or HOST:PORT; where its port is not the listener's, other ports of the ALB are taken to be as far away from theirs.
    """

    address: str | None = Field(default=None, min_length=1, description="HOST or HOST:PORT to connect to; default: the ALB's own DNS name")
    server_name: str | None = Field(
        default=None, min_length=1, description="the name asked for in TLS and HTTP; default: the host of an Ingress of the ALB"
    )
    path: Annotated[str, AfterValidator(_path)] = Field(
        default="/", description="the path of the request; one whose answer needs no login", json_schema_extra={"pattern": "^/"}
    )


class Listener(_Model):
    """An HTTPS listener of an AlbConfig; it demands client certificates when this `ca_enabled` and the master switch are true."""

    alb_config: str = Field(min_length=1, max_length=253, description="the name of the AlbConfig: kubectl get albconfig")
    port: int = Field(ge=1, le=65535, description="the port of the HTTPS listener in spec.listeners of the AlbConfig")
    ca_enabled: bool = Field(
        default=True, description="whether this listener demands client certificates as soon as the stack's own caEnabled is true"
    )
    verify: Verify = Field(default=Verify(), description="how mtls verify reaches this listener from where it runs")


class Authority(_Model):
    """A certificate authority: generated, brought, or in CAS already.

    Generated, as a root: `subject`, `key_algorithm`, `validity_days` (1 to 36500, default 3650 as in the documentation). Brought: `certificate`,
    PEM or the path of a file, a root or a subordinate with its chain up to the root. In CAS: `ca_certificate_id`.
    """

    certificate: PemOrPath | None = Field(
        default=None,
        description="brought: PEM, or the path of a file from the project's directory; a root, or a subordinate and its chain, the root last",
    )
    ca_certificate_id: str | None = Field(
        default=None, min_length=1, description="the id of a CA that is in Certificate Management Service already, and stays there"
    )
    subject: SubjectFields = Field(
        default_factory=dict,
        description="generated: the subject; organizationName is alb-mutual-tls and commonName the authority's name with the stack's id if not given",
    )
    key_algorithm: KeyAlgorithm = Field(default="RSA-4096", description="generated: the kind of the key; another one is a new authority")
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
        beside = sorted(to_camel(name) for name in self.model_fields_set - set(given) if getattr(self, name) is not None)
        if given and beside:
            raise ValueError(f"{beside[0]} is set beside {to_camel(given[0])}, but nothing is generated then; remove one of the two")
        return self

    @property
    def generated(self) -> bool:
        """Whether the stack makes key and certificate."""
        return self.certificate is None and self.ca_certificate_id is None

    def subject_fields(self, name: str, identity: str) -> dict[str, str]:
        """The subject's fields with the defaults filled in; `identity` keeps two stacks' authorities apart."""
        return {"organizationName": DEFAULT_ORGANIZATION, "commonName": f"{name} {identity}", **self.subject}


class ClientSecret(_Model):
    """A Secret of type kubernetes.io/tls in the stack's cluster; the namespace must be there."""

    namespace: Annotated[str, AfterValidator(_namespace)] = Field(
        description="a namespace that is there", json_schema_extra={"pattern": f"^{_DNS_LABEL.pattern}$"}
    )
    name: Annotated[str, AfterValidator(_secret_name)] = Field(
        description="the Secret's name; it is made, and gone with the client",
        json_schema_extra={"pattern": f"^{_DNS_SUBDOMAIN.pattern}$", "maxLength": 253},
    )


class Client(_Model):
    """A client certificate that the stack issues. `validity_days`: 1 to 3650, default 90.

    `renew_before_days`: less than `validity_days`, default 30 or a third of the validity, whichever is shorter. `csr`: a certificate signing
    request that the client brings (PEM, or the path of a file); then its private key never is in the stack. `secret`: where certificate and key
    are delivered to in the cluster.
    """

    csr: PemOrPath | None = Field(
        default=None,
        description="a certificate signing request that the client brings: PEM, or the path of a file from the project's directory",
    )
    subject: SubjectFields = Field(
        default_factory=dict, description="the subject of the certificate; commonName is the client's name if not given"
    )
    key_algorithm: KeyAlgorithm = Field(default="ECDSA-P256", description="the kind of the key that the stack makes; not beside csr")
    validity_days: int = Field(
        default=90,
        ge=CLIENT_VALIDITY_DAYS.start,
        le=CLIENT_VALIDITY_DAYS.stop - 1,
        description="how many days the certificate lasts; ALB knows no revocation, so little is better",
    )
    renew_before_days: int | None = Field(
        default=None,
        ge=0,
        description="how many days before its end the certificate is issued anew; default 30, or a third of validityDays if that is less; "
        "0 is eight hours",
    )
    uris: Annotated[tuple[str, ...], AfterValidator(_uris)] | None = Field(
        default=None,
        strict=False,
        description="the URI names of the certificate; default spiffe://<id>.alb-mutual-tls/client/<name>",
    )
    secret: ClientSecret | None = Field(
        default=None, description="the Secret of the cluster into which certificate and key are delivered; not beside csr"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problem = check_renewal(self.validity_days, self.renewal_days())
        if problem:
            raise ValueError(problem)
        if self.csr is not None and "key_algorithm" in self.model_fields_set:
            raise ValueError("keyAlgorithm is set beside csr, but the key is the client's own; remove one of the two")
        if self.csr is not None and self.secret is not None:
            raise ValueError(
                "secret is set beside csr, but a Secret of type kubernetes.io/tls holds the private key, which only the client has; "
                "remove one of the two"
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
        """The URI names of the certificate; there always is one, because some verifiers refuse a certificate without any (docs/pki.md)."""
        return [f"spiffe://{identity}.alb-mutual-tls/client/{name}"] if self.uris is None else list(self.uris)


Listeners = Annotated[dict[str, Listener], AfterValidator(_named), Field(json_schema_extra=_NAMES)]
Authorities = Annotated[dict[str, Authority], AfterValidator(_named), Field(json_schema_extra=_NAMES)]
Clients = Annotated[dict[str, Client], AfterValidator(_named), Field(json_schema_extra=_NAMES)]


class AlbMutualTlsArgs(_Model):
    """The arguments of `AlbMutualTls`; every default is the one of the stack configuration key of the same name (docs/configuration.md)."""

    ca_enabled: bool = Field(
        default=False,
        description="master switch: a listener demands client certificates when this and its own caEnabled are true. "
        "false still uploads the CA and writes caCertificates, so a first rollout is safe, and it is the way to let everybody in again",
    )
    listeners: Listeners = Field(
        default_factory=lambda: {"https": Listener(alb_config="alb", port=443)},
        description="the HTTPS listeners by names of your own; default: https, port 443 of AlbConfig alb; {} declares none",
    )
    authorities: Authorities = Field(
        default_factory=lambda: {"root": Authority()},
        min_length=1,
        description="the certificate authorities by names of your own: generated, brought, or in CAS already; default: root, generated",
    )
    authority_private_keys: dict[str, str] = Field(
        default_factory=dict,
        repr=False,
        description="the private keys (PEM) of brought authorities that are to sign clients: "
        "pulumi config set --secret --path authorityPrivateKeys.NAME < key.pem",
    )
    issuing_authority: str | None = Field(default=None, description="the authority that signs clients; default: the only one")
    trusted_authority: str | None = Field(
        default=None,
        description="the authority that the listeners trust; default: the only one. It differs from issuingAuthority only during a rotation",
    )
    clients: Clients = Field(default_factory=dict, description="the client certificates that the stack issues, by names of your own")
    repository: str | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        description="the certificate application repository; default alb-mutual-tls-<id>. One that exists under a configured name is used and never deleted",
    )
    await_listener: bool = Field(default=True, description="whether pulumi up waits until ALB itself reports the wanted state")
    await_timeout_seconds: int = Field(default=180, ge=1, le=3600, description="how many seconds it waits for that")
    cut_off: bool = Field(
        default=False,
        description="emergency: let the trusted authority change to one that has not been issuing, so that everybody with an old bundle is locked out",
    )
    take_over: bool = Field(default=False, description="take a listener over that another stack has claimed")
    deletion_protection: bool = Field(
        default=True, description="Pulumi's protect on the trusted and issuing authority, their uploads and the listeners"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problems = [*_doubled_listeners(self.listeners), *_clients_alike(self.clients), *_subjects_alike(self.authorities, self.clients)]
        problems += _shared_secrets(self.clients)
        problems += [*_unusable_authorities(self.authorities, self.authority_private_keys, self.clients)]
        for key, wanted in (("issuingAuthority", self.issuing_authority), ("trustedAuthority", self.trusted_authority)):
            if wanted is None and len(self.authorities) > 1:
                problems.append(f"{key}: not set, but there are several authorities; set it to one of {', '.join(self.authorities)}")
            elif wanted is not None and wanted not in self.authorities:
                problems.append(f"{key}: {wanted!r} is none of the authorities; set it to one of {', '.join(self.authorities)}")
        problems += [] if problems else [*_missing_keys(self), *_forbidden_names(self), *_short_paths(self)]
        if problems:
            raise ValueError("\n".join(problems))
        return self

    @property
    def issuing(self) -> str:
        """The name of the authority that signs clients."""
        return self.issuing_authority or next(iter(self.authorities))

    @property
    def trusted(self) -> str:
        """The name of the authority that the listeners trust."""
        return self.trusted_authority or next(iter(self.authorities))

    @property
    def secrets(self) -> dict[str, ClientSecret]:
        """Per client that is delivered into the cluster: its Secret."""
        return {name: client.secret for name, client in self.clients.items() if client.secret is not None}

    def signs(self, authority: str) -> bool:
        """Whether the stack has an authority's private key."""
        return self.authorities[authority].generated or authority in self.authority_private_keys

    def brought(self, authority: str) -> BroughtAuthority | None:
        """A brought authority taken apart; None where it is generated or in CAS already. Raises `UserError` when it cannot be used."""
        certificate = self.authorities[authority].certificate
        return None if certificate is None else _brought(certificate)

    @property
    def certifiers(self) -> tuple[str, ...]:
        """The other authorities that can certify the issuing one, the trusted one first: clients need a cross certificate by the trusted one.

        One by another authority is never signed, but kept as long as that authority is here: it was trusted before, and may be again.
        """
        if not self.clients:
            return ()
        others = [name for name in self.authorities if name != self.issuing and self.signs(name) and not self._one_root(name, self.issuing)]
        return tuple(sorted(others, key=lambda name: (name != self.trusted, name)))

    @property
    def depth(self) -> int:
        """How many authorities stand between a client of the issuing authority and the root that the listeners trust, the cross certificate included."""
        above = [self.issuing, *(name for name in self.certifiers if name == self.trusted)]
        return sum(len(found.certificates) if (found := self.brought(name)) else 1 for name in above) - 1

    def _one_root(self, one: str, other: str) -> bool:
        first, second = self.brought(one), self.brought(other)
        return first is not None and second is not None and first.root_pem == second.root_pem


def _doubled_listeners(listeners: Mapping[str, Listener]) -> list[str]:
    seen: dict[tuple[str, int], str] = {}
    problems = []
    for name, listener in listeners.items():
        first = seen.setdefault((listener.alb_config, listener.port), name)
        if first != name:
            problems.append(
                f"listeners.{name}: AlbConfig {listener.alb_config!r} port {listener.port} is listeners.{first} already; remove one of the two"
            )
    return problems


def _clients_alike(clients: Mapping[str, Client]) -> list[str]:
    seen: dict[str, str] = {}
    problems = []
    for name in clients:
        first = seen.setdefault(name.casefold(), name)
        if first != name:
            problems.append(
                f"clients.{name}: differs from clients.{first} only in case, and their exported files would overwrite each other; rename one"
            )
    return problems


def _shared_secrets(clients: Mapping[str, Client]) -> list[str]:
    seen: dict[tuple[str, str], str] = {}
    problems = []
    for name, client in clients.items():
        if client.secret is None:
            continue
        place = (client.secret.namespace, client.secret.name)
        first = seen.setdefault(place, name)
        if first != name:
            problems.append(f"clients.{name}.secret: {'/'.join(place)} is the Secret of clients.{first} already; give it another name")
    return problems


def _brought(certificate: str) -> BroughtAuthority:
    from alb_mutual_tls.pki.brought import BroughtAuthority  # imports cryptography, which takes 0.1 s

    return BroughtAuthority.load(certificate)


def _unusable_authorities(
    authorities: Mapping[str, Authority], private_keys: Mapping[str, str], clients: Mapping[str, Client]
) -> Iterator[str]:
    for name in private_keys:
        if name not in authorities:
            yield f"authorityPrivateKeys.{name}: there is no authority of that name; remove it, the authorities are {', '.join(authorities)}"
        elif authorities[name].generated:
            yield f"authorityPrivateKeys.{name}: authorities.{name} is generated, and its key with it; remove it, or bring the certificate too"
    identifiers: dict[str, str] = {}
    for name, authority in authorities.items():
        if authority.ca_certificate_id is not None:
            first = identifiers.setdefault(authority.ca_certificate_id, name)
            if first != name:
                yield f"authorities.{name}.caCertificateId: is that of authorities.{first} too; remove one of the two"
        if authority.certificate is None:
            continue
        try:
            found = _brought(authority.certificate)
        except UserError as error:
            yield f"authorities.{name}.certificate: {error}"
            continue
        if name in private_keys and (fault := found.fault_of_key(private_keys[name])):
            yield f"authorityPrivateKeys.{name}: {fault}"
        for client, wanted in clients.items():
            if found.named_like(wanted.subject_fields(client)):
                yield (
                    f"clients.{client}.subject: is that of a certificate of authorities.{name}, which verifiers take for a self-signed certificate; "
                    "give the client another commonName"
                )


def _missing_keys(args: AlbMutualTlsArgs) -> list[str]:
    """Keys that the configuration needs to sign with, and does not have."""
    set_it = "set it (pulumi config set --secret --path authorityPrivateKeys.{0} < key.pem)"
    if args.clients and not args.signs(args.issuing):
        return [
            f"authorityPrivateKeys.{args.issuing}: not set, and {args.issuing} is to sign clients; {set_it.format(args.issuing)}, or set "
            "issuingAuthority to an authority whose key is here"
        ]
    if args.clients and args.issuing != args.trusted and not args.signs(args.trusted) and not args.cut_off:
        return [
            f"authorityPrivateKeys.{args.trusted}: not set, and during a rotation the trusted authority certifies the issuing one; "
            f"{set_it.format(args.trusted)}, or set cutOff to true if the listeners are to refuse these clients until trustedAuthority changes"
        ]
    return []


def _forbidden_names(args: AlbMutualTlsArgs) -> Iterator[str]:
    """Names of clients that the authorities above them do not allow, so that no listener would let these clients in."""
    for authority in dict.fromkeys((args.issuing, args.trusted)):
        found = args.brought(authority)
        if found is None:
            continue
        for name, client in args.clients.items():
            for clause in found.forbids(client.subject_fields(name), client.uri_names(name, "0" * 8)):
                yield f"clients.{name}: {clause} (authorities.{authority}); give the client names that they allow"


def _short_paths(args: AlbMutualTlsArgs) -> Iterator[str]:
    """During a rotation the trusted authority stands above the issuing one, and above what stands between that one and its root."""
    trusted = args.brought(args.trusted) if args.trusted in args.certifiers else None
    if trusted is None:
        return
    issuing = args.brought(args.issuing)
    if clause := trusted.too_short_for(len(issuing.certificates) if issuing else 1):
        yield (
            f"authorities.{args.trusted}: cannot certify {args.issuing} for a rotation: {clause}; "
            "give clients certificates of both, for instance from a second stack"
        )


def _subjects_alike(authorities: Mapping[str, Authority], clients: Mapping[str, Client]) -> list[str]:
    problems = []
    subjects: dict[str, Subject] = {}
    for name, authority in authorities.items():
        if not authority.generated:
            continue
        if "commonName" not in authority.subject:
            problems += [f"authorities.{name}: {fault}" for fault in check_subject(authority.subject_fields(name, "0" * 8))]
        subject = authority.subject_fields(name, _IDENTITY_PLACEHOLDER)
        for other, taken in subjects.items():
            if same_subject(subject, taken):
                problems.append(
                    f"authorities.{name}.subject: is the subject of authorities.{other} too; give one of them another commonName"
                )
        subjects[name] = subject
    for name, client in clients.items():
        for other, taken in subjects.items():
            if same_subject(client.subject_fields(name), taken):
                problems.append(
                    f"clients.{name}.subject: is the subject of authorities.{other}, which verifiers take for a self-signed certificate; "
                    "give the client another commonName"
                )
    return problems
