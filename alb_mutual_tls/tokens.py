"""The types of the resources that stand in users' states."""

from __future__ import annotations

from typing import Final

COMPONENT: Final = "alb-mutual-tls:index:AlbMutualTls"


LISTENER_CLIENT_AUTHENTICATION: Final = "albmtls:index:ListenerClientAuthentication"


SIGNED_CERTIFICATE: Final = "albmtls:index:SignedCertificate"


PROVIDER: Final = "pulumi:providers:albmtls"


PRIVATE_KEY: Final = "tls:index/privateKey:PrivateKey"


PROJECT: Final = "alb-mutual-tls"
