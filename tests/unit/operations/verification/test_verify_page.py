"""docs/verify.md has exactly the cases that the code knows, and the code makes exactly those."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from alb_mutual_tls.errors import Unreachable
from alb_mutual_tls.listener.bypasses import Bypass, Exposure
from alb_mutual_tls.operations.verification.cases import EVERY, cases
from alb_mutual_tls.operations.verification.verify import verify_listener
from alb_mutual_tls.stack.deployed import DeployedListener
from alb_mutual_tls.stack.state import components_of
from tests.unit.operations.verification.test_verification import Town

PAGE: Final = (Path(__file__).parents[4] / "docs/verify.md").read_text()


def sections() -> dict[str, str]:
    """Case -> what the page says of it."""
    parts = re.split(r"^##+ (.+)$", PAGE, flags=re.MULTILINE)
    return {
        title.strip("`"): text
        for title, text in zip(parts[1::2], parts[2::2], strict=True)
        if title.startswith("`")
    }


def kind(case: str) -> str:
    """The one name on the page that a case goes by."""
    values = {"NAME": r"[-\w]+", "PORT": r"\d+", "N": r"\d+", "M": r"\d+"}
    patterns = {
        name: re.sub(r"\b(NAME|PORT|N|M)\b", lambda match: values[match.group()], name) for name in EVERY
    }
    (found,) = [name for name, pattern in patterns.items() if re.fullmatch(pattern, case)]
    return found


def test_the_page_has_the_cases_that_the_code_knows_in_their_order() -> None:
    assert tuple(sections()) == EVERY


def test_each_case_says_what_it_proves_and_what_is_expected_or_why_it_is_never_held() -> None:
    for case, text in sections().items():
        assert ("**Proves**" in text and "**Expected**" in text and "**Could fool it**" in text) or re.search(
            r"\*\*Not (checked|decided)", text
        ), case


def test_the_code_makes_every_case_of_the_page_and_no_other(exported: dict[str, Any]) -> None:
    (component,) = components_of(exported, with_authority_key=True)
    tried = cases(component, None, with_authority_key=True, now=datetime.now(UTC))
    bypasses = tuple(
        Bypass(port, protocol, ("a",)) for protocol, port in (("HTTP", 80), ("HTTPS", 8443), ("QUIC", 443))
    )

    def unknown() -> Exposure:
        raise Unreachable("the cluster does not answer")

    reports = [
        verify_listener(
            "mtls",
            DeployedListener("https", "alb", 443, True),
            tried,
            lambda: Exposure("127.0.0.1", ("a",), bypasses, (9443,)),
            Town(),
        ),
        verify_listener(
            "mtls", DeployedListener("https", "alb", 443, True, "127.0.0.1", "a"), tried, unknown, Town()
        ),
        verify_listener("mtls", DeployedListener("https", "alb", 443, True), tried, unknown, Town()),
    ]
    assert {kind(check.case) for report in reports for check in report.checks} == set(EVERY)
