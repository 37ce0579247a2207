"""Files that are explained, and what is said of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from alb_mutual_tls.operations.inspection.explanation import explain
from alb_mutual_tls.operations.inspection.judgement import (
    Anchor,
    InspectionReport,
    Item,
    JudgedAs,
    Source,
)
from alb_mutual_tls.operations.inspection.pieces import read
from tests.unit.pki.material import (
    DAY,
    NOW,
    authority,
    client,
    key,
    key_pem,
    name_of,
    subordinate,
)

ROOT = authority("root")
SUB = subordinate(ROOT)
LEAF = client(ROOT)
KEY = key_pem(key("client"))
TRUSTED = Anchor("the stack", ROOT.certificate)


def source(text: str | bytes, name: str = "f", mode: int | None = None) -> Source:
    return Source(name, read(text if isinstance(text, bytes) else text.encode(), lambda: None), mode)


def explained(*texts: str, anchors: Sequence[Anchor] = (), role: JudgedAs | None = None) -> InspectionReport:
    return explain(
        [source(text, f"{number}.pem") for number, text in enumerate(texts, 1)], anchors, NOW, role
    )


def only(report: InspectionReport) -> Item:
    ((item,),) = (file.items for file in report.files)
    return item


def sentences(item: Item) -> list[str]:
    return [reason.sentence for reason in item.reasons]


def made(
    extensions: Sequence[x509.ExtensionType], *, name: str = "made", private_key: Any = None, by: Any = ROOT
) -> x509.Certificate:
    builder = x509.CertificateBuilder(
        by.certificate.subject,
        name_of(name),
        (private_key or key("client")).public_key(),
        7,
        NOW - DAY,
        NOW + DAY,
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(by.private_key, hashes.SHA256())
