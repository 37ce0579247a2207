"""What the stack declares and holds, read from its state with one `pulumi stack export`.

The decrypted state contains private keys: it stays in this process's memory, and no representation of it shows a key.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from alb_mutual_tls.errors import UserError

COMPONENT: Final = "alb-mutual-tls:index:AlbMutualTls"
LISTENER_CLIENT_AUTHENTICATION: Final = "albmtls:index:ListenerClientAuthentication"
SIGNED_CERTIFICATE: Final = "albmtls:index:SignedCertificate"
PROVIDER: Final = "pulumi:providers:albmtls"
PRIVATE_KEY: Final = "tls:index/privateKey:PrivateKey"

# https://www.pulumi.com/docs/iac/concepts/secrets/: the signature by which a deployment marks a secret value.
SIGNATURE_KEY: Final = "4dabf18193072939515e22adb298388d"
SECRET_SIGNATURE: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 (a marker)


class NoneSelected(UserError):
    """There is no stack to take: no engine, no project, no backend, or none is selected in it."""


@dataclass(frozen=True)
class Listener:
    """A listener as the stack wishes it; address, server name and path as configured under `verify`, None where not."""

    name: str
    alb_config: str
    port: int
    ca_enabled: bool
    address: str | None = None
    server_name: str | None = None
    path: str = "/"
    cluster: str | None = None
    """UID of the namespace kube-system of the cluster that the AlbConfig is in."""
    ca_certificate_id: str | None = None


@dataclass(frozen=True)
class Client:
    """A client certificate of the stack. `chain_pem`: leaf first, then cross and intermediate certificates, without the root."""

    name: str
    certificate_pem: str
    chain_pem: str
    not_after: str
    private_key_pem: str | None = field(repr=False)
    """None when the client brought a CSR: its key never was in the stack."""


@dataclass(frozen=True)
class Signer:
    """A certificate that signs clients, with its private key: an authority's root, or a subordinate that was brought."""

    certificate_pem: str
    private_key_pem: str = field(repr=False)


@dataclass(frozen=True)
class Authority:
    """An authority of the stack as listeners can trust it: its root certificate and the id of that in CAS."""

    name: str
    ca_certificate_pem: str
    ca_certificate_id: str | None
    """None where an older version deployed the stack, which did not note it."""
    private_key_pem: str | None = field(repr=False, default=None)
    """The root's. None when not asked for, or not in the state."""
    signer: Signer | None = None
    """None when not asked for, or where its private key is not in the state."""


@dataclass(frozen=True)
class Component:
    """One `AlbMutualTls` of the stack."""

    name: str
    listeners: tuple[Listener, ...]
    clients: tuple[Client, ...]
    trusted_authority: str
    ca_certificate_pem: str
    authority_private_key_pem: str | None = field(repr=False, default=None)
    """Key of the trusted authority; None when not asked for, or not in the state (a CA that was brought)."""
    kubeconfig: str | None = None
    context: str | None = None
    identity: str = ""
    """8 hexadecimal digits that tell this component from those of other stacks."""
    issuing_authority: str = ""
    authorities: tuple[Authority, ...] = ()

    @property
    def roots(self) -> dict[str, str]:
        """The root certificate (PEM) of each authority, the trusted one first; several during a rotation."""
        trusted_first = sorted(self.authorities, key=lambda one: one.name != self.trusted_authority)
        return {one.name: one.ca_certificate_pem for one in trusted_first}


def project_directory(given: Path | None) -> Path:
    """The directory of the Pulumi project: the given one, else around the current directory, else this checkout."""
    if given is not None:
        if not given.is_dir():
            raise UserError(f"--cwd {given} is no directory: give the one with Pulumi.yaml")
        return given
    here = Path.cwd()
    for folder in (here, *here.parents, Path(__file__).resolve().parents[2]):
        if (folder / "Pulumi.yaml").is_file() or (folder / "Pulumi.yml").is_file():
            return folder
    return here


def pulumi_program() -> str:
    """The path of the program pulumi; raises UserError where there is none."""
    program = shutil.which("pulumi")
    if program is None:
        raise NoneSelected(
            "there is no program pulumi on PATH: source .sandbox/env (made by `make up`), or install it from pulumi.com/docs/install"
        )
    return program


def read_components(
    directory: Path, *, stack: str | None, component: str | None, with_authority_key: bool = False
) -> tuple[Component, ...]:
    """All components of the stack, or the one asked for by name. Raises UserError where there is none to read."""
    return named(components_of(export(directory, stack), with_authority_key=with_authority_key), component)


def named(components: tuple[Component, ...], component: str | None) -> tuple[Component, ...]:
    """All of these components, or the one asked for by name. Raises UserError where there is no such one."""
    if component is None:
        return components
    chosen = tuple(one for one in components if one.name == component)
    if not chosen:
        raise UserError(f"the stack has no AlbMutualTls named {component!r}: it has {_list(one.name for one in components)}")
    return chosen


def chosen_listeners(components: Sequence[Component], names: Sequence[str] | None) -> list[tuple[Component, Listener]]:
    """All listeners of the components, or those of the given names, each with its component; raises UserError where a name is none of theirs."""
    known = sorted({listener.name for component in components for listener in component.listeners})
    if unknown := sorted(set(names or ()) - set(known)):
        raise UserError(f"--listener {unknown[0]} is none of this stack's listeners: it has {', '.join(known) or 'none'}")
    return [(component, listener) for component in components for listener in component.listeners if not names or listener.name in names]


def export(directory: Path, stack: str | None, *, secrets: bool = True) -> Mapping[str, Any]:
    """The deployment of the stack, with its secrets decrypted or as they are. Raises UserError with one sentence for what pulumi says."""
    exported: Mapping[str, Any] = pulumi_json(directory, stack, "stack", "export", *(["--show-secrets"] if secrets else []))
    return exported


def pulumi_json(directory: Path, stack: str | None, *arguments: str) -> Any:
    """The JSON that a pulumi command prints which only reads the stack. Raises UserError as `pulumi` does, and where it prints something else."""
    try:
        return json.loads(pulumi(directory, stack, *arguments))
    except ValueError:
        command = " ".join(word for word in arguments if not word.startswith("--"))
        raise UserError(f"`pulumi {command}` in {directory} printed no JSON: run it by hand to see what it says") from None


def pulumi(directory: Path, stack: str | None, *arguments: str) -> str:
    """What a pulumi command prints that only reads the stack. Raises UserError with one sentence for what it says when it fails."""
    command = [pulumi_program(), "--non-interactive", "--color", "never", "--cwd", str(directory), *arguments]
    if stack is not None:
        command += ["--stack", stack]
    environment = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False, stdin=subprocess.DEVNULL, env=environment)
    if done.returncode != 0:
        kind = NoneSelected if re.search(_NONE_SELECTED, done.stderr) else UserError
        raise kind(explain(done.stderr, directory=directory, stack=stack, command=" ".join(arguments)))
    return done.stdout


def read_provider_inputs(directory: Path, *, stack: str | None, component: str | None) -> Mapping[str, Any]:
    """What the provider `albmtls` of the stack was configured with, secrets included; empty when nothing is deployed yet."""
    return provider_inputs(export(directory, stack), component=component)


def provider_inputs(exported: Mapping[str, Any], *, component: str | None) -> Mapping[str, Any]:
    """The inputs of the provider `albmtls` in an exported deployment; raises UserError when its components have different ones."""
    deployment = exported.get("deployment") or {}
    resources = [resource for resource in deployment.get("resources") or () if not resource.get("delete")]
    roots = [one for one in resources if one.get("type") == COMPONENT]
    chosen = [one for one in roots if component in (None, _name(one))]
    if component is not None and not chosen:
        raise UserError(f"the stack has no AlbMutualTls named {component!r}: it has {_list(_name(one) for one in roots)}")
    found: list[Mapping[str, Any]] = []
    for one in chosen:
        inputs = _provider(_descendants(one["urn"], resources), resources)
        if inputs and inputs not in found:
            found.append(inputs)
    if len(found) > 1:
        raise UserError(f"the components of the stack use different providers: choose one with --component, of {_list(map(_name, chosen))}")
    return found[0] if found else {}


_NONE_SELECTED: Final = r"no stack selected|no Pulumi\.yaml|PULUMI_ACCESS_TOKEN must be set|not logged in"
EXPLANATIONS: Final = (
    (r"no stack selected", "no stack is selected in {directory}: choose one with --stack NAME or `pulumi stack select NAME`"),
    (r"no stack named '([^']*)'", "there is no stack {stack} in {directory}: `pulumi stack ls` lists those that exist"),
    (
        r"incorrect passphrase",
        "the passphrase in PULUMI_CONFIG_PASSPHRASE is not the one of this stack: for the sandbox, source .sandbox/env",
    ),
    (
        r"passphrase must be set",
        "the stack's secrets need a passphrase: set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE; for the sandbox, "
        "source .sandbox/env",
    ),
    (r"no Pulumi\.yaml project file", "there is no Pulumi.yaml in {directory} or above: run this in the project's directory or give --cwd"),
    (
        r"PULUMI_ACCESS_TOKEN must be set|not logged in",
        "pulumi is not logged in to the backend that holds the state: run `pulumi login`, or set PULUMI_BACKEND_URL; for the "
        "sandbox, source .sandbox/env",
    ),
)


def explain(stderr: str, *, directory: Path, stack: str | None, command: str = "stack export") -> str:
    """What pulumi printed, as one sentence that says what to do."""
    for pattern, sentence in EXPLANATIONS:
        if re.search(pattern, stderr):
            return sentence.format(directory=directory, stack=stack or "of that name")
    lines = [line.removeprefix("error: ").strip() for line in stderr.splitlines() if line.strip()]
    said = next((line for line in lines), "nothing")
    return f"`pulumi {command}` failed in {directory} and said: {said}"


def components_of(exported: Mapping[str, Any], *, with_authority_key: bool = False) -> tuple[Component, ...]:
    """The components in an exported deployment; the authority's private key is only taken out of it when asked for.

    Raises UserError when nothing is deployed or an update was left half-way.
    """
    deployment = exported.get("deployment") or {}
    resources = [resource for resource in deployment.get("resources") or () if not resource.get("delete")]
    found = [resource for resource in resources if resource.get("type") == COMPONENT]
    if not found:
        raise UserError("nothing is deployed yet: the stack's state has no AlbMutualTls; run `pulumi up` first")
    return tuple(_component(resource, resources, with_authority_key=with_authority_key) for resource in found)


def plain(value: Any) -> Any:
    """A value of a deployment exported with --show-secrets, without the wrapping of its secrets."""
    if isinstance(value, dict):
        if value.get(SIGNATURE_KEY) == SECRET_SIGNATURE:
            if "plaintext" not in value:
                raise UserError("the stack's secrets came encrypted: `pulumi stack export --show-secrets` of this version cannot be read")
            return plain(json.loads(value["plaintext"]))
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def without_secrets(value: Any) -> Any:
    """A value of a deployment exported without --show-secrets; what is secret in it is None."""
    if isinstance(value, dict):
        if value.get(SIGNATURE_KEY) == SECRET_SIGNATURE:
            return None
        return {key: without_secrets(item) for key, item in value.items()}
    return [without_secrets(item) for item in value] if isinstance(value, list) else value


def resources_of(exported: Mapping[str, Any], component: str) -> list[Mapping[str, Any]]:
    """The resources of a component, and the providers that they were made with, as they stand in the deployment."""
    resources = [one for one in exported["deployment"]["resources"] if not one.get("delete")]
    root = next(one for one in resources if one.get("type") == COMPONENT and _name(one) == component)
    family = _descendants(root["urn"], resources)
    providers = {str(one.get("provider", "")).rpartition("::")[0] for one in family}
    return [*family, *(one for one in resources if one["urn"] in providers)]


def _component(resource: Mapping[str, Any], resources: list[Mapping[str, Any]], *, with_authority_key: bool) -> Component:
    name = _name(resource)
    outputs = plain(resource.get("outputs") or {})
    if "listeners" not in outputs or not outputs.get("caCertificatePem"):
        raise UserError(f"the last `pulumi up` did not get to the end, so AlbMutualTls {name} is incomplete in the state: run `pulumi up`")
    family = _descendants(resource["urn"], resources)
    authentications = [one for one in family if one.get("type") == LISTENER_CLIENT_AUTHENTICATION]
    clusters = {one.get("id"): plain(one.get("outputs") or {}).get("cluster") for one in authentications}
    provider = _provider(family, resources)
    trusted = outputs["trustedAuthority"]
    authorities = _authorities(name, outputs, family, with_authority_key=with_authority_key)
    return Component(
        name=name,
        listeners=tuple(_listener(key, wished, clusters) for key, wished in sorted((outputs["listeners"] or {}).items())),
        clients=_clients(outputs),
        trusted_authority=trusted,
        ca_certificate_pem=outputs["caCertificatePem"],
        authority_private_key_pem=next((one.private_key_pem for one in authorities if one.name == trusted), None),
        kubeconfig=provider.get("kubeconfig"),
        context=provider.get("context"),
        identity=outputs.get("identity") or "",
        issuing_authority=outputs.get("issuingAuthority") or trusted,
        authorities=authorities,
    )


def _authorities(
    name: str, outputs: Mapping[str, Any], family: list[Mapping[str, Any]], *, with_authority_key: bool
) -> tuple[Authority, ...]:
    trusted = outputs["trustedAuthority"]
    certificates = {trusted: outputs["caCertificatePem"], **(outputs.get("authorityCertificates") or {})}
    ids = {trusted: outputs.get("caCertificateId"), **(outputs.get("caCertificateIds") or {})}
    signers = _signers(name, outputs, certificates, family) if with_authority_key else {}
    return tuple(
        Authority(
            authority,
            pem,
            ids.get(authority) or None,  # empty while an upload is pending
            signers[authority].private_key_pem if authority in signers and signers[authority].certificate_pem == pem else None,
            signers.get(authority),
        )
        for authority, pem in sorted(certificates.items())
        if pem
    )


def _signers(name: str, outputs: Mapping[str, Any], certificates: Mapping[str, str], family: list[Mapping[str, Any]]) -> dict[str, Signer]:
    """Those whose private keys the state has: the stack's own, and those that were brought and have signed something."""
    found: dict[str, Signer] = {}
    for authority, pem in certificates.items():
        key = _authority_key(f"{name}-authority-{authority}", family)
        if key is not None:
            found[authority] = Signer(pem, key)
    signs = {"client": outputs.get("issuingAuthority") or outputs["trustedAuthority"], "cross": outputs["trustedAuthority"]}
    for resource in family:
        if resource.get("type") == SIGNED_CERTIFICATE:
            inputs = plain(resource.get("inputs") or {})
            if not inputs.get("sign", True):  # kept from a time when another authority was trusted
                continue
            found.setdefault(signs[inputs["kind"]], Signer(inputs["issuerCertificatePem"], inputs["issuerPrivateKeyPem"]))
    return found


def _listener(name: str, wished: Mapping[str, Any], clusters: Mapping[str | None, str | None]) -> Listener:
    verify = wished.get("verify") or {}
    port = int(wished["port"])
    return Listener(
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


def _clients(outputs: Mapping[str, Any]) -> tuple[Client, ...]:
    keys = outputs.get("clientPrivateKeys") or {}
    return tuple(
        Client(
            name=name,
            certificate_pem=one["certificatePem"],
            chain_pem=one.get("chainPem") or one["certificatePem"],
            not_after=one.get("notAfter") or "",
            private_key_pem=keys.get(name),
        )
        for name, one in sorted((outputs.get("clientCertificates") or {}).items())
    )


def _authority_key(name: str, family: list[Mapping[str, Any]]) -> str | None:
    for resource in family:
        if resource.get("type") == PRIVATE_KEY and _name(resource) == name:
            key: str | None = plain(resource.get("outputs") or {}).get("privateKeyPem")
            return key
    return None


def _provider(family: list[Mapping[str, Any]], resources: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The inputs of the `albmtls` provider that the component's resources were made with."""
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


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
