"""A stack with umlauts in its names, worked on from places with all kinds of locales."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509

from tests.integration.engine import REPOSITORY, Sandbox, Stack, run, succeed

pytestmark = pytest.mark.campaign

NOT_UTF_8 = {
    "LC_ALL": "C",
    "LANG": "C",
    "PYTHONUTF8": "0",
    "PYTHONCOERCECLOCALE": "0",
    "PYTHONIOENCODING": "",
}
"""Python's own remedies for the locale C are off, so it behaves as in de_DE.ISO-8859-1, which not
every machine has.
"""


@pytest.fixture(scope="module")
def stack(sandbox: Sandbox, program: Path) -> Iterator[Stack]:
    made = Stack("locale", program, sandbox)
    made.set(
        authorities={"root": {"keyAlgorithm": "ECDSA-P256", "subject": {"organizationName": "Café Größe"}}},
        clients={"partner": {"subject": {"commonName": "Jörg Müller"}}},
    )
    yield made
    made.env.clear()
    made.remove()


def test_names_are_the_same_in_every_locale_and_nothing_is_made_anew(stack: Stack) -> None:
    stack.env |= NOT_UTF_8
    stack.up()
    partner = stack.issued()["partner"]["certificatePem"]
    assert x509.load_pem_x509_certificate(partner.encode()).subject.rfc4514_string() == "CN=Jörg Müller"
    stack.env.clear()
    stack.unchanged()
    stack.env |= NOT_UTF_8
    stack.unchanged()
    shown = succeed(
        run(
            REPOSITORY / "mtls",
            "status",
            "--stack",
            stack.name,
            env=stack.sandbox.env | stack.env,
            cwd=stack.directory,
        )
    )
    assert "\npartner  " in shown
