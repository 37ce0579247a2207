"""The page of `mtls report`, read as a browser reads it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from alb_mutual_tls.operations.page.words import SENT, WORDS, Language
from alb_mutual_tls.operations.verification.cases import ALL, BYPASSES, EVERY
from alb_mutual_tls.operations.verification.judgement import Expected
from alb_mutual_tls.operations.verification.matrix import case_id
from tests.unit.operations.page.documents import GOOD, OPEN, PAGE, Read, both, made, seen, verified

HOSTILE = {
    "script": "<script>alert(1)</script>",
    "quotes": "\"'><img src=x onerror=alert(1)>",
    "digits": "0123456789abcdef" * 4,
    "long": "x" * 200,
    "japanese": "取引先の決済サービス" * 6,
    "right to left": "\u202eשירות תשלומים",
}


@pytest.fixture
def whole() -> Read:
    return Read(made(verified(*GOOD), seen(alice=(90, 30))))


def test_a_page_says_first_that_all_is_well_and_what_ends_next(whole: Read) -> None:
    text = whole.text
    assert text.index("Everything that was looked at is as it should be.") < text.index("Who leads where")
    assert "Nothing to do now. Next: client alice ends on" in text.replace("Client alice", "client alice")


def test_a_page_says_first_what_fell_short_and_what_to_do() -> None:
    read = Read(made(verified(*GOOD, *OPEN), seen(alice=(90, 30))))
    assert "Something is not as it should be: 1 point." in read.text
    assert "falls short – https: foreign CA : close this way in" in read.text
    assert read.text.index("close this way in") < read.text.index("Who leads where")


def test_each_answer_stands_with_a_sign_and_a_word() -> None:
    read = Read(made(verified(*GOOD, *OPEN)))
    for said in (
        "✓ let in answered: HTTP 200",
        "✓ rejected answered: TLS alert certificate_required",
        "✗ let in falls short answered: HTTP 200",
        "– not checked only the CA itself can sign it",
    ):
        assert said in read.text
    assert "sent: a certificate of an unknown CA expected: rejected" in read.text


def test_facts_about_the_place_are_there(whole: Read) -> None:
    for fact in ("prod", "9d167ad7-b428", "1234567890123456", "cn-hangzhou", "2026-12-01 15:00:00 UTC"):
        assert fact in whole.text
    assert "mtls verify: version 1; mtls status: version 1" in whole.text


@pytest.mark.parametrize("which", ["verify", "status"])
def test_what_is_missing_is_named(which: str) -> None:
    text = made(verified(*GOOD)) if which == "status" else made(None, seen(alice=(90, 30)))
    assert f"The results of mtls {which} are not in this report." in Read(text).text
    assert f"mtls {which}: not in this report" in Read(text).text


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("which", ["verify", "status", "both"])
def test_nothing_comes_from_elsewhere(which: str, language: Language) -> None:
    text = made(
        verified(*GOOD, *OPEN) if which != "status" else None,
        seen(alice=(90, 30)) if which != "verify" else None,
        language,
    )
    read = Read(text)
    assert not {"script", "img", "link", "iframe", "object", "base", "form"} & {
        name for name, _ in read.elements
    }
    for name, attributes in read.elements:
        assert "src" not in attributes
        assert (attributes.get("href") or "#").startswith("#"), name
        assert not [key for key in attributes if key.startswith("on") or key == "style"]
    assert "url(" not in text
    assert "@import" not in text
    assert "default-src 'none'" in text
    assert "PRIVATE KEY" not in text


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_text_and_nothing_else(name: str) -> None:
    hostile = HOSTILE[name]
    status = seen(alice=(90, 30))
    plain = {element for element, _ in Read(made(verified(*GOOD), status)).elements}
    for entry in (*status["clients"], *status["authorities"], *status["listeners"]):
        entry["name"] = hostile
    status["findings"].append({"verdict": "fell short", "text": hostile})
    status["authorities"][0]["subject"] = f"CN={hostile}"
    text = made(verified(*GOOD, *both(f"client {hostile}", Expected.LET_IN, PAGE)), status)
    read = Read(text)
    assert {element for element, _ in read.elements} <= plain | {"ol", "li"}
    assert "\u202e" not in text
    assert hostile.replace("\u202e", " ") in "".join(read.words)


@pytest.mark.parametrize("language", Language)
def test_a_screen_reader_finds_its_way(language: Language) -> None:
    read = Read(made(verified(*GOOD, *OPEN), seen(alice=(90, 30)), language))
    assert read.of("html") == [{"lang": language}]
    assert [len(read.of(name)) for name in ("header", "main", "nav", "footer", "h1")] == [1] * 5
    assert all(header["scope"] in ("col", "row") for header in read.of("th"))
    assert len(read.of("caption")) == len(read.of("table")) == 4
    ids = [attributes["id"] for _, attributes in read.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for drawing in read.of("svg"):
        assert drawing["role"] == "img"
        assert set((drawing["aria-labelledby"] or "").split()) <= set(ids)
    for link in read.of("a"):
        assert (link["href"] or "")[1:] in ids


def test_each_word_is_there_in_both_languages() -> None:
    untold = [word for word, said in {**WORDS, **SENT}.items() if not said[1]]
    assert not untold
    for word, (english, japanese) in {**WORDS, **SENT}.items():
        if english:
            assert sorted(re.findall(r"{\w+}", english)) == sorted(re.findall(r"{\w+}", japanese)), word


def test_what_each_case_sends_is_told() -> None:
    assert set(SENT) == {case_id(case) for case in EVERY if case not in (ALL, BYPASSES)}


def test_many_clients_with_one_result_share_a_row() -> None:
    names = [f"client shop-{number}" for number in range(42)]
    checks = [check for name in names for check in both(name, Expected.LET_IN, PAGE)]
    read = Read(made(verified(*checks, *GOOD)))
    assert "43 clients with the same result" in read.text
    assert len(read.of("details")) == 1
    assert all(name in read.text for name in names)


def _rotation() -> dict[str, Any]:
    status = seen(alice=(90, 30))
    (root,) = status["authorities"]
    root["issuing"] = False
    status["authorities"].append({**root, "name": "corp", "trusted": False, "issuing": True})
    return status


def test_a_rotation_shows_its_cross_over() -> None:
    status = _rotation()
    end = status["authorities"][0]["notAfter"][:10]
    text = Read(made(None, status)).text
    assert f"Shaded: the cross-over of the rotation, root to corp; the flip must come before {end}." in text
    assert "cross-signs" in text


def test_who_is_still_let_in_is_in_table_map_and_timeline() -> None:
    status = seen(alice=(90, 30))
    gone = {**status["clients"][0], "client": "mallory", "reason": "removed", "since": "2026-11-01T00:00:00Z"}
    status["outstanding"] = [{**gone, "accepted": True}, {**gone, "client": "bob", "accepted": False}]
    text = Read(made(None, status)).text
    assert "! mallory removed, still let in" in text
    assert text.index("Removed, and still let in: 1.") < text.index("Who leads where")
    assert "mallory (removed, still let in)" in text
    assert "ALB knows no revocation" in text
    assert "as the listeners trust another CA now: 1." in text
    assert "bob" not in text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"caEnabled": False}, "off: lets everybody in"),
        ({"caCertificateIds": ["another"]}, "not the desired CA"),
        ({"caEnabled": None, "why": "HTTP 503"}, "not seen"),
    ],
)
def test_the_map_shows_a_listener_that_leads_elsewhere(change: dict[str, Any], said: str) -> None:
    status = seen(alice=(90, 30))
    assert "✗ trusts" not in made(None, status)
    status["listeners"][0]["alb"].update(change)
    text = made(None, status)
    assert "✗ trusts" in text
    assert said in text
