"""What the stack declares and holds, read from its state.

One `pulumi stack export` reads it. The decrypted state contains private keys. It stays in this
process's memory, and no representation of it shows a key.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from alb_mutual_tls import tokens
from alb_mutual_tls.engine.program import export
from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pki.register import KEYS, certificates
from alb_mutual_tls.stack.deployed import (
    DeployedAuthority,
    DeployedClient,
    DeployedComponent,
    DeployedListener,
    DeployedSigner,
    listed,
    named,
)
from alb_mutual_tls.text import did_you_mean
from alb_mutual_tls.tokens import (
    COMPONENT,
    ISSUED_CERTIFICATES,
    LISTENER_CLIENT_AUTHENTICATION,
    PRIVATE_KEY,
    PROVIDER,
)
from alb_mutual_tls.wire import plain


def read_components(
    directory: Path, *, stack: str | None, component: str | None, with_authority_key: bool = False
) -> tuple[DeployedComponent, ...]:
    """All components of the stack, or the one asked for by name.

    Raises UserError where there is none to read.
    """
    return named(components_of(export(directory, stack), with_authority_key=with_authority_key), component)


def read_provider_inputs(directory: Path, *, stack: str | None, component: str | None) -> Mapping[str, Any]:
    """Return the stack's configuration of the provider `albmtls`.

    It includes secrets, and it is empty when nothing is deployed yet.
    """
    return provider_inputs(export(directory, stack), component=component)


def provider_inputs(exported: Mapping[str, Any], *, component: str | None) -> Mapping[str, Any]:
    """Return the inputs of the provider `albmtls` in an exported deployment.

    Raises UserError when its components have different ones, or none has the given name.
    """
    deployment = exported.get("deployment") or {}
    resources = [resource for resource in deployment.get("resources") or () if not resource.get("delete")]
    roots = [resource for resource in resources if resource.get("type") == COMPONENT]
    chosen = [root for root in roots if component in (None, _name(root))]
    if component is not None and not chosen:
        raise UserError(
            f"the stack has no AlbMutualTls named {component!r}: it has"
            f" {listed(_name(root) for root in roots)}{did_you_mean(component, map(_name, roots))}"
        )
    providers: list[Mapping[str, Any]] = []
    for root in chosen:
        inputs = _provider(_descendants(root["urn"], resources), resources)
        if inputs and inputs not in providers:
            providers.append(inputs)
    if len(providers) > 1:
        raise UserError(
            "the components of the stack use different providers: choose one with --component, of"
            f" {listed(map(_name, chosen))}"
        )
    return providers[0] if providers else {}


def components_of(
    exported: Mapping[str, Any], *, with_authority_key: bool = False
) -> tuple[DeployedComponent, ...]:
    """Return the components in an exported deployment.

    The authority's private key is only taken out of it when asked for. Raises UserError when
    nothing is deployed or an update was left half-way.
    """
    deployment = exported.get("deployment") or {}
    resources = [resource for resource in deployment.get("resources") or () if not resource.get("delete")]
    roots = [resource for resource in resources if resource.get("type") == COMPONENT]
    if not roots:
        raise UserError(
            "nothing is deployed yet: the stack's state has no AlbMutualTls; run `pulumi up` first"
        )
    return tuple(_component(resource, resources, with_authority_key=with_authority_key) for resource in roots)


def resources_of(exported: Mapping[str, Any], component: str) -> list[Mapping[str, Any]]:
    """Return a component's resources, with the providers that made them.

    They are as they stand in the deployment.
    """
    resources = [resource for resource in exported["deployment"]["resources"] if not resource.get("delete")]
    root = next(
        resource
        for resource in resources
        if resource.get("type") == COMPONENT and _name(resource) == component
    )
    family = _descendants(root["urn"], resources)
    providers = {str(resource.get("provider", "")).rpartition("::")[0] for resource in family}
    return [*family, *(resource for resource in resources if resource["urn"] in providers)]


def _component(
    resource: Mapping[str, Any], resources: list[Mapping[str, Any]], *, with_authority_key: bool
) -> DeployedComponent:
    name = _name(resource)
    outputs = plain(resource.get("outputs") or {})
    if "listeners" not in outputs or not outputs.get("caCertificatePem"):
        raise UserError(
            f"the last `pulumi up` did not get to the end, so AlbMutualTls {name} is incomplete in the state:"
            " run `pulumi up`"
        )
    family = _descendants(resource["urn"], resources)
    authentications = [member for member in family if member.get("type") == LISTENER_CLIENT_AUTHENTICATION]
    clusters = {
        authentication.get("id"): plain(authentication.get("outputs") or {}).get("cluster")
        for authentication in authentications
    }
    provider = _provider(family, resources)
    trusted = outputs["trustedAuthority"]
    authorities = _authorities(name, outputs, family, with_authority_key=with_authority_key)
    return DeployedComponent(
        name=name,
        listeners=tuple(
            _listener(key, wished, clusters) for key, wished in sorted((outputs["listeners"] or {}).items())
        ),
        clients=_clients(name, outputs, family),
        trusted_authority=trusted,
        ca_certificate_pem=outputs["caCertificatePem"],
        authority_private_key_pem=next(
            (authority.private_key_pem for authority in authorities if authority.name == trusted), None
        ),
        kubeconfig=provider.get("kubeconfig"),
        context=provider.get("context"),
        identity=outputs.get("identity") or "",
        issuing_authority=outputs.get("issuingAuthority") or trusted,
        authorities=authorities,
    )


def _authorities(
    name: str, outputs: Mapping[str, Any], family: list[Mapping[str, Any]], *, with_authority_key: bool
) -> tuple[DeployedAuthority, ...]:
    trusted = outputs["trustedAuthority"]
    roots = {trusted: outputs["caCertificatePem"], **(outputs.get("authorityCertificates") or {})}
    ids = {trusted: outputs.get("caCertificateId"), **(outputs.get("caCertificateIds") or {})}
    signers = _signers(name, outputs, roots, family) if with_authority_key else {}
    return tuple(
        DeployedAuthority(
            authority,
            pem,
            ids.get(authority) or None,  # empty while an upload is pending
            (
                signers[authority].private_key_pem
                if authority in signers and signers[authority].certificate_pem == pem
                else None
            ),
            signers.get(authority),
        )
        for authority, pem in sorted(roots.items())
        if pem
    )


def _signers(
    name: str, outputs: Mapping[str, Any], roots: Mapping[str, str], family: list[Mapping[str, Any]]
) -> dict[str, DeployedSigner]:
    """Return the signers whose private keys are in the state.

    Those are the stack's own, and brought ones that have signed something.
    """
    signers: dict[str, DeployedSigner] = {}
    for authority, pem in roots.items():
        key = _private_key(f"{name}-authority-{authority}", family)
        if key is not None:
            signers[authority] = DeployedSigner(pem, key)
    for resource in family:
        inputs = plain(resource.get("inputs") or {})
        match resource.get("type"):
            case tokens.ISSUED_CERTIFICATES if "issuerCertificatePem" in inputs:
                signs = outputs.get("issuingAuthority") or outputs["trustedAuthority"]
            case tokens.SIGNED_CERTIFICATE if inputs["kind"] == "client":  # of the version before
                signs = outputs.get("issuingAuthority") or outputs["trustedAuthority"]
            case tokens.SIGNED_CERTIFICATE if inputs.get("sign", True):
                signs = outputs["trustedAuthority"]
            case _:  # also a certificate that is kept from when another authority was trusted
                continue
        signer = DeployedSigner(inputs["issuerCertificatePem"], inputs["issuerPrivateKeyPem"])
        signers.setdefault(signs, signer)
    return signers


def _listener(
    name: str, wished: Mapping[str, Any], clusters: Mapping[str | None, str | None]
) -> DeployedListener:
    verify = wished.get("verify") or {}
    port = int(wished["port"])
    return DeployedListener(
        name=name,
        alb_config=wished["albConfig"],
        port=port,
        ca_enabled=bool(wished["caEnabled"]),
        address=verify.get("address"),
        server_name=verify.get("serverName"),
        path=verify.get("path") or "/",
        cluster=clusters.get(f"{wished['albConfig']}/{port}"),
        ca_certificate_id=wished.get("caCertificateId") or None,
    )


def _clients(
    name: str, outputs: Mapping[str, Any], family: list[Mapping[str, Any]]
) -> tuple[DeployedClient, ...]:
    if "clientCertificates" in outputs:
        return _clients_before(outputs)
    held: Mapping[str, Any] = next(
        (plain(member["outputs"]) for member in family if member.get("type") == ISSUED_CERTIFICATES), {}
    )
    above = "".join(outputs.get("aboveClients") or ())
    keys = held.get(KEYS) or {}
    return tuple(
        DeployedClient(
            name=client,
            certificate_pem=issued["certificatePem"],
            chain_pem=issued["certificatePem"] + above,
            not_after=issued["notAfter"],
            private_key_pem=keys.get(client) or _private_key(f"{name}-client-{client}", family),
        )
        for client, issued in sorted(certificates(held).items())
    )


def _clients_before(outputs: Mapping[str, Any]) -> tuple[DeployedClient, ...]:
    """The clients in a state that the version before wrote, where each had its own resources."""
    keys = outputs.get("clientPrivateKeys") or {}
    return tuple(
        DeployedClient(
            name=name,
            certificate_pem=client["certificatePem"],
            chain_pem=client.get("chainPem") or client["certificatePem"],
            not_after=client.get("notAfter") or "",
            private_key_pem=keys.get(name),
        )
        for name, client in sorted((outputs["clientCertificates"] or {}).items())
    )


def _private_key(name: str, family: list[Mapping[str, Any]]) -> str | None:
    for resource in family:
        if resource.get("type") == PRIVATE_KEY and _name(resource) == name:
            key: str | None = plain(resource.get("outputs") or {}).get("privateKeyPem")
            return key
    return None


def _provider(family: list[Mapping[str, Any]], resources: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the inputs of the `albmtls` provider of a component.

    That is the provider that the component's resources were made with.
    """
    references = {str(resource.get("provider", "")).rpartition("::")[0] for resource in family}
    for resource in resources:
        if resource.get("type") == PROVIDER and resource["urn"] in references:
            inputs: Mapping[str, Any] = plain(resource.get("inputs") or {})
            return inputs
    return {}


def _descendants(urn: str, resources: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    known = {urn}
    family = []
    for resource in resources:  # a parent always stands before its children in a deployment
        if resource.get("parent") in known:
            known.add(resource["urn"])
            family.append(resource)
    return family


def _name(resource: Mapping[str, Any]) -> str:
    return str(resource["urn"]).rpartition("::")[2]
