"""Text from elsewhere in Markdown, and text without secrets."""

from __future__ import annotations

import html
import re

from hypothesis import given
from hypothesis import strategies as st

from alb_mutual_tls.engine.redaction import REDACTED, redacted, secrets_of
from alb_mutual_tls.pipeline.markdown import escaped, folded, items, marker, table


def shown(markdown: str) -> str:
    """What a reader sees of escaped text."""
    return re.sub(r"\\([\\`*_\[\]|~\-+>=])", r"\1", html.unescape(markdown)).replace("\u200b", "")


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\u200b"), max_size=200))
def test_escaped_text_is_read_as_it_was_and_is_no_markup(text: str) -> None:
    markdown = escaped(text)
    if "\\" not in text and "&" not in text:
        assert shown(markdown) == " ".join(text.split())
    assert "\n" not in markdown
    assert not re.search(r"(?<!\\)(?:\\\\)*[`*_|~\[]", markdown)
    assert not re.search(
        "[<>]|@\\w|#\\w", re.sub(r"&#8203;", "", markdown).replace("@", "@ ").replace("#", "# ")
    )
    assert not re.search(r"[@#](?=\w)", markdown.replace("&#8203;", "\u200b"))


def test_names_cannot_break_out_of_a_table_or_call_anybody() -> None:
    assert (
        escaped("a|b <img src=x> @all *x* [l](u)") == "a\\|b &lt;img src=x&gt; @&#8203;all \\*x\\* \\[l\\](u)"
    )


AUTOLINKS = re.compile(r"[a-z0-9]://|\bwww\.|\b(?:mailto|xmpp):|[\w.+-]+@\w", re.IGNORECASE)
"""What GitHub Flavored Markdown (6.9) and GitLab make a link of by themselves."""
CALLS = re.compile(r'[@#!$%][\w"]|\bGH-\d')
"""What they make a mention or a reference of."""
FOREIGN = st.lists(
    st.sampled_from(
        [
            "https://evil.example/x?y=1",
            "HTTP://EVIL",
            "ftp://a",
            "www.evil.example",
            "WWW.a.b",
            "mailto:a@b.example",
            "xmpp:a@b",
            "git+ssh://a",
            "@alice",
            "@_alice",
            "@org/team",
            "#1",
            "org/repo#1",
            "!2",
            "$3",
            "%4",
            '%"v 1"',
            "GH-5",
            "a@b.example",
            "x",
            "(",
            ":",
            "/",
            "\\",
            "*",
            "&",
        ]
    ),
    max_size=8,
)


@given(FOREIGN, st.sampled_from(["", " "]))
def test_no_text_from_elsewhere_becomes_a_link_or_tells_anybody(parts: list[str], between: str) -> None:
    text = between.join(parts)
    rendered = re.sub(r"\\([\\`*_\[\]|~\-+>=])", r"\1", html.unescape(escaped(text)))
    for markdown in (escaped(text), rendered):
        assert not AUTOLINKS.search(markdown)
        assert not CALLS.search(markdown.replace("&#8203;", "\u200b").replace("&#", ""))
    assert rendered.replace("\u200b", "") == " ".join(text.split())


def test_links_and_mentions_are_kept_apart() -> None:
    assert (
        escaped("see https://evil.example/ www.evil.example @alice")
        == "see https&#8203;://evil.example/ www&#8203;.evil.example @&#8203;alice"
    )


def test_a_marker_cannot_be_left_by_the_name_of_a_stack() -> None:
    assert (
        marker("deploy", "org/project/prod --> @all")
        == "<!-- alb-mutual-tls deploy org/project/prod_--\x5f_\x5fall -->"
    )


@given(st.lists(st.text(max_size=80), max_size=60), st.integers(200, 3000))
def test_parts_keep_within_their_room(texts: list[str], room: int) -> None:
    lines = [escaped(text) for text in texts]
    assert len(table(("a", "b"), [(line, line) for line in lines], room=room)) <= room
    assert len(items(lines, room=room)) <= room
    assert len(folded("title", [" ".join(text.split()) for text in texts], room=room)) <= room


def test_a_fence_cannot_be_closed_from_within() -> None:
    assert folded("title", ["```", "x"], room=1000).count("```") == 2


@given(st.text(max_size=50), st.text(max_size=50))
def test_private_keys_and_secrets_of_the_environment_are_taken_out(before: str, after: str) -> None:
    key = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIF\n-----END EC PRIVATE KEY-----"
    text = redacted(
        f"{before}{key}{after} passphrase-of-prod",
        secrets_of({"PULUMI_CONFIG_PASSPHRASE": "passphrase-of-prod"}),
    )
    assert "MHcCAQEEIF" not in text
    assert "passphrase-of-prod" not in text
    assert text.count(REDACTED) >= 2


def test_a_secret_with_colours_in_its_midst_is_taken_out() -> None:
    assert redacted("pass\x1b[1mphrase", ("pass phrase",)) == REDACTED


def test_a_private_key_that_was_cut_off_is_taken_out_too() -> None:
    assert redacted("x -----BEGIN PRIVATE KEY-----\nMHcC", ()) == f"x {REDACTED}"


def test_colours_and_control_characters_are_taken_out() -> None:
    assert redacted("\x1b[31merror\x1b[0m:\x07 a\u202eb", ()) == " error :  a b"
