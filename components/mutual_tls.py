"""HTTPS mutual authentication on ALB Ingress listeners, whole: read `AlbMutualTls` from top to bottom as the documentation's five steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi

from .albmtls import CaCertificate, CertificateRepository, ListenerClientAuthentication, SignedCertificate, StackIdentity
from .arguments import AlbMutualTlsArgs, Listener
from .authority import CertificateAuthority
from .clients import IssuedClient


class AlbMutualTls(pulumi.ComponentResource):
    """Client authentication on HTTPS listeners of AlbConfigs, with everything it needs.

    `args`: see `AlbMutualTlsArgs`; `opts` must bring the provider `albmtls` (`providers=[AlbMtls(...)]`).
    Outputs: `identity` (8 hex digits), `ca_certificate_id` and `ca_certificate_pem` of the trusted authority, `clients[name].certificate_pem`,
    `.chain_pem`, `.not_after` and `.private_key_pem` (secret), `listener_fields` (the two AlbConfig fields, for programs that declare their own
    AlbConfig) and `listeners[name]`.
    """

    def __init__(self, name: str, args: AlbMutualTlsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("alb-mutual-tls:index:AlbMutualTls", name, None, opts)
        self._name = name
        self._args = args
        identity = StackIdentity(f"{name}-identity", self._opts())
        self.identity = identity.identity

        # Step 1: the root certificate authority.
        self.authorities = {authority: self._authority(authority) for authority in args.authorities}
        issuing, trusted = self.authorities[args.issuing], self.authorities[args.trusted]

        # Step 2: a repository for uploaded CA certificates, and the upload.
        repository = CertificateRepository(
            f"{name}-repository",
            repository_name=args.repository or self.identity.apply(lambda value: f"alb-mutual-tls-{value}"),
            configured=args.repository is not None,
            opts=self._opts(),
        )
        self.uploads = {authority: self._upload(authority, repository) for authority in args.authorities}
        self.ca_certificate_id = self.uploads[args.trusted].ca_certificate_id
        self.ca_certificate_pem = trusted.certificate_pem

        # Step 3: client certificates signed by the issuing authority.
        crosses = [] if args.issuing == args.trusted else [self._cross(args.issuing, args.trusted).certificate_pem]
        self.clients = {
            client: IssuedClient.issue(
                f"{name}-client-{client}", client, wanted, issuing, crosses, self.identity, self._opts(), self._opts()
            )
            for client, wanted in args.clients.items()
        }

        # Steps 4 and 5: client authentication on each listener, on or off.
        self.listener_fields: dict[str, pulumi.Input[Any]] = {
            "caEnabled": args.ca_enabled,
            "caCertificates": [{"CertificateId": self.ca_certificate_id}],
        }
        for listener in args.listeners.values():
            self._listener(listener, trusted, issuing)

        self.register_outputs(self._state())

    def _opts(self, *, protect: bool = False, depends_on: list[pulumi.Resource] | None = None) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, protect=protect or None, depends_on=depends_on)

    def _protects(self, authority: str) -> bool:
        return self._args.deletion_protection and authority in (self._args.issuing, self._args.trusted)

    def _authority(self, authority: str) -> CertificateAuthority:
        opts = self._opts(protect=self._protects(authority))
        return CertificateAuthority.generate(
            f"{self._name}-authority-{authority}", authority, self._args.authorities[authority], self.identity, opts
        )

    def _upload(self, authority: str, repository: CertificateRepository) -> CaCertificate:
        return CaCertificate(
            f"{self._name}-authority-{authority}",
            warehouse_id=repository.warehouse_id,
            upload_name=self.identity.apply(lambda value: f"{authority}-{value}"),
            certificate_pem=self.authorities[authority].certificate_pem,
            generated=True,
            opts=pulumi.ResourceOptions.merge(
                self._opts(protect=self._protects(authority)),
                # how long a deletion waits for ALB to let go of it
                pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(delete=f"{self._args.await_timeout_seconds}s")),
            ),
        )

    def _cross(self, subject: str, issuer: str) -> SignedCertificate:
        return SignedCertificate.cross(
            f"{self._name}-{subject}-by-{issuer}",
            subject_certificate_pem=self.authorities[subject].certificate_pem,
            issuer_certificate_pem=self.authorities[issuer].certificate_pem,
            issuer_private_key_pem=self.authorities[issuer].private_key_pem,
            opts=self._opts(),
        )

    def _listener(self, listener: Listener, trusted: CertificateAuthority, issuing: CertificateAuthority) -> None:
        """Named by AlbConfig and port, never by the user's key: another key for the same listener changes nothing."""
        args = self._args
        properties: dict[str, pulumi.Input[Any]] = {
            "albConfig": listener.alb_config,
            "port": listener.port,
            "caEnabled": args.ca_enabled and listener.ca_enabled,
            "caCertificateId": self.ca_certificate_id,
            "trustedFingerprint": trusted.fingerprint,
            "issuingFingerprint": issuing.fingerprint,
            "owner": self.identity,
            "awaitListener": args.await_listener,
            "awaitTimeoutSeconds": args.await_timeout_seconds,
            "takeOver": args.take_over,
            "cutOff": args.cut_off,
        }
        # A change of trust counts on clients that have their certificates, so those come first.
        clients: list[pulumi.Resource] = [client.certificate for client in self.clients.values()]
        opts = self._opts(protect=args.deletion_protection, depends_on=clients)
        ListenerClientAuthentication(f"{self._name}-{listener.alb_config}-{listener.port}", properties, opts)

    @property
    def listeners(self) -> dict[str, dict[str, pulumi.Input[Any]]]:
        """Per listener: AlbConfig, port, whether it demands client certificates, and the id of the CA it trusts."""
        return {
            name: {
                "albConfig": listener.alb_config,
                "port": listener.port,
                "caEnabled": self._args.ca_enabled and listener.ca_enabled,
                "caCertificateId": self.ca_certificate_id,
            }
            for name, listener in self._args.listeners.items()
        }

    @property
    def client_certificates(self) -> dict[str, dict[str, pulumi.Output[str]]]:
        """Per client: its certificate, the chain it presents (PEM) and its end (RFC 3339)."""
        return {
            name: {"certificatePem": client.certificate_pem, "chainPem": client.chain_pem, "notAfter": client.not_after}
            for name, client in self.clients.items()
        }

    @property
    def client_private_keys(self) -> pulumi.Output[Mapping[str, str]]:
        """Per client whose key the stack has made: its private key (PEM), as a secret."""
        keys = {name: client.private_key_pem for name, client in self.clients.items() if client.private_key_pem is not None}
        return pulumi.Output.secret(pulumi.Output.all(**keys))

    def _state(self) -> dict[str, Any]:
        """What `mtls` reads from the state."""
        verify = {name: listener.verify.model_dump(by_alias=True, exclude_none=True) for name, listener in self._args.listeners.items()}
        return {
            "identity": self.identity,
            "caCertificateId": self.ca_certificate_id,
            "caCertificatePem": self.ca_certificate_pem,
            "trustedAuthority": self._args.trusted,
            "issuingAuthority": self._args.issuing,
            "authorityCertificates": {name: authority.certificate_pem for name, authority in self.authorities.items()},
            "listeners": {name: {**listener, "verify": verify[name]} for name, listener in self.listeners.items()},
            "clientCertificates": self.client_certificates,
            "clientPrivateKeys": self.client_private_keys,
        }
