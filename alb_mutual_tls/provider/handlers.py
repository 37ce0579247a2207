"""Creates the handlers of the resource types.

A handler's module is imported when a resource of its type is first met.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from datetime import datetime
from typing import TYPE_CHECKING

from alb_mutual_tls import tokens
from alb_mutual_tls.plugin.handler import Handler
from alb_mutual_tls.provider.configuration import Configuration

if TYPE_CHECKING:
    from alb_mutual_tls.provider.consequences import Clients


def make_handler(
    token: str,
    configuration: Configuration,
    clock: Callable[[], datetime],
    issued: MutableMapping[str, Clients],
) -> Handler:
    """The handler of a resource type; raises `KeyError` when there is none.

    `issued`: what `IssuedCertificates` tells whoever speaks of the clients.
    """
    match token:
        case tokens.STACK_IDENTITY:
            from alb_mutual_tls.provider.stack_identity import StackIdentity

            return StackIdentity()
        case tokens.CERTIFICATE_REPOSITORY:
            from alb_mutual_tls.provider.certificate_repository import CertificateRepository

            return CertificateRepository(configuration)
        case tokens.CA_CERTIFICATE:
            from alb_mutual_tls.provider.ca_certificate import CaCertificate

            return CaCertificate(configuration, clock)
        case tokens.EXISTING_CA_CERTIFICATE:
            from alb_mutual_tls.provider.existing_ca_certificate import ExistingCaCertificate

            return ExistingCaCertificate(configuration, clock)
        case tokens.LISTENER_CLIENT_AUTHENTICATION:
            from alb_mutual_tls.provider.listener_client_authentication import ListenerClientAuthentication

            return ListenerClientAuthentication(configuration, clock, issued)
        case tokens.CLUSTER_IDENTITY:
            from alb_mutual_tls.provider.cluster_identity import ClusterIdentity

            return ClusterIdentity(configuration)
        case tokens.SECRET_PLACE:
            from alb_mutual_tls.provider.secret_place import SecretPlace

            return SecretPlace(configuration)
        case tokens.AUTHORITY_CERTIFICATE:
            from alb_mutual_tls.provider.authority_certificate import AuthorityCertificate

            return AuthorityCertificate(clock)
        case tokens.SIGNED_CERTIFICATE:
            from alb_mutual_tls.provider.signed_certificate import SignedCertificate

            return SignedCertificate(clock)
        case tokens.ISSUED_CERTIFICATES:
            from alb_mutual_tls.provider.issued_certificates import IssuedCertificates

            return IssuedCertificates(clock, issued)
    raise KeyError(token)
