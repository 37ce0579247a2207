"""For all tests."""

import pulumi  # noqa: F401  # before alb_mutual_tls.provider.protocol, which otherwise enters the SDK's packages as empty modules
