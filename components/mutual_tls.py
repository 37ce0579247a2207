"""HTTPS mutual authentication on ALB Ingress listeners, whole.

Read `AlbMutualTls` from top to bottom as the documentation's five steps.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

import pulumi

from alb_mutual_tls import clock, tokens
from alb_mutual_tls.pki.register import member

from .albmtls import (
    ExistingCaCertificate,
    IssuedCertificates,
    ListenerClientAuthentication,
    StackIdentity,
)
from .arguments import AlbMutualTlsArgs
from .authority import CertificateAuthority
from .clients import ClientKey, IssuedClient
from .cross import CrossCertificates
from .models import ListenerArgs
from .uploads import uploads


class AlbMutualTls(pulumi.ComponentResource):
    """Client authentication on HTTPS listeners of AlbConfigs, and all it needs.

    `args`: see `AlbMutualTlsArgs`; `opts` must bring the provider `albmtls`
    (`providers=[AlbMtls(...)]`), and one of Kubernetes where a client has a Secret
    (`kubernetes_provider` of `client_secret.py`); `secret_arguments`: those (`clients`,
    `authorities`, `listeners`, `repository`) of which the state holds in the clear only what is
    public anyhow: names, AlbConfigs and ports, certificates and their ids, numbers and switches.
    Outputs: `identity` (8 hex digits), `ca_certificate_id` and `ca_certificate_pem` of the trusted
    authority, `clients[name].certificate_pem`, `.chain_pem`, `.not_after` and `.private_key_pem`
    (secret), `listener_fields` (the two AlbConfig fields, for programs that declare their own
    AlbConfig) and `listeners[name]`.
    """

    def __init__(
        self,
        name: str,
        args: AlbMutualTlsArgs,
        opts: pulumi.ResourceOptions | None = None,
        *,
        secret_arguments: Collection[str] = (),
    ) -> None:
        super().__init__(tokens.COMPONENT, name, None, opts)
        self._name = name
        self._secret_arguments = secret_arguments
        self._args = args
        identity = StackIdentity(f"{name}-identity", self._opts())
        self.identity = identity.identity

        # Step 1: the root certificate authority.
        self.existing = {
            authority: self._existing(declared.ca_certificate_id)
            for authority, declared in args.authorities.items()
            if declared.ca_certificate_id is not None
        }
        self.authorities = {authority: self._authority(authority) for authority in args.authorities}
        issuing, trusted = self.authorities[args.issuing], self.authorities[args.trusted]
        self._warn(args.trusted, args.issuing)

        # Step 2: a repository for uploaded CA certificates, and the upload; neither where CAS has
        # them all.
        self.uploads = self.existing | uploads(
            name,
            args,
            self.authorities,
            self.identity,
            self,
            secret_repository="repository" in secret_arguments,
        )
        self.ca_certificate_id = self.uploads[args.trusted].ca_certificate_id
        self.ca_certificate_pem = trusted.root_pem

        # Steps 4 and 5: client authentication on each listener, on or off. Those that are off, or
        # are being switched off, come before everything that may fail and that they do not need:
        # the kill switch waits for nothing.
        self.listener_fields: dict[str, pulumi.Input[Any]] = {
            "caEnabled": args.ca_enabled,
            "caCertificates": [{"CertificateId": self.ca_certificate_id}],
        }
        crosses = CrossCertificates.sign(name, args, self.authorities, self)
        demanding = [listener for listener in args.listeners.values() if self._args.demands(listener)]
        others = [listener for listener in args.listeners.values() if not self._args.demands(listener)]
        first = [self._listener(listener, trusted, issuing, crosses, []) for listener in others]

        # Step 3: client certificates signed by the issuing authority. During a rotation their chain
        # also carries cross certificates to the trusted authority and to a former one.
        self._above = crosses.above_clients()
        keys = {
            client: ClientKey.make(
                f"{name}-client-{client}",
                client,
                declared,
                self.identity,
                self._opts(depends_on=first),
                secret="clients" in self._secret_arguments,
            )
            for client, declared in args.clients.items()
        }
        # ALB knows no revocation, so what clients had is remembered until it ends, also when the
        # last client is gone.
        self._register = IssuedCertificates(
            f"{name}-issued",
            clients={client: key.wish for client, key in keys.items()},
            groups=self._groups(),
            issuer=self._issuer(issuing),
            existing_authority_pems=[authority.certificate_pem for authority in self.existing.values()],
            root_certificate_pems=crosses.root_pems(),
            listeners={
                f"{listener.alb_config}:{listener.port}": self._args.demands(listener)
                for listener in args.listeners.values()
            },
            opts=self._opts(depends_on=first),
        )
        self.clients = {
            client: IssuedClient.of(self._register, client, key, self._above) for client, key in keys.items()
        }
        secrets = self._secrets(after=first)

        # A listener that demands certificates counts on clients that have theirs.
        for listener in demanding:
            self._listener(listener, trusted, issuing, crosses, [self._register, *secrets])

        self.register_outputs(self._state())

    def _opts(
        self, *, protect: bool = False, depends_on: list[pulumi.Resource] | None = None
    ) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, protect=protect or None, depends_on=depends_on)

    def _hidden(self, argument: str, value: Any) -> Any:
        return pulumi.Output.secret(value) if value and argument in self._secret_arguments else value

    def _groups(self) -> dict[str, dict[str, pulumi.Input[Any]]]:
        """What the certificates of each group are to be, as the register takes it."""
        return {
            name: {
                "names": list(group.members),
                "keyAlgorithm": group.key_algorithm,
                "subject": self._hidden("clientGroups", group.subject),
                "uriPrefix": self.identity.apply(partial(group.uri_prefix, name)),
                "validityDays": group.validity_days,
                "renewBeforeDays": group.renewal_days(),
            }
            for name, group in self._args.client_groups.items()
        }

    def _issuer(self, issuing: CertificateAuthority) -> tuple[pulumi.Input[str], pulumi.Input[str]] | None:
        """What signs clients; None where there are none."""
        if not self._args.issues:
            return None
        assert issuing.private_key_pem is not None
        return issuing.signer_pem, issuing.private_key_pem

    def _secrets(self, *, after: list[pulumi.Resource]) -> list[pulumi.Resource]:
        """The Secrets of clients, with the roots that vouch for them."""
        if not self._args.secrets:
            return []
        from .client_secret import deliver

        names = sorted(self.authorities, key=lambda authority: authority != self._args.trusted)
        roots = [self.authorities[authority].root_pem for authority in names]
        return deliver(self._name, self._args, self.clients, roots, self.identity, self, after=after)

    def _existing(self, ca_certificate_id: str) -> ExistingCaCertificate:
        """Named by the id: another key of the user's for the same CA changes nothing."""
        demanded = not self._args.listeners or any(map(self._args.demands, self._args.listeners.values()))
        return ExistingCaCertificate(
            f"{self._name}-ca-{ca_certificate_id}",
            ca_certificate_id=ca_certificate_id,
            demanded=demanded,
            opts=self._opts(),
        )

    def _authority(self, authority: str) -> CertificateAuthority:
        private_key = self._args.authority_private_keys.get(authority)
        if authority in self.existing:
            return CertificateAuthority.of_cas(self.existing[authority], private_key)
        brought = self._args.brought(authority)
        if brought is not None:
            return CertificateAuthority.bring(authority, brought, private_key)
        opts = self._opts(protect=self._args.protects(authority))
        return CertificateAuthority.generate(
            f"{self._name}-authority-{authority}",
            authority,
            self._args.authorities[authority],
            self.identity,
            opts,
            secret="authorities" in self._secret_arguments,
        )

    def _warn(self, trusted: str, issuing: str) -> None:
        """Warn of what a brought authority's chain means for a listener, and of its end."""
        brought = self._args.brought(trusted)
        if brought is not None and brought.intermediates_pem:
            pulumi.log.warn(
                f"the listeners trust the root above authority {trusted}, so every client certificate below"
                " that root gets in, also those of other subordinate authorities; whether ALB could trust"
                " the subordinate alone is not known",
                self,
            )
        for name in dict.fromkeys((issuing, trusted)):
            brought = self._args.brought(name)
            for sentence in brought.ends(clock.now()) if brought is not None else ():
                pulumi.log.warn(f"clients of authority {name} are let in by no listener: {sentence}", self)
        if self._args.depth > 1:
            from alb_mutual_tls.pki.certification_path import (
                deep,
            )  # imports cryptography, as whoever brings a chain does already

            pulumi.log.warn(f"a client of authority {issuing}: {deep(self._args.depth)}", self)

    def _listener(
        self,
        listener: ListenerArgs,
        trusted: CertificateAuthority,
        issuing: CertificateAuthority,
        crosses: CrossCertificates,
        after: list[pulumi.Resource],
    ) -> pulumi.Resource:
        """Named by AlbConfig and port: another key of the user's changes nothing."""
        args = self._args
        properties: dict[str, pulumi.Input[Any]] = {
            "albConfig": listener.alb_config,
            "port": listener.port,
            "caEnabled": self._args.demands(listener),
            "caCertificateId": self.ca_certificate_id,
            "caCertificateExisting": args.trusted in self.existing,
            "trustedFingerprint": trusted.fingerprint,
            "trustedNotAfter": trusted.not_after,
            "issuingFingerprint": issuing.fingerprint,
            "crossFingerprints": crosses.fingerprints(),
            "owner": self.identity,
            "awaitListener": args.await_listener,
            "awaitTimeoutSeconds": args.await_timeout_seconds,
            "takeOver": args.take_over,
            "cutOff": args.cut_off,
        }
        opts = self._opts(protect=args.deletion_protection, depends_on=after)
        return ListenerClientAuthentication(
            f"{self._name}-{listener.alb_config}-{listener.port}", properties, opts
        )

    @property
    def listeners(self) -> dict[str, dict[str, pulumi.Input[Any]]]:
        """Per listener: AlbConfig, port, whether it demands certificates, its CA's id."""
        return {
            name: {
                "albConfig": listener.alb_config,
                "port": listener.port,
                "caEnabled": self._args.demands(listener),
                "caCertificateId": self.ca_certificate_id,
            }
            for name, listener in self._args.listeners.items()
        }

    @property
    def client_certificates(self) -> dict[str, dict[str, pulumi.Output[str]]]:
        """Per client: its certificate, the chain it presents (PEM) and its end (RFC 3339)."""
        return {
            name: {
                "certificatePem": client.certificate_pem,
                "chainPem": client.chain_pem,
                "notAfter": client.not_after,
            }
            for name, client in self.clients.items()
        }

    @property
    def group_certificates(self) -> dict[str, pulumi.Output[dict[str, dict[str, str]]]]:
        """Per group and name: the same of each member."""

        def of_members(values: Sequence[Any]) -> dict[str, dict[str, str]]:
            issued, *above = values
            return {
                name: {
                    "certificatePem": certificate["certificatePem"],
                    "chainPem": "".join([certificate["certificatePem"], *above]),
                    "notAfter": certificate["notAfter"],
                }
                for name, certificate in issued.items()
            }

        return {
            group: pulumi.Output.all(self._register.group(group), *self._above).apply(of_members)
            for group in self._args.client_groups
        }

    @property
    def client_private_keys(self) -> pulumi.Output[Mapping[str, str]]:
        """Per client whose key the stack has made: its private key (PEM), as a secret.

        Members of groups are there by their full names, GROUP/NAME.
        """
        keys = {
            name: client.private_key_pem
            for name, client in self.clients.items()
            if client.private_key_pem is not None
        }
        every: pulumi.Output[Mapping[str, str]] = pulumi.Output.all(**keys)
        if self._args.client_groups:
            both = pulumi.Output.all(every, self._register.private_keys)
            every = both.apply(lambda maps: {**maps[0], **maps[1]})
        return pulumi.Output.secret(every)

    def _every_certificate(self) -> pulumi.Input[Mapping[str, Any]]:
        """The certificates of clients and members, by their full names."""
        groups = self.group_certificates
        if not groups:
            return self.client_certificates
        return pulumi.Output.all(self.client_certificates, groups).apply(
            lambda both: {
                **both[0],
                **{
                    member(group, name): certificate
                    for group, members in both[1].items()
                    for name, certificate in members.items()
                },
            }
        )

    def packaged_outputs(self) -> dict[str, Any]:
        """What a program in another language is given; see `package_schema.py`."""
        return {
            "identity": self.identity,
            "caCertificateId": self.ca_certificate_id,
            "caCertificatePem": self.ca_certificate_pem,
            "clientCertificates": self._every_certificate(),
            "clientPrivateKeys": self.client_private_keys,
            "listenerFields": self.listener_fields,
            "listeners": self.listeners,
        }

    def _state(self) -> dict[str, Any]:
        """What `mtls` reads from the state."""
        verify = {
            name: listener.verify.model_dump(by_alias=True, exclude_none=True)
            for name, listener in self._args.listeners.items()
        }
        return {
            "identity": self.identity,
            "caCertificateId": self.ca_certificate_id,
            "caCertificatePem": self.ca_certificate_pem,
            "trustedAuthority": self._args.trusted,
            "issuingAuthority": self._args.issuing,
            "authorityCertificates": {
                name: authority.root_pem for name, authority in self.authorities.items()
            },
            "caCertificateIds": {name: upload.ca_certificate_id for name, upload in self.uploads.items()},
            "listeners": {
                name: {**listener, "verify": self._hidden("listeners", verify[name])}
                for name, listener in self.listeners.items()
            },
            "aboveClients": self._above,
        }
