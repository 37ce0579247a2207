"""The resource types in users' states, as the engine spells them.

A type that is renamed needs an alias in its resource class (components/albmtls.py), or the engine
replaces every resource of it.
"""

from __future__ import annotations

from typing import Final

PROJECT: Final = "alb-mutual-tls"
"""The Pulumi project, and the package of the component."""
PACKAGE: Final = "albmtls"
"""The package of our resource provider."""
VERSION: Final = "0.1.0"
"""The version of plugin and package; a test holds pyproject.toml against it."""

COMPONENT: Final = f"{PROJECT}:index:AlbMutualTls"
"""The component in states, whichever program has declared it."""
PACKAGED_COMPONENT: Final = f"{PACKAGE}:index:AlbMutualTls"
"""The component as programs in other languages name it."""
PROVIDER: Final = f"pulumi:providers:{PACKAGE}"

AUTHORITY_CERTIFICATE: Final = f"{PACKAGE}:index:AuthorityCertificate"
CA_CERTIFICATE: Final = f"{PACKAGE}:index:CaCertificate"
CERTIFICATE_REPOSITORY: Final = f"{PACKAGE}:index:CertificateRepository"
CLUSTER_IDENTITY: Final = f"{PACKAGE}:index:ClusterIdentity"
EXISTING_CA_CERTIFICATE: Final = f"{PACKAGE}:index:ExistingCaCertificate"
ISSUED_CERTIFICATES: Final = f"{PACKAGE}:index:IssuedCertificates"
LISTENER_CLIENT_AUTHENTICATION: Final = f"{PACKAGE}:index:ListenerClientAuthentication"
SECRET_PLACE: Final = f"{PACKAGE}:index:SecretPlace"
SIGNED_CERTIFICATE: Final = f"{PACKAGE}:index:SignedCertificate"
STACK_IDENTITY: Final = f"{PACKAGE}:index:StackIdentity"

STACK: Final = "pulumi:pulumi:Stack"
PRIVATE_KEY: Final = "tls:index/privateKey:PrivateKey"
SELF_SIGNED_CERTIFICATE: Final = "tls:index/selfSignedCert:SelfSignedCert"
"""The authority's certificate in states of earlier versions."""
KUBERNETES_SECRET: Final = "kubernetes:core/v1:Secret"  # noqa: S105 (a type)
