"""Adoption: which listeners that were set up by hand a stack can take on.

What speaks against it is found out here, where it is one sentence, and not by a `pulumi up`
half-way. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.listener.claim import Claim
from alb_mutual_tls.listener.declared import find_listener, malformed_items, name_of, wrong_types
from alb_mutual_tls.listener.enforced import NotKnown
from alb_mutual_tls.listener.fitness import unfit
from alb_mutual_tls.operations.audit.audit import AuditReport
from alb_mutual_tls.operations.audit.authorities import CaAudit
from alb_mutual_tls.operations.audit.listeners import Enforcement, ListenerAudit
from alb_mutual_tls.operations.audit.scanned import NotSeen

if TYPE_CHECKING:
    from alb_mutual_tls.listener.exact_json import Document

STACK_FILE: Final = re.compile(r"Pulumi\.(?P<stack>[A-Za-z0-9_.-]{1,100})\.yaml")
_WANTED: Final = re.compile(r"(?P<albconfig>[^:/\s]+):(?P<port>[0-9]{1,5})", re.ASCII)


def wanted(adopt: Sequence[str], output: Path | None) -> list[tuple[str, int]]:
    """The AlbConfigs and ports of `--adopt`.

    Raises `UserError` for what is not one, and where `--stack-file` does not go with it.
    """
    if adopt and output is None:
        raise UserError(
            "--adopt needs --stack-file: give the file to write, for instance Pulumi.adopted.yaml"
        )
    if output is None:
        return []
    if not adopt:
        raise UserError(
            "--stack-file is for --adopt: give the listener to adopt, for instance --adopt alb:443"
        )
    if not STACK_FILE.fullmatch(output.name):
        raise UserError(
            f"{output} is not a stack file: give Pulumi.<stack>.yaml, for instance Pulumi.adopted.yaml"
        )
    if output.exists():
        raise UserError(
            f"{output} exists already and is never overwritten: give another name, or move it away"
        )
    if not output.parent.is_dir():
        raise UserError(f"{output.parent} is not a directory: give a file beside Pulumi.yaml")
    listeners = []
    for text in adopt:
        match = _WANTED.fullmatch(text)
        if match is None or not 1 <= int(match["port"]) <= 65535:
            raise UserError(f"{text} is not a listener: give AlbConfig and port, for instance alb:443")
        listeners.append((match["albconfig"], int(match["port"])))
    return list(dict.fromkeys(listeners))


def chosen(
    report: AuditReport, wanted: Sequence[tuple[str, int]]
) -> tuple[list[ListenerAudit], CaAudit | None]:
    """The listeners, and the CA certificate that all of them name, if any.

    Raises `UserError` for what cannot be adopted.
    """
    documents = {name_of(document): document for document in report.seen.documents}
    listeners = [_listener(report, documents, *pair) for pair in wanted]
    for audited in listeners:
        _refuse(report, documents[audited.listener.albconfig], audited)
    named = {audited.name: audited.listener.ca_certificate_ids for audited in listeners}
    first, *others = listeners
    for other in others:
        if named[other.name] != named[first.name]:
            raise UserError(
                f"{first.name} names {_ids(named[first.name])} and {other.name} {_ids(named[other.name])},"
                " and one stack trusts one authority: write a stack file for each (another --stack-file)"
            )
    if not named[first.name]:
        return listeners, None
    return listeners, _authority(report, first)


def _listener(
    report: AuditReport, documents: Mapping[str, Document], albconfig: str, port: int
) -> ListenerAudit:
    document = documents.get(albconfig)
    if document is None:
        exist = ", ".join(sorted(documents)) or "none"
        raise UserError(
            f"listener {albconfig}:{port}: {report.seen.cluster} has no AlbConfig {albconfig}, it has"
            f" {exist}: correct the name"
        )
    try:
        path = find_listener(document, port).path
    except UserError as error:
        raise UserError(f"listener {albconfig}:{port}: {error}") from None
    return next(
        audited
        for audited in report.listeners
        if audited.listener.albconfig == albconfig and audited.listener.path == path
    )


def _refuse(report: AuditReport, document: Document, audited: ListenerAudit) -> None:
    listener, what = audited.listener, f"{audited.name} cannot be adopted"
    claim, alb, state = audited.claim, audited.alb, audited.state
    if isinstance(claim, Claim):
        raise UserError(
            f"{what}: {claim.owner} holds it already; remove it from that stack's listeners there"
            " first, or set takeOver in yours"
        )
    if claim is not None:
        raise UserError(f"{what}: {claim}")
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
    if isinstance(alb, NotKnown) and listener.ca_enabled and not isinstance(report.seen.alb, NotSeen):
        raise UserError(f"{what}: {alb.why}; wait until its controller has made one, then adopt it")
    if state in (
        Enforcement.LETS_IN,
        Enforcement.OTHER_CA,
        Enforcement.REFUSES,
        Enforcement.CHANGING,
    ):
        word = "is changing" if state is Enforcement.CHANGING else state
        raise UserError(
            f"{what}: it {word}; wait, or mend what keeps ALB from doing as the AlbConfig says (kubectl"
            " describe albconfig), then adopt it"
        )


def _authority(report: AuditReport, audited: ListenerAudit) -> CaAudit:
    (identifier,) = audited.listener.ca_certificate_ids
    authority = next(authority for authority in report.authorities if authority.identifier == identifier)
    what = f"{audited.name} cannot be adopted: its CA certificate {identifier}"
    if isinstance(report.seen.certificates, NotSeen):
        raise UserError(
            f"{what} was not seen in CAS, where pulumi up looks it up: {report.seen.certificates.why}"
        )
    if authority.why is not None:
        raise UserError(f"{what}: {authority.why}")
    if authority.faults:
        raise UserError(
            f"{what} cannot be used by a stack: {'; '.join(authority.faults)}; add the listener to a stack"
            " with an authority of its own (docs/audit.md)"
        )
    return authority


def _ids(ids: Sequence[str]) -> str:
    return f"CA certificate {', '.join(ids)}" if ids else "no CA certificate"
