"""Adoption: a stack file for listeners that were set up by hand, so that the first `pulumi up`
writes nothing but the claim.

What speaks against it is found out here, where it is one sentence, and not by a `pulumi up`
half-way. All but `write` and `settings` is pure.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from alb_mutual_tls.access.keys import ALICLOUD, under, values
from alb_mutual_tls.errors import UserError
from alb_mutual_tls.listener.claim import Claim
from alb_mutual_tls.listener.declared import find_listener, malformed_items, name_of, wrong_types
from alb_mutual_tls.listener.enforced import NotKnown
from alb_mutual_tls.listener.fitness import unfit
from alb_mutual_tls.operations.audit.audit import AuditReport, CaAudit, Enforcement, ListenerAudit, NotSeen
from alb_mutual_tls.pki.renewal import to_text
from alb_mutual_tls.text import printable

if TYPE_CHECKING:
    from alb_mutual_tls.cluster.cluster import Cluster
    from alb_mutual_tls.listener.exact_json import Document

_STACK_FILE: Final = re.compile(r"Pulumi\.(?P<stack>[A-Za-z0-9_.-]{1,100})\.yaml")
_WANTED: Final = re.compile(r"(?P<albconfig>[^:/\s]+):(?P<port>[0-9]{1,5})", re.ASCII)
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9._/-]*", re.ASCII)
_WORDS: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_LONGEST_NAME: Final = 63  # of a listener in the configuration
AUTHORITY: Final = "adopted"
"""The name of the authority in the stack file."""


@dataclass(frozen=True)
class AdoptedSettings:
    """Where the stack is to work: `alicloud:` and `kubernetes:` keys as they were used, and which
    cluster that was.

    `secret`: names of keys that are left out, because they do not belong in a file.
    """

    alicloud: Mapping[str, Any]
    kubeconfig: str | None
    context: str
    ack_cluster_id: str | None
    secret: tuple[str, ...] = ()


def wanted(adopt: Sequence[str], output: Path | None) -> list[tuple[str, int]]:
    """AlbConfigs and ports of `--adopt`; raises `UserError` when one is none, or when `--output`
    does not go with it.
    """
    if adopt and output is None:
        raise UserError(
            "--adopt needs --output: give the stack file to write, for instance --output Pulumi.adopted.yaml"
        )
    if output is None:
        return []
    if not adopt:
        raise UserError("--output is for --adopt: give the listener to adopt, for instance --adopt alb:443")
    if not _STACK_FILE.fullmatch(output.name):
        raise UserError(
            f"--output {output} is no stack file: give Pulumi.<stack>.yaml, for instance Pulumi.adopted.yaml"
        )
    if output.exists():
        raise UserError(
            f"{output} exists already and is never overwritten: give another --output, or move it away"
        )
    if not output.parent.is_dir():
        raise UserError(f"{output.parent} is no directory: give an --output beside Pulumi.yaml")
    found = []
    for text in adopt:
        match = _WANTED.fullmatch(text)
        if match is None or not 1 <= int(match["port"]) <= 65535:
            raise UserError(f"--adopt {text} is no listener: give AlbConfig and port, for instance alb:443")
        found.append((match["albconfig"], int(match["port"])))
    return list(dict.fromkeys(found))


def settings(inputs: Mapping[str, Any], cluster: Cluster, output: Path) -> AdoptedSettings:
    """The settings that the scan worked with (inputs of the provider); a kubeconfig in the project
    is named from there, elsewhere by its whole path.
    """
    from alb_mutual_tls.cluster import kubeconfig as kubeconfigs

    kubeconfig = inputs.get("kubeconfig")
    region = inputs.get("region") or next(
        (os.environ[key] for key in ("ALICLOUD_REGION", "ALIBABA_CLOUD_REGION") if os.environ.get(key)), None
    )
    if region is None:
        raise UserError(
            "no region is given, and a stack needs the one of its ALB: give --region, for instance --region"
            " cn-hangzhou"
        )
    keys, given = under(ALICLOUD), values(inputs)
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


def write(file: Path, text: str) -> None:
    """Write the stack file, never over another one; raises `UserError`."""
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise UserError(
            f"{file} exists already and is never overwritten: give another --output, or move it away"
        ) from None
    except OSError as error:
        raise UserError(f"{file} cannot be written ({error.strerror}): give another --output") from None


# --- what may be adopted


def chosen(
    report: AuditReport, places: Sequence[tuple[str, int]]
) -> tuple[list[ListenerAudit], CaAudit | None]:
    """The listeners, and the CA certificate that all of them name (None where none names one).

    Raises `UserError` for what cannot be adopted.
    """
    documents = {name_of(document): document for document in report.seen.documents}
    found = [_listener(report, documents, *place) for place in places]
    for one in found:
        _refuse(report, documents[one.listener.albconfig], one)
    named = {one.name: one.listener.ca_certificate_ids for one in found}
    first, *others = found
    for other in others:
        if named[other.name] != named[first.name]:
            raise UserError(
                f"{first.name} names {_ids(named[first.name])} and {other.name} {_ids(named[other.name])},"
                " and one stack trusts one authority: write a stack file for each (another --output)"
            )
    if not named[first.name]:
        return found, None
    return found, _authority(report, first)


def _listener(
    report: AuditReport, documents: Mapping[str, Document], albconfig: str, port: int
) -> ListenerAudit:
    document = documents.get(albconfig)
    if document is None:
        exist = ", ".join(sorted(documents)) or "none"
        raise UserError(
            f"--adopt {albconfig}:{port}: {report.seen.cluster} has no AlbConfig {albconfig}, it has {exist}:"
            " correct the name"
        )
    try:
        path = find_listener(document, port).path
    except UserError as error:
        raise UserError(f"--adopt {albconfig}:{port}: {error}") from None
    return next(
        one for one in report.listeners if one.listener.albconfig == albconfig and one.listener.path == path
    )


def _refuse(report: AuditReport, document: Document, one: ListenerAudit) -> None:
    listener, what = one.listener, f"{one.name} cannot be adopted"
    if isinstance(one.claim, Claim):
        raise UserError(
            f"{what}: stack {one.claim.owner} holds it already; remove it from that stack's listeners there"
            " first, or set takeOver in yours"
        )
    if one.claim is not None:
        raise UserError(f"{what}: {one.claim}")
    if reasons := (
        unfit(document, listener)
        if listener.ca_enabled
        else (*malformed_items(document), *wrong_types(listener))
    ):
        raise UserError(f"{what}: {reasons[0]}")
    ids = listener.ca_certificate_ids
    if len(ids) > 1:
        raise UserError(
            f"{what}: it names {len(ids)} CA certificates ({', '.join(ids)}), and ALB takes one; leave the"
            " one that is meant"
        )
    if listener.ca_enabled and not ids:
        raise UserError(
            f"{what}: it is on and names no CA certificate; name the one in caCertificates, or set caEnabled"
            " to false"
        )
    if isinstance(one.alb, NotKnown) and listener.ca_enabled and not isinstance(report.seen.alb, NotSeen):
        raise UserError(f"{what}: {one.alb.why}; wait until its controller has made one, then adopt it")
    if one.state in (Enforcement.LETS_IN, Enforcement.OTHER_CA, Enforcement.REFUSES, Enforcement.CHANGING):
        state = "is changing" if one.state is Enforcement.CHANGING else one.state
        raise UserError(
            f"{what}: it {state}; wait, or mend what keeps ALB from doing as the AlbConfig says (kubectl"
            " describe albconfig), then adopt it"
        )


def _authority(report: AuditReport, one: ListenerAudit) -> CaAudit:
    (identifier,) = one.listener.ca_certificate_ids
    authority = next(authority for authority in report.authorities if authority.identifier == identifier)
    what = f"{one.name} cannot be adopted: its CA certificate {identifier}"
    if isinstance(report.seen.certificates, NotSeen):
        raise UserError(
            f"{what} was not seen in CAS, where pulumi up looks it up: {report.seen.certificates.why}"
        )
    if authority.why is not None:
        raise UserError(f"{what}: {authority.why}")
    if authority.faults:
        raise UserError(
            f"{what} is none that a stack takes: {'; '.join(authority.faults)}; add the listener to a stack"
            " with an authority of its own (docs/audit.md)"
        )
    return authority


def _ids(ids: Sequence[str]) -> str:
    return f"CA certificate {', '.join(ids)}" if ids else "no CA certificate"


# --- the file


def stack_file(
    report: AuditReport, places: Sequence[tuple[str, int]], where: AdoptedSettings, output: Path
) -> str:
    """The text of the stack file. Raises `UserError` as `chosen` does."""
    listeners, authority = chosen(report, places)
    match = _STACK_FILE.fullmatch(output.name)
    assert match is not None
    lines = [
        "# yaml-language-server: $schema=docs/configuration.schema.json",
        (
            f"# Written by ./mtls audit on {to_text(report.now)} for"
            f" {', '.join(one.name for one in listeners)}, as set up by hand."
        ),
        "#",
        f"#   pulumi stack init {match['stack']}",
        "#   pulumi up",
        "#",
        *_told(authority),
        "#",
        "# Keys, and what else there is: docs/configuration.md.",
        "config:",
        *_own(report, listeners, authority, where),
        *_places(where),
    ]
    return "\n".join(lines) + "\n"


def _told(authority: CaAudit | None) -> list[str]:
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


def _own(
    report: AuditReport, listeners: Sequence[ListenerAudit], authority: CaAudit | None, where: AdoptedSettings
) -> list[str]:
    on = any(one.listener.ca_enabled for one in listeners)
    lines = [f"  alb-mutual-tls:caEnabled: {_yaml(on)}", "  alb-mutual-tls:listeners:"]
    for number, one in enumerate(listeners, 1):
        name = f"{one.listener.albconfig}-{one.listener.port}"
        lines += [
            f"    {_yaml(name if len(name) <= _LONGEST_NAME else f'listener-{number}')}:",
            f"      albConfig: {_yaml(one.listener.albconfig)}",
            f"      port: {one.listener.port}",
        ]
        if on and not one.listener.ca_enabled:
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


def _places(where: AdoptedSettings) -> list[str]:
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
        for place, (name, item) in enumerate(sorted(value.items())):
            lines.append(f"    {'-' if place == 0 else ' '} {name}: {_yaml(item)}")
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
