"""Text from elsewhere in Markdown, and text without secrets."""

from __future__ import annotations

import html
import re

from hypothesis import given
from hypothesis import strategies as st

from alb_mutual_tls.pipeline.markdown import escaped, folded, items, table
from alb_mutual_tls.pipeline.redaction import REDACTED, redacted, secrets_of


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
    assert not re.search("[<>]|@\\w|#\\w", re.sub(r"&#8203;", "", markdown).replace("@", "@ ").replace("#", "# "))
    assert not re.search(r"[@#](?=\w)", markdown.replace("&#8203;", "\u200b"))


def test_names_cannot_break_out_of_a_table_or_call_anybody() -> None:
    assert escaped("a|b <img src=x> @all *x* [l](u)") == "a\\|b &lt;img src=x&gt; @&#8203;all \\*x\\* \\[l\\](u)"


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
    text = redacted(f"{before}{key}{after} passphrase-of-prod", secrets_of({"PULUMI_CONFIG_PASSPHRASE": "passphrase-of-prod"}))
    assert "MHcCAQEEIF" not in text
    assert "passphrase-of-prod" not in text
    assert text.count(REDACTED) >= 2


def test_a_secret_with_colours_in_its_midst_is_taken_out() -> None:
    assert redacted("pass\x1b[1mphrase", ("pass phrase",)) == REDACTED


def test_a_private_key_that_was_cut_off_is_taken_out_too() -> None:
    assert redacted("x -----BEGIN PRIVATE KEY-----\nMHcC", ()) == f"x {REDACTED}"


def test_colours_and_control_characters_are_taken_out() -> None:
    assert redacted("\x1b[31merror\x1b[0m:\x07 a\u202eb", ()) == " error :  a b"
