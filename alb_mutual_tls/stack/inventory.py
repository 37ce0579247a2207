"""What the stack has issued and trusts, read from its state.

Secrets stay encrypted, and no passphrase is needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pki.issued import Outstanding
from alb_mutual_tls.pki.register import renewal_days
from alb_mutual_tls.stack.deployed import DeployedComponent, listed
from alb_mutual_tls.stack.state import components_of, resources_of
from alb_mutual_tls.text import did_you_mean
from alb_mutual_tls.tokens import ISSUED_CERTIFICATES, PROVIDER, SIGNED_CERTIFICATE
from alb_mutual_tls.wire import without_secrets


@dataclass(frozen=True)
class ClientCertificate:
    """The certificate that a client of the configuration has.

    `renew_before_days` and `issuer_pem`: None where the state does not tell.
    """

    client: str
    certificate_pem: str
    renew_before_days: int | None
    issuer_pem: str | None


@dataclass(frozen=True)
class Inventory:
    """One `AlbMutualTls` of the stack.

    `authorities`: name -> certificate (PEM), the root where a subordinate signs. `outstanding`:
    None in the state of a version that kept no record. `provider`: the inputs of the provider
    `albmtls`, None where one is secret; `secret_settings`: the names of those.
    """

    component: DeployedComponent
    authorities: Mapping[str, str]
    issuing_authority: str
    clients: tuple[ClientCertificate, ...]
    outstanding: tuple[Outstanding, ...] | None
    provider: Mapping[str, Any] = field(repr=False)
    secret_settings: tuple[str, ...]


def inventories(exported: Mapping[str, Any], *, component: str | None) -> tuple[Inventory, ...]:
    """Return the components of an exported deployment, or the one named.

    The deployment was exported without its secrets. Raises `UserError` when there is no such
    component.
    """
    public = without_secrets(exported)
    components = components_of(public)
    chosen = [candidate for candidate in components if component in (None, candidate.name)]
    if not chosen:
        names = [candidate.name for candidate in components]
        raise UserError(
            f"the stack has no AlbMutualTls named {component!r}: it has"
            f" {listed(names)}{did_you_mean(component or '', names)}"
        )
    return tuple(_inventory(public, candidate) for candidate in chosen)


def _inventory(public: Mapping[str, Any], component: DeployedComponent) -> Inventory:
    resources = resources_of(public, component.name)
    outputs = next(
        resource["outputs"]
        for resource in public["deployment"]["resources"]
        if resource["urn"] == resources[0]["parent"]
    )
    register: Mapping[str, Any] = next(
        (resource for resource in resources if resource["type"] == ISSUED_CERTIFICATES), {}
    )
    inputs, held = register.get("inputs") or {}, register.get("outputs") or {}
    days, issuer = renewal_days(inputs), inputs.get("issuerCertificatePem")
    for resource in resources:
        if resource["type"] == SIGNED_CERTIFICATE and (before := resource["inputs"])["kind"] == "client":
            # of the version before
            client = str(resource["urn"]).rpartition("::")[2].removeprefix(f"{component.name}-client-")
            days[client], issuer = int(before["renewBeforeDays"]), before["issuerCertificatePem"]
    settings = next(
        (resource.get("inputs") or {} for resource in resources if resource["type"] == PROVIDER), {}
    )
    return Inventory(
        component=component,
        authorities=dict(outputs["authorityCertificates"]),
        issuing_authority=outputs["issuingAuthority"],
        clients=tuple(
            ClientCertificate(client.name, client.certificate_pem, days.get(client.name), issuer)
            for client in component.clients
        ),
        outstanding=tuple(cast(list[Outstanding], held["outstanding"])) if held else None,
        provider=settings,
        secret_settings=tuple(sorted(key for key, value in settings.items() if value is None)),
    )
