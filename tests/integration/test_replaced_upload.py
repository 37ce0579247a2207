"""`pulumi up --replace` of the CA's upload: exactly one exists afterwards, the listener names it,
and nobody is let in without a certificate.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.engine import Sandbox, Stack, succeed
from tests.integration.probing import shut

pytestmark = pytest.mark.campaign


@pytest.fixture(scope="module")
def stack(sandbox: Sandbox, program: Path) -> Iterator[Stack]:
    """A stack that is up; the tests of this module follow each other."""
    made = Stack("replaced", program, sandbox)
    made.set(authorities={"root": {"keyAlgorithm": "ECDSA-P256"}})
    made.up()
    yield made
    made.remove()
    assert sandbox.stored("certificates") == []


def urn_of_upload(stack: Stack) -> str:
    return next(urn for urn in stack.kept() if "CaCertificate" in urn)


def replaced(stack: Stack) -> str:
    """Replace the upload; exactly one exists afterwards, and there is nothing left to do.

    Returns its id.
    """
    done = stack.pulumi(
        "up", "--yes", "--skip-preview", "--suppress-progress", "--replace", urn_of_upload(stack)
    )
    succeed(done)
    (upload,) = stack.sandbox.stored("certificates")
    stack.unchanged()
    return str(upload["Identifier"])


def test_a_replaced_upload_is_there_once_and_the_listener_names_it(stack: Stack, tmp_path: Path) -> None:
    sandbox = stack.sandbox
    client = stack.client(tmp_path)
    with shut(sandbox):
        identifier = replaced(stack)
        assert sandbox.listeners()[443]["caCertificates"] == [{"CertificateId": identifier}]
        assert stack.get(client) == (200, "old")


def test_a_replaced_upload_is_there_once_also_without_listeners(stack: Stack) -> None:
    stack.set(listeners={})
    stack.up()
    identifier = replaced(stack)
    assert stack.kept()[urn_of_upload(stack)]["id"] == identifier
