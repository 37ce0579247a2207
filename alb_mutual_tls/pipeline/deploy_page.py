"""The HTML page that `ci/deploy --report` keeps."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from alb_mutual_tls import clock
from alb_mutual_tls.engine.program import export
from alb_mutual_tls.errors import UserError
from alb_mutual_tls.operations.client_files import ClientFile, write
from alb_mutual_tls.operations.deployment.proof import Verification
from alb_mutual_tls.operations.page.documents import Documents, place_of
from alb_mutual_tls.operations.page.page import page
from alb_mutual_tls.operations.page.words import Language, Words
from alb_mutual_tls.operations.printing import error_as_json
from alb_mutual_tls.operations.status import report as of_status
from alb_mutual_tls.operations.status.look import look


def write_page(last: Verification | None, file: Path, directory: Path, stack: str) -> None:
    """Write the page of a deployment's last verification, and of the status after it.

    A page that cannot be made is said on standard error: it changes no verdict.
    """
    try:
        exported = export(directory, stack, secrets=False)
        try:
            status = of_status.as_json(look(None, directory=directory, stack=stack, component=None))
        except UserError as error:
            status = error_as_json(str(error), of_status.NOTHING)
        verify = json.loads(last.document) if last is not None and last.document else None
        documents = Documents(verify, json.loads(status))
        text = page(documents, place_of(exported, stack), Words(Language.ENGLISH), clock.now())
        write([ClientFile(file.name, "report", text.encode())], file.parent, force=True)
    except UserError as error:
        print(f"no --report was written: {error}", file=sys.stderr)
