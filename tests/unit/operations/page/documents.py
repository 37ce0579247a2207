"""Documents that pages are made of: those that the real reports print."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

from alb_mutual_tls.operations.page.documents import Document, Documents, Place
from alb_mutual_tls.operations.page.page import page
from alb_mutual_tls.operations.page.words import Language, Words
from alb_mutual_tls.operations.status import report as of_status
from alb_mutual_tls.operations.verification import report as of_verify
from alb_mutual_tls.operations.verification.judgement import Expected
from alb_mutual_tls.operations.verification.outcome import Alert, Answered, Destination, Outcome, TlsVersion
from alb_mutual_tls.operations.verification.result import Check, ListenerReport, VerificationReport
from alb_mutual_tls.stack.deployed import DeployedListener
from alb_mutual_tls.verdict import Verdict
from tests.unit.operations.status.statuses import having, judged

MADE = datetime(2026, 12, 1, 15, 0, tzinfo=UTC)
PLACE = Place("prod", "9d167ad7-b428", "1234567890123456", "cn-hangzhou")
TO = Destination("127.0.0.1", 20443, "demo.alb.ingress.top", "demo.alb.ingress.top", "/")
PAGE = Answered(200, "", "old")


def check(case: str, version: TlsVersion, expected: Expected, seen: Outcome, verdict: Verdict) -> Check:
    why = "" if verdict is Verdict.HELD else "close this way in"
    return Check(case, verdict, why, expected, TO, version, seen)


def both(case: str, expected: Expected, seen: Outcome, verdict: Verdict = Verdict.HELD) -> list[Check]:
    return [check(case, version, expected, seen, verdict) for version in TlsVersion]


GOOD = [
    *both("client alice", Expected.LET_IN, PAGE),
    *both("no certificate", Expected.REJECTED, Alert("certificate_required")),
    Check("expired", Verdict.NOT_CHECKED, "only the CA itself can sign it"),
]
OPEN = both("foreign CA", Expected.REJECTED, PAGE, Verdict.FELL_SHORT)


def verified(*checks: Check) -> Document:
    listener = ListenerReport("mtls", DeployedListener("https", "alb", 443, True), checks)
    document: Document = json.loads(of_verify.as_json(VerificationReport((listener,))))
    return document


def seen(**clients: tuple[int, int]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(of_status.as_json(judged(having(**clients))))
    return document


def made(
    verify: Document | None = None, status: Document | None = None, language: Language = Language.ENGLISH
) -> str:
    return page(Documents(verify, status), PLACE, Words(language), MADE)


class Read(HTMLParser):
    """A page as a browser reads it: elements with their attributes, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open, f"not closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag != "meta":
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open[-1:] != ["style"]:
            self.words.append(data)

    def of(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for element, attributes in self.elements if element == name]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())
