"""Cross certificates: other authorities of a stack certify the issuing one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi

from .albmtls import SignedCertificate

if TYPE_CHECKING:
    from .arguments import AlbMutualTlsArgs
    from .authority import CertificateAuthority


@dataclass(frozen=True)
class CrossCertificates:
    """What leads from the issuing authority to others: the certifiers' certificates.

    A certificate's PEM is empty where that authority has certified nobody.
    """

    issuing: CertificateAuthority
    pairs: tuple[tuple[CertificateAuthority, SignedCertificate], ...]

    @classmethod
    def sign(
        cls,
        name: str,
        args: AlbMutualTlsArgs,
        authorities: Mapping[str, CertificateAuthority],
        parent: pulumi.Resource,
    ) -> CrossCertificates:
        """Sign one by the trusted authority; those of others are kept where they exist."""
        issuing = authorities[args.issuing]
        pairs = []
        for certifier in args.certifiers:
            authority = authorities[certifier]
            assert authority.private_key_pem is not None
            certificate = SignedCertificate(
                f"{name}-{args.issuing}-by-{certifier}",
                subject_certificate_pem=issuing.root_pem,
                issuer_certificate_pem=authority.signer_pem,
                issuer_private_key_pem=authority.private_key_pem,
                sign=certifier == args.trusted,
                opts=pulumi.ResourceOptions(parent=parent),
            )
            pairs.append((authority, certificate))
        return cls(issuing, tuple(pairs))

    def above_clients(self) -> list[pulumi.Input[str]]:
        """What clients present above their own certificates, in PEM."""
        intermediates = self.issuing.intermediates_pem
        above: list[pulumi.Input[str]] = [] if intermediates is None else [intermediates]
        for authority, certificate in self.pairs:
            both = pulumi.Output.all(certificate.certificate_pem, authority.intermediates_pem or "")
            above.append(both.apply(lambda pems: "".join(pems) if pems[0] else ""))
        return above

    def root_pems(self) -> pulumi.Output[list[str]]:
        """The roots that clients' chains lead to."""
        pairs = [
            pulumi.Output.all(authority.root_pem, certificate.certificate_pem)
            for authority, certificate in self.pairs
        ]
        return pulumi.Output.all(self.issuing.root_pem, *pairs).apply(
            lambda values: [values[0], *(root for root, pem in values[1:] if pem)]
        )

    def fingerprints(self) -> pulumi.Output[list[str]]:
        """The fingerprints of the authorities that have certified the issuing one."""
        pairs = [
            pulumi.Output.all(authority.fingerprint, certificate.certificate_pem)
            for authority, certificate in self.pairs
        ]
        return pulumi.Output.all(*pairs).apply(
            lambda values: sorted(fingerprint for fingerprint, pem in values if pem)
        )
