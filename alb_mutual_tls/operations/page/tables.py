"""What mtls status found, as tables: listeners, authorities, clients, and who is still let in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from alb_mutual_tls.operations.page.documents import Document
from alb_mutual_tls.operations.page.markup import Content, Html, html, identifier, join, tag, value
from alb_mutual_tls.operations.page.matrix import CLASSES, SIGNS
from alb_mutual_tls.operations.page.timeline import day
from alb_mutual_tls.operations.page.words import Words

Entry = Mapping[str, Any]


def table(caption: str, headings: Iterable[str], rows: Iterable[Iterable[Content]]) -> Html:
    """A table whose first column names its rows; cells that are HTML already stay as they are."""
    head = tag("tr", *(tag("th", heading, scope="col") for heading in headings))
    body = []
    for first, *others in rows:
        cells = (
            cell if isinstance(cell, Html) and cell.startswith("<td") else tag("td", cell) for cell in others
        )
        body.append(tag("tr", tag("th", first, scope="row"), *cells))
    return tag("table", tag("caption", caption), tag("thead", head), tag("tbody", *body))


def listeners(status: Document, words: Words) -> Html:
    """What is desired, and what AlbConfig and ALB have."""
    made = []
    for one in status["listeners"]:
        wished = one["wished"]
        desired = join(_state(wished, words), _small(one["authority"]))
        made.append(
            (
                _named(one["name"], f"{one['albConfig']}:{one['port']}"),
                desired,
                *(_view(one[source], one, words) for source in ("albconfig", "alb")),
            )
        )
    headings = [words("listener"), words("desired"), words("in-albconfig"), words("in-alb")]
    return table(words("listeners"), headings, made)


def _state(view: Entry, words: Words) -> Html:
    if view["caEnabled"] is None:
        return html(words("unseen"))
    ids = [_small(identifier(one), title=one) for one in view["caCertificateIds"]]
    return join(words("on" if view["caEnabled"] else "off"), *ids)


def _view(view: Entry, listener: Entry, words: Words) -> Html:
    wished = listener["wished"]
    if view["caEnabled"] is None:
        return _marked("grey", "?", join(words("unseen"), _small(view.get("why") or "")))
    if view.get("changing"):
        return _marked("grey", "?", words("changing"))
    compared = view["caEnabled"] or listener["albconfig"] is view
    same = view["caEnabled"] == wished["caEnabled"] and (
        not compared
        or not wished["caCertificateIds"]
        or view["caCertificateIds"] == wished["caCertificateIds"]
    )
    if same:
        return _marked("good", SIGNS["held"], words("as-wished"))
    return _marked("bad", SIGNS["fell short"], _state(view, words))


def _marked(kind: str, sign: str, said: Content) -> Html:
    return tag("td", tag("span", sign, class_="sign", aria_hidden="true"), " ", said, class_=kind)


def authorities(status: Document, words: Words) -> Html:
    """The authorities, with what they are known by."""
    made = [
        (
            _named(one["name"], one["subject"]),
            ", ".join(words(role) for role in ("trusted", "issuing") if one[role]) or words("no-role"),
            _end(one, words),
            tag("code", one.get("fingerprint") or ""),
        )
        for one in status["authorities"]
    ]
    headings = [words("authority"), words("role"), words("ends"), words("fingerprint")]
    return table(words("authorities"), headings, made)


def clients(status: Document, words: Words) -> Html:
    """The clients, those that end first at the top."""
    made = [
        (value(one["name"]), _renewal(one, words), _end(one, words), tag("code", one["serialNumber"]))
        for one in sorted(status["clients"], key=lambda one: (str(one["notAfter"]), str(one["name"])))
    ]
    headings = [words("client"), words("renewal"), words("ends"), words("serial")]
    return table(words("clients"), headings, made)


def outstanding(status: Document, words: Words) -> Html:
    """What is still let in though no client has it any more."""
    accepted = sorted(
        (one for one in status["outstanding"] if one["accepted"]), key=lambda one: str(one["notAfter"])
    )
    others = len(status["outstanding"]) - len(accepted)
    parts: list[Html] = []
    if accepted:
        made = [
            (
                value(one["client"]),
                _marked("bad", "!", join(words("still"), _small(_reason(one, words)))),
                _end(one, words),
                tag("code", one["serialNumber"]),
            )
            for one in accepted
        ]
        headings = [words("client"), words("still"), words("ends"), words("serial")]
        parts.append(tag("p", words("outstanding-note")))
        parts.append(table(words("outstanding"), headings, made))
    else:
        parts.append(tag("p", words("outstanding-none")))
    if others:
        parts.append(tag("p", words("outstanding-others", number=others)))
    return join(*parts)


def flips(verify: Document, words: Words) -> Html:
    """Whether each bundle is ready for the flip."""
    parts = []
    for flip in verify["flips"]:
        made = []
        for bundle in flip["bundles"]:
            verdict = bundle["verdict"]
            word = {"held": "ready", "fell short": "not-ready"}.get(verdict, verdict)
            why = tag("span", value(bundle["why"]), class_="small", lang="en") if bundle["why"] else None
            made.append(
                (
                    value(bundle["case"]),
                    _marked(CLASSES.get(verdict, "grey"), SIGNS[verdict], join(words(word), why)),
                )
            )
        caption = words("flip", component=flip["component"], trusted=flip["trusted"], issuing=flip["issuing"])
        parts.append(table(caption, [words("client"), words("flips")], made))
        parts.append(tag("p", value(flip["note"]), lang="en", class_="quiet"))
    return join(*parts)


def _reason(one: Entry, words: Words) -> str:
    return f"{words(one['reason'])}, {words('since', when=day(one['since']))}"


def _renewal(one: Entry, words: Words) -> str:
    if one["due"]:
        return words("renewal-due")
    if one["endsWithAuthority"]:
        return words("renewal-none")
    return day(one["renewal"]) if one.get("renewal") else words("unknown")


def _end(one: Entry, words: Words) -> Html:
    return join(
        tag("time", day(one["notAfter"]), datetime=one["notAfter"]), _small(words.left(one["daysLeft"]))
    )


def _named(name: str, more: str) -> Html:
    return join(value(name), _small(value(more)))


def _small(said: str, title: str | None = None) -> Html:
    return tag("span", html(said), class_="small", title=title)
