"""The documents that a page is made of: those of `mtls verify` and `mtls status`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.tokens import PROVIDER
from alb_mutual_tls.verdict import EXIT_CODE, Verdict, overall

Document = Mapping[str, Any]

VERIFY: Final = "verify"
STATUS: Final = "status"
_FIELDS: Final = {VERIFY: ("listeners", "flips"), STATUS: ("listeners", "authorities", "outstanding")}
"""By what a document is told from others; lists, all of them."""
_READ_VERSION: Final = 1


@dataclass(frozen=True)
class Place:
    """Where the stack is deployed, as far as it is known."""

    stack: str | None = None
    cluster: str | None = None
    account: str | None = None
    region: str | None = None


def place_of(exported: Mapping[str, Any], stack: str | None) -> Place:
    """Where an exported deployment was made, as its provider has recorded it."""
    resources = (exported.get("deployment") or {}).get("resources") or ()
    provider: Mapping[str, Any] = next(
        (one.get("outputs") or {} for one in resources if one.get("type") == PROVIDER), {}
    )

    def known(key: str) -> str | None:
        found = provider.get(key)
        return found if isinstance(found, str) else None

    named = next((str(one["urn"]).split(":")[2] for one in resources), None)
    return Place(stack or named, known("cluster"), known("account"), known("region"))


@dataclass(frozen=True)
class Documents:
    """What a page shows; one of the two may be missing."""

    verify: Document | None = None
    status: Document | None = None

    @property
    def verdict(self) -> Verdict:
        """That of both together."""
        given = [one for one in (self.verify, self.status) if one is not None]
        return overall(Verdict(one["verdict"]) for one in given)

    @property
    def exit_code(self) -> int:
        return EXIT_CODE[self.verdict]


def kind(document: object) -> str | None:
    """Which of the two a document is, by its fields; None where it is neither."""
    if not isinstance(document, Mapping) or document.get("verdict") not in list(EXIT_CODE):
        return None
    return next(
        (
            name
            for name, fields in _FIELDS.items()
            if all(isinstance(document.get(field), list) for field in fields)
        ),
        None,
    )


def read(files: Iterable[Path]) -> Documents:
    """Read stored documents.

    Raises `UserError` for a file that is none of the two, of another version, or the second of its
    kind.
    """
    found: dict[str, Document] = {}
    for file in files:
        name, document = _read(file)
        if name in found:
            raise UserError(
                f"--from {file} is a second document of mtls {name}: give one of mtls verify --json and one"
                " of mtls status --json"
            )
        found[name] = document
    return Documents(found.get(VERIFY), found.get(STATUS))


def _read(file: Path) -> tuple[str, Document]:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(
            f"--from {file} cannot be read ({error.strerror}): give what mtls verify --json or mtls status"
            " --json has printed"
        ) from None
    except (ValueError, RecursionError):
        document = None
    name = kind(document)
    if name is None:
        raise UserError(
            f"--from {file} is neither a document of mtls verify --json nor of mtls status --json: give what"
            " one of them has printed"
        )
    if document.get("version") != _READ_VERSION:
        raise UserError(
            f"--from {file} has the version {document.get('version')!r}, and version {_READ_VERSION} is read"
            " here: make the page with the version of this tool that has written the file"
        )
    return name, document
