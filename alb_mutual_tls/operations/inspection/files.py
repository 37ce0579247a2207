"""The input of `mtls inspect`: files, standard input, and CAs to compare with."""

from __future__ import annotations

import stat
import sys
from collections.abc import Sequence
from pathlib import Path

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.operations.inspection import der_pieces, pieces
from alb_mutual_tls.operations.inspection.judgement import Anchor, Source
from alb_mutual_tls.operations.inspection.piece import SIZE_LIMIT, Certificate, Unlock, Unreadable
from alb_mutual_tls.stack.deployed import DeployedComponent

STDIN = Path("-")


def source(path: Path, unlock: Unlock) -> Source:
    """Read a file, or standard input where the path is `-`.

    Raises `UserError` when it cannot be read at all.
    """
    try:
        if path == STDIN:
            return _source("standard input", sys.stdin.buffer.read(SIZE_LIMIT + 1), None, unlock)
        with path.open("rb") as file:
            status = path.stat()
            mode = status.st_mode if stat.S_ISREG(status.st_mode) else None
            return _source(str(path), file.read(SIZE_LIMIT + 1), mode, unlock)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its name is none"
        raise UserError(
            f"{path} cannot be read: {reason}; give a file with a certificate, a request or a key"
        ) from None


def _source(name: str, data: bytes, mode: int | None, unlock: Unlock) -> Source:
    contents = pieces.read(data, unlock)
    return Source(
        name, contents, mode, tuple(der_pieces.encryptions(data)) if contents.form == "PKCS#12" else ()
    )


def given_anchor(path: Path) -> Anchor:
    """The CA certificate in a file; raises `UserError` when there is not exactly one."""
    file_pieces = source(path, lambda: None).contents.pieces
    certificates = [piece.certificate for piece in file_pieces if isinstance(piece, Certificate)]
    if len(certificates) != 1:
        why = next((f": {piece.why}" for piece in file_pieces if isinstance(piece, Unreadable)), "")
        raise UserError(
            f"--ca {path} holds {len(certificates)} certificates{why}; give the one CA certificate that the"
            " listener trusts"
        )
    return Anchor(f"the CA of {path}", certificates[0])


def stack_anchors(components: Sequence[DeployedComponent]) -> list[Anchor]:
    """The CA that each component's listeners trust."""
    anchors = []
    for component in components:
        contents = pieces.read(component.ca_certificate_pem.encode(), lambda: None)
        for piece in contents.pieces:
            if isinstance(piece, Certificate):
                off = (
                    []
                    if any(listener.ca_enabled for listener in component.listeners)
                    else [", whose listeners let everybody in at present"]
                )
                anchors.append(
                    Anchor(
                        f"authority {component.trusted_authority} of {component.name}{''.join(off)}",
                        piece.certificate,
                    )
                )
    return anchors
