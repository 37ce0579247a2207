"""What stands in for Alibaba Cloud in the sandbox.

It is small and strict, and serves the loopback interface only.

- `openapi.py` with `cas.py`, `alb.py`, `sts.py`: the OpenAPI endpoint. `with
  openapi_server(directory) as endpoint:` serves it without a cluster, for tests.
- `controller.py` with `albconfig.py`, `ingress.py`, `build.py`: the ALB Ingress controller, which
  turns AlbConfigs and Ingresses into load balancers (`model.py`).
- `data_plane.py` with `nginx.py`: makes nginx serve them. `backends.py`: the Services behind.
  `seeds.py`: what is there from the start.

`docs/sandbox.md` says what is real, what stands in and what is not covered.
"""

from dev.sandbox.cloud.openapi import OpenApiServer, openapi_server

__all__ = ["OpenApiServer", "openapi_server"]
