"""Rules that an organization may hold its stacks to: docs/policy.md.

It is a program of its own, in an environment of its own, and knows of the stacks what the engine
tells: types, properties and options of resources.
"""

from __future__ import annotations

import re
from typing import Final

from pulumi_policy import (
    EnforcementLevel,
    PolicyConfigSchema,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
)

LISTENER: Final = "albmtls:index:ListenerClientAuthentication"
REGISTER: Final = "albmtls:index:IssuedCertificates"
PRODUCTION: Final = PolicyConfigSchema(properties={"production": {"type": "string", "default": "prod"}})
"""A regular expression; a stack in whose name it is found is one of production."""
RENEWAL: Final = PolicyConfigSchema(
    properties={"renewBeforeDays": {"type": "integer", "minimum": 1, "default": 7}}
)


def listener_is_closed(args: ResourceValidationArgs, report: ReportViolation) -> None:
    if args.resource_type == LISTENER and _is_production(args) and not args.props["caEnabled"]:
        report(f"{_listener(args)} lets everybody in: set caEnabled to true")


def listener_is_protected(args: ResourceValidationArgs, report: ReportViolation) -> None:
    if args.resource_type == LISTENER and _is_production(args) and not args.opts.protect:
        report(f"a destroy would open {_listener(args)}: set deletionProtection to true, or remove it")


def client_is_renewed(args: ResourceValidationArgs, report: ReportViolation) -> None:
    if args.resource_type != REGISTER:
        return
    least = args.get_config()["renewBeforeDays"]
    for kind in ("clients", "groups"):
        for name, wish in args.props.get(kind, {}).items():
            days = int(wish["renewBeforeDays"])
            if days < least:
                report(
                    f"a run has {days} days to renew the certificates of {kind}.{name}, and {least:g} are"
                    " wanted: raise its renewBeforeDays or validityDays"
                )


def _is_production(args: ResourceValidationArgs) -> bool:
    stack = args.urn.removeprefix("urn:pulumi:").partition("::")[0]
    return re.search(args.get_config()["production"], stack) is not None


def _listener(args: ResourceValidationArgs) -> str:
    return f"listener {int(args.props['port'])} of AlbConfig {args.props['albConfig']}"


PolicyPack(
    name="alb-mutual-tls",
    enforcement_level=EnforcementLevel.MANDATORY,
    policies=[
        ResourceValidationPolicy(
            name="listener-closed",
            description="Listeners of production demand client certificates.",
            validate=listener_is_closed,
            config_schema=PRODUCTION,
        ),
        ResourceValidationPolicy(
            name="listener-protected",
            description="Listeners of production have deletion protection.",
            validate=listener_is_protected,
            config_schema=PRODUCTION,
        ),
        ResourceValidationPolicy(
            name="client-renewed",
            description="Certificates of clients are renewed some days before they end.",
            validate=client_is_renewed,
            config_schema=RENEWAL,
        ),
    ],
)
