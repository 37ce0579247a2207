"""The resource classes of the provider `albmtls`, thin.

Names of types and properties are a persisted contract: they stand in users' state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import pulumi
from pulumi.output import UNKNOWN

from alb_mutual_tls import tokens
from alb_mutual_tls.access.keys import by_name
from alb_mutual_tls.pki.register import CLIENT, GROUP, KEYS

if TYPE_CHECKING:
    from .provider_arguments import AlbMtlsArgs


class AlbMtls(pulumi.ProviderResource):
    """The provider with its explicit configuration, which makes every resource below.

    `properties`: cluster, region, endpoints and credentials, see docs/configuration.md; keys are
    encrypted in state.
    """

    def __init__(
        self, name: str, properties: AlbMtlsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        secret = {name for name, key in by_name().items() if key.secret}
        marked = {
            key: pulumi.Output.secret(value) if key in secret else value for key, value in properties.items()
        }
        super().__init__("albmtls", name, marked, opts)


_ATTRIBUTES: Final = {
    "warehouseId": "warehouse_id",
    "caCertificateId": "ca_certificate_id",
    "certificatePem": "certificate_pem",
    "certPem": "certificate_pem",
}


class _Resource(pulumi.CustomResource):
    """A resource whose outputs are attributes in snake_case."""

    def translate_output_property(self, prop: str) -> str:
        return _ATTRIBUTES.get(prop, prop)


class StackIdentity(_Resource):
    """A random value that is made once, kept in state, and survives a stack's rename."""

    identity: pulumi.Output[str]

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(tokens.STACK_IDENTITY, name, {"identity": None}, opts)


class CertificateRepository(_Resource):
    """A certificate application repository of CAS for uploads, found or made.

    `configured`: the name was chosen by the user, so one that exists is used and never deleted.
    `demanded`: see `CaCertificate`.
    """

    warehouse_id: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        repository_name: pulumi.Input[str],
        configured: bool,
        demanded: bool,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        properties = {
            "name": repository_name,
            "configured": configured,
            "demanded": demanded,
            "warehouse_id": None,
        }
        super().__init__(tokens.CERTIFICATE_REPOSITORY, name, properties, opts)


class CaCertificate(_Resource):
    """A CA certificate in a repository.

    `generated`: its key was made by this stack, so an upload of it is ours even when found.
    `demanded`: whether a listener asks for client certificates; else a failure is a warning, so
    that nothing keeps a listener on.
    """

    ca_certificate_id: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        warehouse_id: pulumi.Input[str],
        upload_name: pulumi.Input[str],
        certificate_pem: pulumi.Input[str],
        generated: bool,
        demanded: bool,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        properties = {
            "warehouseId": warehouse_id,
            "name": upload_name,
            "certificatePem": certificate_pem,
            "generated": generated,
            "demanded": demanded,
            "ca_certificate_id": None,
        }
        super().__init__(tokens.CA_CERTIFICATE, name, properties, opts)


class ExistingCaCertificate(_Resource):
    """A CA certificate that somebody else has put into CAS.

    It is looked up and compared, never written or deleted. `demanded`: see `CaCertificate`.
    """

    ca_certificate_id: pulumi.Output[str]
    certificate_pem: pulumi.Output[str]

    def __init__(
        self, name: str, *, ca_certificate_id: str, demanded: bool, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        properties = {"caCertificateId": ca_certificate_id, "demanded": demanded, "certificate_pem": None}
        super().__init__(tokens.EXISTING_CA_CERTIFICATE, name, properties, opts)
        self.ca_certificate_id = self.certificate_pem.apply(
            lambda _: ca_certificate_id
        )  # known once it has been found


class ListenerClientAuthentication(_Resource):
    """Client authentication on one HTTPS listener of an AlbConfig.

    It writes two fields of the listener and one annotation, nothing else.
    """

    def __init__(
        self,
        name: str,
        properties: Mapping[str, pulumi.Input[Any]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(tokens.LISTENER_CLIENT_AUTHENTICATION, name, dict(properties), opts)


class AuthorityCertificate(_Resource):
    """The self-signed certificate of a generated authority.

    It is made once, and never replaced because of its age.
    """

    certificate_pem: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        private_key_pem: pulumi.Input[str],
        subject: pulumi.Input[Mapping[str, str]],
        validity_days: int,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        properties = {
            "privateKeyPem": pulumi.Output.secret(private_key_pem),
            "subject": subject,
            "validityDays": validity_days,
            "certificate_pem": None,
        }
        # what earlier versions declared; its certificate stays
        aliases = pulumi.ResourceOptions(aliases=[pulumi.Alias(type_=tokens.SELF_SIGNED_CERTIFICATE)])
        super().__init__(
            tokens.AUTHORITY_CERTIFICATE,
            name,
            properties,
            pulumi.ResourceOptions.merge(opts, aliases),
        )


class SignedCertificate(_Resource):
    """A certificate of another authority's name and key, which one of the stack signs (cross).

    It is valid until the earlier end of the two roots. Without `sign` one that was signed before is
    kept; where there is none, `certificate_pem` is empty.
    """

    certificate_pem: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        subject_certificate_pem: pulumi.Input[str],
        issuer_certificate_pem: pulumi.Input[str],
        issuer_private_key_pem: pulumi.Input[str],
        sign: bool,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        properties = {
            "kind": "cross",
            "subjectCertificatePem": subject_certificate_pem,
            "issuerCertificatePem": issuer_certificate_pem,
            "issuerPrivateKeyPem": pulumi.Output.secret(issuer_private_key_pem),
            "sign": sign,
            "certificate_pem": None,
        }
        super().__init__(tokens.SIGNED_CERTIFICATE, name, properties, opts)


class IssuedCertificates(pulumi.CustomResource):
    """The register of the client certificates: it issues them, and remembers what it has issued.

    It is kept in state alone, and begun once per component. `clients`: client -> what its
    certificate is to be (`register_inputs.py`); `groups`: group -> what those of its members are to
    be; `issuer`: certificate and private key of what signs, None where there is nothing to sign;
    `existing_authority_pems`: chains whose names no client may bear; `root_certificate_pems`: the
    roots that accept what the clients present now; `listeners`: ALBCONFIG:PORT -> whether it
    demands certificates.
    """

    def __init__(
        self,
        name: str,
        *,
        clients: Mapping[str, Mapping[str, pulumi.Input[Any]]],
        groups: Mapping[str, Mapping[str, pulumi.Input[Any]]],
        issuer: tuple[pulumi.Input[str], pulumi.Input[str]] | None,
        existing_authority_pems: Sequence[pulumi.Input[str]],
        root_certificate_pems: pulumi.Input[Sequence[str]],
        listeners: Mapping[str, bool],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        properties: dict[str, Any] = {
            "clients": clients,
            "rootCertificatePems": root_certificate_pems,
            "listeners": listeners,
            **dict.fromkeys(f"{CLIENT}{client}" for client in clients),
        }
        if groups:
            properties |= {
                "groups": groups,
                KEYS: None,
                **dict.fromkeys(f"{GROUP}{group}" for group in groups),
            }
        if issuer:
            properties["issuerCertificatePem"] = issuer[0]
            properties["issuerPrivateKeyPem"] = pulumi.Output.secret(issuer[1])
        if existing_authority_pems:
            properties["existingAuthorityPems"] = existing_authority_pems
        super().__init__(tokens.ISSUED_CERTIFICATES, name, properties, opts)

    @property
    def private_keys(self) -> pulumi.Output[Mapping[str, str]]:
        """The private keys (PEM) of members of groups by their full names, a secret."""
        keys: pulumi.Output[Mapping[str, str] | None] | None = getattr(self, KEYS, None)
        return pulumi.Output.from_input({}) if keys is None else keys.apply(lambda held: held or {})

    def client(self, client: str) -> pulumi.Output[Mapping[str, str]]:
        """What was issued to a client: `certificatePem`, `notAfter` and more.

        It stays unknown where the register is left out of an update (--target, --exclude).
        """
        issued: pulumi.Output[Any] = getattr(self, f"{CLIENT}{client}")
        return issued.apply(lambda held: UNKNOWN if held is None else held)

    def group(self, group: str) -> pulumi.Output[Mapping[str, Mapping[str, str]]]:
        """The same of each member of a group, by its name."""
        issued: pulumi.Output[Any] = getattr(self, f"{GROUP}{group}")
        return issued.apply(lambda held: UNKNOWN if held is None else held)


class ClusterIdentity(_Resource):
    """The cluster that the provider's kubeconfig leads to, which must stay the same."""

    uid: pulumi.Output[str]

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(tokens.CLUSTER_IDENTITY, name, {"uid": None}, opts)


class SecretPlace(_Resource):
    """Where a client certificate is delivered to, which this deletes.

    It is nobody else's Secret, in the right cluster. `cluster`: UID of a `ClusterIdentity`;
    `owner`: the stack's identity, which the Secret carries as the label albmtls/identity.
    """

    def __init__(
        self,
        name: str,
        *,
        namespace: str,
        secret_name: str,
        cluster: pulumi.Input[str],
        owner: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        properties = {"namespace": namespace, "name": secret_name, "cluster": cluster, "owner": owner}
        super().__init__(tokens.SECRET_PLACE, name, properties, opts)
