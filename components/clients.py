"""Client certificates that a stack issues, the documentation's step 3.

Each has a key, a certificate signing request and a certificate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_tls as tls

from .albmtls import SignedCertificate
from .authority import CertificateAuthority, private_key
from .models import ClientArgs
from .pem_or_path import pem_text


@dataclass(frozen=True)
class IssuedClient:
    """A client's certificate.

    `chain_pem` is what the client presents: its certificate first, then cross certificates, without
    the root. `private_key_pem` is a secret, and None for a client that brought a request: its key
    never was here.
    """

    certificate: SignedCertificate
    certificate_pem: pulumi.Output[str]
    chain_pem: pulumi.Output[str]
    not_after: pulumi.Output[str]
    private_key_pem: pulumi.Output[str] | None

    @classmethod
    def issue(
        cls,
        resource_name: str,
        name: str,
        client: ClientArgs,
        issuer: CertificateAuthority,
        above: Sequence[pulumi.Input[str]],
        identity: pulumi.Output[str],
        opts: pulumi.ResourceOptions,
        *,
        existing_authority_pems: Sequence[pulumi.Input[str]],
        secret: bool,
    ) -> IssuedClient:
        """Issue a client certificate.

        Its subject and URI names come from the configuration, never from the request. `above`: what
        the client presents above its own certificate, in PEM. The issuer must have its private key.
        `existing_authority_pems`: chains in CAS, whose names the client must not bear; those of
        other authorities are compared before. `secret`: the state holds request, subject and URI
        names encrypted, but for what the certificate itself says.
        """
        fields = client.subject_fields(name)
        hidden: Callable[[Any], Any] = pulumi.Output.secret if secret else lambda value: value
        private_key_pem: pulumi.Output[str] | None = None
        csr_pem: pulumi.Input[str]
        if client.csr is not None:
            csr_pem = client.csr if isinstance(client.csr, str) else _checked(name, client.csr)
        else:
            key = private_key(resource_name, client.key_algorithm, opts)
            private_key_pem = key.private_key_pem
            request = tls.CertRequest(
                resource_name,
                private_key_pem=key.private_key_pem,
                subject=hidden(tls.CertRequestSubjectArgs(common_name=fields["commonName"])),
                opts=_with_secret_subject(opts) if secret else opts,
            )
            csr_pem = request.cert_request_pem
        assert issuer.private_key_pem is not None
        signed = SignedCertificate.client(
            resource_name,
            csr_pem=hidden(csr_pem),
            issuer_certificate_pem=issuer.signer_pem,
            issuer_private_key_pem=issuer.private_key_pem,
            subject=hidden(fields),
            uris=(
                identity.apply(lambda value: client.uri_names(name, value))
                if client.uris is None
                else hidden(list(client.uris))
            ),
            validity_days=client.validity_days,
            renew_before_days=client.renewal_days(),
            existing_authority_pems=existing_authority_pems,
            opts=opts,
        )
        chain = pulumi.Output.all(signed.certificate_pem, *above).apply("".join)
        return cls(signed, signed.certificate_pem, chain, signed.not_after, private_key_pem)


def _checked(name: str, csr: pulumi.Output[str]) -> pulumi.Output[str]:
    """A request that another resource computes, as `ClientArgs` would have checked it."""
    place = f"clients.{name}.csr"

    def check(value: str) -> str:
        try:
            return pem_text(value)
        except ValueError as error:
            raise pulumi.RunError(f"{place}: {error}") from None

    return csr.apply(check)


def _with_secret_subject(opts: pulumi.ResourceOptions) -> pulumi.ResourceOptions:
    """The options of a resource whose subject is a secret among its outputs too.

    What plugins make of secret inputs is up to them.
    """
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(additional_secret_outputs=["subject"]))
