"""The page: one HTML file that needs nothing else, from documents to text.

Nothing is looked up here, and no clock is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from alb_mutual_tls.operations.page import tables
from alb_mutual_tls.operations.page.documents import STATUS, VERIFY, Documents, Place
from alb_mutual_tls.operations.page.look import style
from alb_mutual_tls.operations.page.markup import Content, Html, html, join, tag, value
from alb_mutual_tls.operations.page.matrix import CLASSES, SIGNS, english, matrices
from alb_mutual_tls.operations.page.picture import maps
from alb_mutual_tls.operations.page.timeline import day, timelines
from alb_mutual_tls.operations.page.words import Words
from alb_mutual_tls.tokens import VERSION
from alb_mutual_tls.verdict import Verdict

BROAD: Final = 1040
NARROW: Final = 360
"""How broad each drawing is, in units; one of the two shows, by the width of the window."""
_TOLD: Final = 8
"""How many things to do stand beside the verdict."""
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_LINES: Final = {
    Verdict.HELD: "held-line",
    Verdict.FELL_SHORT: "fell-line",
    Verdict.NOT_DECIDED: "undecided-line",
}


def page(documents: Documents, place: Place, words: Words, made: datetime) -> str:
    """The whole page. `made`: when, in UTC."""
    sections = list(_sections(documents, place, words, made))
    contents = tag(
        "nav",
        tag("ul", *(tag("li", tag("a", title, href=f"#{name}")) for name, title, _ in sections)),
        aria_label=words("contents"),
    )
    main = join(
        *(
            tag("section", tag("h2", title, id=name), body, aria_labelledby=name)
            for name, title, body in sections
        )
    )
    title = words("title") + (f": {place.stack}" if place.stack else "")
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'),
        tag("meta", name="referrer", content="no-referrer"),
        tag("meta", name="generator", content=f"mtls {VERSION}"),
        tag("title", f"{SIGNS[documents.verdict]} {title}"),
        tag("style", Html(style())),
    )
    body = tag(
        "body",
        tag("a", words("skip"), href="#main", class_="skip"),
        tag(
            "header",
            tag("h1", words("title")),
            tag("p", _where(place, words, made), class_="place"),
        ),
        tag("main", _verdict(documents, words), contents, main, id="main"),
        tag("footer", tag("p", words("secret"))),
    )
    return f"<!DOCTYPE html>\n{tag('html', head, body, lang=words.language)}\n"


def _where(place: Place, words: Words, made: datetime) -> Html:
    known = [
        join(words("stack"), " ", value(place.stack)) if place.stack else None,
        join(words("account"), " ", value(place.account)) if place.account else None,
        tag("time", f"{made:%Y-%m-%d %H:%M} UTC", datetime=f"{made:%Y-%m-%dT%H:%M:%SZ}"),
    ]
    return Html(" · ".join(one for one in known if one))


def _verdict(documents: Documents, words: Words) -> Html:
    verdict = documents.verdict
    to_do = list(_to_do(documents))
    line = words(_LINES[verdict], count=words.points(len(to_do)))
    sign = tag("span", SIGNS[verdict], class_="sign", aria_hidden="true")
    parts: list[Content] = [tag("h2", sign, " ", line, id="result")]
    if to_do:
        parts.append(tag("p", tag("strong", words("do"))))
        shown = [tag("li", _sentence(*one, words)) for one in to_do[:_TOLD]]
        if len(to_do) > _TOLD:
            shown.append(tag("li", words("more", number=len(to_do) - _TOLD)))
        parts.append(tag("ol", *shown))
        if note := words("english"):
            parts.append(tag("p", note, class_="small"))
    else:
        parts.append(tag("p", words("do-nothing")))
    status = documents.status or {"outstanding": []}
    if still := sum(one["accepted"] for one in status["outstanding"]):
        link = tag("a", words("still-counted", number=still), href="#outstanding")
        parts.append(tag("p", tag("span", "!", class_="sign", aria_hidden="true"), " ", link))
    if said := _next(documents, words):
        parts.append(tag("p", html(said)))
    return tag("section", *parts, class_=f"verdict {CLASSES.get(verdict, 'grey')}", aria_labelledby="result")


def _sentence(verdict: str, subject: str, why: str, words: Words) -> Html:
    sign = tag("span", SIGNS[verdict], class_="sign", aria_hidden="true")
    named = join(tag("strong", value(subject)), ": ") if subject else None
    return join(sign, " ", words(verdict), " – ", named, english(why, words))


def _to_do(documents: Documents) -> Iterator[tuple[str, str, str]]:
    """Verdict, subject and reason of what does not hold; what fell short comes first."""
    found: dict[tuple[str, str], list[str]] = {}
    for document in (documents.verify, documents.status):
        if document is not None and document.get("error"):
            found[(document["verdict"], document["error"])] = []
    if documents.status is not None:
        for one in documents.status["findings"]:
            found.setdefault((one["verdict"], one["text"]), [])
    if documents.verify is not None:
        for listener in documents.verify["listeners"]:
            for check in listener["checks"]:
                what = f"{listener['name']}: {check['case']}"
                subjects = found.setdefault((check["verdict"], check["why"] or check["verdict"]), [])
                subjects += [] if what in subjects else [what]
        for flip in documents.verify["flips"]:
            for bundle in flip["bundles"]:
                found.setdefault((bundle["verdict"], bundle["why"]), []).append(bundle["case"])
    for weight in (Verdict.FELL_SHORT, Verdict.NOT_DECIDED):
        for (verdict, why), subjects in found.items():
            if verdict == weight:
                more = f" (+{len(subjects) - 3})" if len(subjects) > 3 else ""
                yield verdict, ", ".join(subjects[:3]) + more, why


def _next(documents: Documents, words: Words) -> str:
    """What ends next of what is in use."""
    if documents.status is None:
        return ""
    ends = [(one["notAfter"], words("client"), one) for one in documents.status["clients"]]
    ends += [
        (one["notAfter"], words("authority"), one)
        for one in documents.status["authorities"]
        if one["trusted"] or one["issuing"]
    ]
    if not ends:
        return ""
    _, kind, first = min(ends, key=lambda end: str(end[0]))
    known = {"what": f"{kind} {first['name']}", "when": day(first["notAfter"])}
    if first["daysLeft"] < 0:
        return words("next-past", **known)
    return words("next", days=first["daysLeft"], **known)


def _sections(
    documents: Documents, place: Place, words: Words, made: datetime
) -> Iterator[tuple[str, str, Html]]:
    verify, status = documents.verify, documents.status
    no_verify, no_status = (tag("p", words(f"missing-{name}")) for name in (VERIFY, STATUS))
    drawn = join(*(maps(documents, words, broad=broad) for broad in (BROAD, NARROW)))
    yield "map", words("map"), join(tag("p", words("map-note"), class_="quiet"), drawn)
    yield (
        "matrix",
        words("matrix"),
        no_verify
        if verify is None
        else join(tag("p", words("matrix-note"), class_="quiet"), matrices(verify, words)),
    )
    if verify is not None and verify["flips"]:
        yield "flips", words("flips"), tables.flips(verify, words)
    yield (
        "timeline",
        words("timeline"),
        no_status
        if status is None or "checkedAt" not in status
        else join(
            tag("p", words("timeline-note"), class_="quiet"),
            *(timelines(status, words, broad=broad) for broad in (BROAD, NARROW)),
        ),
    )
    yield (
        "outstanding",
        words("outstanding"),
        no_status if status is None else tables.outstanding(status, words),
    )
    if status is not None:
        yield (
            "details",
            words("details"),
            join(
                tables.listeners(status, words),
                tables.authorities(status, words),
                tables.clients(status, words),
            ),
        )
    if known := _known(documents):
        listed = tag("ul", *(tag("li", english(one, words)) for one in known))
        yield "known", words("known"), listed
    yield "about", words("about"), _about(documents, place, words, made)


def _known(documents: Documents) -> list[str]:
    """What is merely to be known, a sentence each."""
    said: list[str] = []
    if documents.verify is not None:
        said += [*documents.verify.get("notes", []), documents.verify.get("note") or ""]
    if documents.status is not None:
        said += [one["text"] for one in documents.status["findings"] if one["verdict"] == Verdict.HELD]
    return [one for one in dict.fromkeys(said) if one]


def _about(documents: Documents, place: Place, words: Words, made: datetime) -> Html:
    given: dict[str, Any] = {VERIFY: documents.verify, STATUS: documents.status}
    versions = [
        words("json-version", kind=name, version=document["version"])
        if document is not None
        else f"mtls {name}: {words('missing')}"
        for name, document in given.items()
    ]
    facts = {
        "made": f"{made:%Y-%m-%d %H:%M:%S} UTC",
        "checked": (documents.status or {}).get("checkedAt"),
        "stack": place.stack,
        "cluster": place.cluster,
        "account": place.account,
        "region": place.region,
        "tool": f"alb-mutual-tls {VERSION}",
        "json": "; ".join(versions),
    }
    return tag(
        "dl",
        *(
            join(tag("dt", words(name)), tag("dd", value(fact or words("missing"))))
            for name, fact in facts.items()
        ),
    )
