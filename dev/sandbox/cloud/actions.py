"""All actions of the OpenAPI endpoint."""

from __future__ import annotations

from typing import Final

from dev.sandbox.cloud import alb, cas, cs, sts

VERSIONS: Final = {
    "2020-04-07": cas.PARAMETERS,
    cas.PRIVATE_CA_VERSION: cas.PRIVATE_CA_PARAMETERS,
    "2020-06-16": alb.PARAMETERS,
    "2015-04-01": sts.PARAMETERS,
    cs.VERSION: cs.PARAMETERS,
}
"""API version -> its actions with their parameters."""
