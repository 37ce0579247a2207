"""The stack file that `mtls audit --adopt` and `mtls init` write.

With it the first `pulumi up` writes nothing but the claim, or leaves client authentication off.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from alb_mutual_tls.access.cloud import region as configured_region
from alb_mutual_tls.access.keys import ALICLOUD, under, values
from alb_mutual_tls.errors import UserError
from alb_mutual_tls.operations.audit.adoption import STACK_FILE, chosen
from alb_mutual_tls.operations.audit.audit import AuditReport
from alb_mutual_tls.operations.audit.authorities import CaAudit
from alb_mutual_tls.operations.audit.listeners import ListenerAudit
from alb_mutual_tls.operations.audit.scanned import NotSeen
from alb_mutual_tls.pki.renewal import to_text
from alb_mutual_tls.text import printable

if TYPE_CHECKING:
    from alb_mutual_tls.cluster.cluster import Cluster

_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9._/-]*", re.ASCII)
_WORDS: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_LONGEST_NAME: Final = 63  # of a listener in the configuration
AUTHORITY: Final = "adopted"
"""The name of the authority in the stack file."""


@dataclass(frozen=True)
class AdoptedSettings:
    """Where the stack is to work: provider keys as they were used, and the cluster.

    `secret`: names of keys that are left out, because they do not belong in a file.
    """

    alicloud: Mapping[str, Any]
    kubeconfig: str | None
    context: str
    ack_cluster_id: str | None
    secret: tuple[str, ...] = ()


def settings(inputs: Mapping[str, Any], cluster: Cluster, output: Path) -> AdoptedSettings:
    """The settings that the scan worked with (inputs of the provider).

    Kubeconfigs inside the project become relative paths, others absolute.
    """
    from alb_mutual_tls.cluster import kubeconfig as kubeconfigs

    kubeconfig = inputs.get("kubeconfig")
    given = values(inputs)
    region = configured_region(given)
    if region is None:
        raise UserError(
            "no region is given, and a stack needs the one of its ALB: give --region, for instance --region"
            " cn-hangzhou"
        )
    keys = under(ALICLOUD)
    alicloud = {name: given[name] for name, key in keys.items() if name in given and not key.secret}
    alicloud["region"] = region
    try:
        ack_cluster_id = cluster.ack_cluster_id()
    except UserError:
        ack_cluster_id = None  # one guard less: the stack holds on to the cluster's UID anyway
    inline = isinstance(kubeconfig, str) and ("\n" in kubeconfig or kubeconfig.lstrip().startswith("{"))
    secret = [key.full for name, key in keys.items() if key.secret and name in given] + (
        ["kubernetes:kubeconfig"] if inline else []
    )
    return AdoptedSettings(
        alicloud,
        None if kubeconfig is None or inline else _path_from(kubeconfig, output.parent),
        kubeconfigs.load(kubeconfig, inputs.get("context")).context,
        ack_cluster_id,
        tuple(secret),
    )


def _path_from(path: str, directory: Path) -> str:
    whole, project = Path(path).expanduser().resolve(), directory.resolve()
    return str(whole.relative_to(project)) if whole.is_relative_to(project) else str(whole)


def write(file: Path, content: str) -> None:
    """Write the stack file, never over another one; raises `UserError`."""
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(content)
    except FileExistsError:
        raise UserError(
            f"{file} exists already and is never overwritten: give another name, or move it away"
        ) from None
    except OSError as error:
        raise UserError(f"{file} cannot be written ({error.strerror}): give another --stack-file") from None


def text(
    report: AuditReport,
    wanted: Sequence[tuple[str, int]],
    where: AdoptedSettings,
    output: Path,
    *,
    by: str = "./mtls audit",
    clients: Sequence[str] = (),
) -> str:
    """The text of the stack file that a command writes, with clients that are to get certificates.

    Raises `UserError` as `chosen` does, and for clients where the CA's key is not at hand.
    """
    listeners, authority = chosen(report, wanted)
    if clients and authority is not None:
        raise UserError(
            f"{listeners[0].name} names CA certificate {authority.identifier}, whose key is needed to issue"
            " certificates: leave clients out, and add them with the key afterwards (docs/audit.md)"
        )
    match = STACK_FILE.fullmatch(output.name)
    assert match is not None
    lines = [
        "# yaml-language-server: $schema=docs/configuration.schema.json",
        (
            f"# Written by {by} on {to_text(report.now)} for"
            f" {', '.join(audited.name for audited in listeners)}, as set up by hand."
        ),
        "#",
        f"#   pulumi stack init {match['stack']}",
        "#   pulumi up",
        "#",
        *_header(authority),
        "#",
        "# Keys, and what else there is: docs/configuration.md.",
        "config:",
        *_own_keys(report, listeners, authority, where),
        *(["  alb-mutual-tls:clients:"] if clients else []),
        *(line for name in clients for line in (f"    {_yaml(name)}:", "      validityDays: 90")),
        *_provider_keys(where),
    ]
    return "\n".join(lines) + "\n"


def _header(authority: CaAudit | None) -> list[str]:
    if authority is None:
        return [
            (
                "# Client authentication is off and no CA certificate is named, so the first up makes an"
                " authority, uploads its certificate, writes its"
            ),
            (
                "# id into caCertificates and leaves client authentication off. Nobody notices. Then:"
                " clients, and caEnabled true (docs/clients.md)."
            ),
        ]
    return [
        (
            "# The first up leaves both fields of each listener as they are and writes one annotation, which"
            " says that this stack holds it."
        ),
        "# pulumi destroy takes the annotation away, and the listener stays as it was found.",
        (
            "# Who has client certificates of this CA is not known here, and nothing changes for them. To"
            " issue some with this stack, give it the CA's"
        ),
        (
            "# private key (pulumi config set --secret --path authorityPrivateKeys.adopted < ca.key) and"
            " declare clients (docs/clients.md)."
        ),
    ]


def _own_keys(
    report: AuditReport, listeners: Sequence[ListenerAudit], authority: CaAudit | None, where: AdoptedSettings
) -> list[str]:
    on = any(audited.listener.ca_enabled for audited in listeners)
    lines = [f"  alb-mutual-tls:caEnabled: {_yaml(on)}", "  alb-mutual-tls:listeners:"]
    for number, audited in enumerate(listeners, 1):
        name = f"{audited.listener.albconfig}-{audited.listener.port}"
        lines += [
            f"    {_yaml(name if len(name) <= _LONGEST_NAME else f'listener-{number}')}:",
            f"      albConfig: {_yaml(audited.listener.albconfig)}",
            f"      port: {audited.listener.port}",
        ]
        if on and not audited.listener.ca_enabled:
            lines.append("      caEnabled: false")
    lines.append("  alb-mutual-tls:authorities:")
    if authority is None:
        lines.append("    root: {}")
    else:
        end = authority.not_after
        assert end is not None
        lines += [
            f"    # {printable(authority.subject or 'without a name')}, ends on {to_text(end)}",
            f"    # SHA-256 {authority.fingerprint}",
            f"    {AUTHORITY}:",
            f"      caCertificateId: {_yaml(authority.identifier)}",
        ]
    if not isinstance(report.seen.account, NotSeen):
        lines.append(f"  alb-mutual-tls:accountId: {_yaml(report.seen.account)}")
    if where.ack_cluster_id is not None:
        lines.append(f"  alb-mutual-tls:ackClusterId: {_yaml(where.ack_cluster_id)}")
    return lines


def _provider_keys(where: AdoptedSettings) -> list[str]:
    lines = []
    if where.kubeconfig is not None:
        lines.append(f"  kubernetes:kubeconfig: {_yaml(where.kubeconfig)}")
    elif "kubernetes:kubeconfig" not in where.secret:
        lines.append(
            "  # kubernetes:kubeconfig is not set: the file that KUBECONFIG names, else ~/.kube/config"
        )
    lines.append(f"  kubernetes:context: {_yaml(where.context)}")
    for key, value in sorted(where.alicloud.items()):
        if not isinstance(value, Mapping):
            lines.append(f"  alicloud:{key}: {_yaml(value)}")
            continue
        lines.append(f"  alicloud:{key}:")
        for index, (name, item) in enumerate(sorted(value.items())):
            lines.append(f"    {'-' if index == 0 else ' '} {name}: {_yaml(item)}")
    lines += [
        f"  # {key} is left out, as it is a secret: give it by the environment or pulumi config set --secret"
        f" {key}"
        for key in where.secret
    ]
    return lines


def _yaml(value: Any) -> str:
    """A scalar that every YAML parser reads as what it is."""
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)
