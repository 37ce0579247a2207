"""The CA certificates that a stack uploads, and their repository of CAS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pulumi

from alb_mutual_tls.pki.bundle import fingerprint

from .albmtls import CaCertificate, CertificateRepository

if TYPE_CHECKING:
    from .arguments import AlbMutualTlsArgs
    from .authority import CertificateAuthority


def uploads(
    name: str,
    args: AlbMutualTlsArgs,
    authorities: Mapping[str, CertificateAuthority],
    identity: pulumi.Output[str],
    parent: pulumi.Resource,
    *,
    secret_repository: bool,
) -> dict[str, CaCertificate]:
    """The upload of each authority that is not in CAS already.

    Brought ones with the same root share one.
    """
    resource_names: dict[str, list[str]] = {}
    for authority, declared in args.authorities.items():
        if declared.ca_certificate_id is None:
            resource_names.setdefault(_resource_name(name, args, authority), []).append(authority)
    if not resource_names:
        return {}
    # A failed upload does not end the run where a listener is off, which must come to that in any
    # case.
    demanded = all(map(args.demands, args.listeners.values()))
    given = (
        pulumi.Output.secret(args.repository) if secret_repository and args.repository else args.repository
    )
    repository = CertificateRepository(
        f"{name}-repository",
        repository_name=given or identity.apply(lambda value: f"alb-mutual-tls-{value}"),
        configured=args.repository is not None,
        demanded=demanded,
        opts=pulumi.ResourceOptions(parent=parent),
    )
    certificates: dict[str, CaCertificate] = {}
    for resource_name, sharing in resource_names.items():
        certificate = CaCertificate(
            resource_name,
            warehouse_id=repository.warehouse_id,
            upload_name=_upload_name(sharing[0], identity),
            certificate_pem=authorities[sharing[0]].root_pem,
            generated=args.authorities[sharing[0]].generated,
            demanded=demanded,
            opts=pulumi.ResourceOptions(
                parent=parent,
                protect=any(map(args.protects, sharing)) or None,
                # how long a deletion waits for ALB to let go of it
                custom_timeouts=pulumi.CustomTimeouts(delete=f"{args.await_timeout_seconds}s"),
            ),
        )
        certificates |= dict.fromkeys(sharing, certificate)
    return certificates


def _resource_name(name: str, args: AlbMutualTlsArgs, authority: str) -> str:
    """A brought root is named by its content, so that the user's key does not count."""
    brought = args.brought(authority)
    if brought is None:
        return f"{name}-authority-{authority}"
    return f"{name}-ca-{fingerprint(brought.root_pem)}"


def _upload_name(authority: str, identity: pulumi.Output[str]) -> pulumi.Output[str]:
    return identity.apply(lambda value: f"{authority}-{value}")
