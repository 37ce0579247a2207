"""The parts of a stack's configuration: listeners, authorities and clients."""

from __future__ import annotations

from typing import Annotated, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from alb_mutual_tls.pki.profile import CA_VALIDITY_DAYS, CLIENT_VALIDITY_DAYS, check_renewal, renewal_days

from .fields import (
    NAMES,
    ComputedPem,
    KeyAlgorithm,
    NamespaceName,
    PemOrPath,
    RequestPath,
    SecretName,
    SubjectFields,
    Uris,
    named,
)

DEFAULT_ORGANIZATION: Final = "alb-mutual-tls"


class Model(BaseModel):
    """What cannot change and takes no unknown field, in both spellings."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        hide_input_in_errors=True,  # there are private keys among the arguments
    )


class VerifyArgs(Model):
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
    path: RequestPath = Field(
        default="/", description="the path of the request; one whose answer needs no login"
    )


class ListenerArgs(Model):
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


class AuthorityArgs(Model):
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


class ClientSecretArgs(Model):
    """A Secret of type kubernetes.io/tls in the stack's cluster; the namespace must be there."""

    namespace: NamespaceName = Field(description="a namespace that is there")
    name: SecretName = Field(description="the Secret's name; it is made, and gone with the client")


class ClientArgs(Model):
    """A client certificate that the stack issues. `validity_days`: 1 to 3650, default 90.

    `renew_before_days`: less than `validity_days`, default 30 or a third of the validity, whichever
    is shorter. `csr`: a certificate signing request that the client brings (PEM, or the path of a
    file); then its private key never is in the stack. `secret`: where certificate and key are
    delivered to in the cluster.
    """

    csr: ComputedPem | None = Field(
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
    uris: Uris | None = Field(
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
        return renewal_days(self.validity_days, self.renew_before_days)

    def uri_names(self, name: str, identity: str) -> list[str]:
        """The URI names of the certificate.

        There always is one, because some verifiers refuse a certificate without any (docs/pki.md).
        """
        return [f"spiffe://{identity}.alb-mutual-tls/client/{name}"] if self.uris is None else list(self.uris)


Listeners = Annotated[dict[str, ListenerArgs], AfterValidator(named), Field(json_schema_extra=NAMES)]
Authorities = Annotated[dict[str, AuthorityArgs], AfterValidator(named), Field(json_schema_extra=NAMES)]
Clients = Annotated[dict[str, ClientArgs], AfterValidator(named), Field(json_schema_extra=NAMES)]
