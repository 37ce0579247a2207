"""Certificate authorities of a stack: generated, brought, or in CAS already.

A generated one is the documentation's step 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_tls as tls

from alb_mutual_tls.pki.bundle import fingerprint, not_after, split
from alb_mutual_tls.pki.profile import KEY_ALGORITHMS

from .albmtls import AuthorityCertificate, ExistingCaCertificate
from .models import AuthorityArgs

if TYPE_CHECKING:
    from alb_mutual_tls.pki.brought import BroughtAuthority


PrivateKeyPem = str | pulumi.Output[str]
"""A private key that was given, or that another resource computes."""


def private_key(name: str, key_algorithm: str, opts: pulumi.ResourceOptions) -> tls.PrivateKey:
    """A private key of one of the algorithms of `KEY_ALGORITHMS`."""
    parameters = KEY_ALGORITHMS[key_algorithm]
    return tls.PrivateKey(
        name,
        algorithm=parameters.algorithm,
        rsa_bits=parameters.rsa_bits,
        ecdsa_curve=parameters.ecdsa_curve,
        opts=opts,
    )


@dataclass(frozen=True)
class CertificateAuthority:
    """An authority: `signer_pem` signs clients, `root_pem` is what listeners trust.

    They are one unless a subordinate was brought. `intermediates_pem`: what clients present above
    their own certificate, None below a root. `private_key_pem`: the signer's, a secret; None where
    the stack does not have it. `fingerprint`: SHA-256 of the root, lower-case hex.
    """

    signer_pem: pulumi.Output[str]
    root_pem: pulumi.Output[str]
    intermediates_pem: pulumi.Input[str] | None
    private_key_pem: pulumi.Output[str] | None
    fingerprint: pulumi.Output[str]

    @property
    def not_after(self) -> pulumi.Output[str]:
        """When the root ends (RFC 3339)."""
        return self.root_pem.apply(not_after)

    @classmethod
    def generate(
        cls,
        resource_name: str,
        name: str,
        authority: AuthorityArgs,
        identity: pulumi.Input[str],
        opts: pulumi.ResourceOptions,
        *,
        secret: bool,
    ) -> CertificateAuthority:
        """Generate key and certificate.

        The certificate is X.509 v3 with the CA profile, without a path length, because a rotation
        needs depth (docs/pki.md). `secret`: the state holds the subject encrypted, but for what the
        certificate itself says.
        """
        key = private_key(resource_name, authority.key_algorithm, opts)
        subject = pulumi.Output.from_input(identity).apply(
            lambda value: authority.subject_fields(name, value)
        )
        certificate = AuthorityCertificate(
            resource_name,
            private_key_pem=key.private_key_pem,
            subject=pulumi.Output.secret(subject) if secret else subject,
            validity_days=authority.validity_days,
            opts=opts,
        )
        pem = certificate.certificate_pem
        return cls(pem, pem, None, key.private_key_pem, pem.apply(fingerprint))

    @classmethod
    def bring(
        cls, name: str, brought: BroughtAuthority, private_key_pem: PrivateKeyPem | None
    ) -> CertificateAuthority:
        """Use what was brought; nothing is made."""
        if isinstance(private_key_pem, pulumi.Output):
            private_key_pem = _checked(name, brought, private_key_pem)
        root = pulumi.Output.from_input(brought.root_pem)
        return cls(
            pulumi.Output.from_input(brought.signer_pem),
            root,
            brought.intermediates_pem or None,
            _secret(private_key_pem),
            root.apply(fingerprint),
        )

    @classmethod
    def of_cas(
        cls, existing: ExistingCaCertificate, private_key_pem: PrivateKeyPem | None
    ) -> CertificateAuthority:
        """Use what CAS has under an id: a root, or a signer with its chain up to the root."""
        blocks = existing.certificate_pem.apply(split)
        root = blocks.apply(lambda all_blocks: all_blocks[-1])
        return cls(
            blocks.apply(lambda all_blocks: all_blocks[0]),
            root,
            blocks.apply(lambda all_blocks: "".join(all_blocks[:-1])),
            _secret(private_key_pem),
            root.apply(fingerprint),
        )


def _checked(name: str, brought: BroughtAuthority, pem: pulumi.Output[str]) -> pulumi.Output[str]:
    """A key that another resource computes, as the rules would have checked it."""

    def check(value: str) -> str:
        if fault := brought.fault_of_key(value):
            raise pulumi.RunError(f"authorityPrivateKeys.{name}: {fault}")
        return value

    return pem.apply(check)


def _secret(private_key_pem: PrivateKeyPem | None) -> pulumi.Output[str] | None:
    return None if private_key_pem is None else pulumi.Output.secret(private_key_pem)
