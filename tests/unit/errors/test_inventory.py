"""How sentences are found in the source, and rows on the page."""

from __future__ import annotations

import ast

import pytest

from tests.unit.errors.inventory import Row, error_classes, meant, sentences_of, template

ERRORS = {"UserError", "Conflict"}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('raise UserError(f"AlbConfig {name} is gone")', ["AlbConfig <> is gone"]),
        (
            'raise module.Conflict(f"it was {a}" f" and {b!r:>3} changed", status=1) from None',
            ["it was <> and <> changed"],
        ),
        ('UserError("give one" if one else f"give {two} of them")', ["give one", "give <> of them"]),
        ('CheckFailure("port", f"port {port} is none")', ["port <> is none"]),
        ('reason = f"it speaks no {language}: learn it"', ["it speaks no <>: learn it"]),
        ('raise ValueError("write Pulumi.<stack>.yaml; then run it")', ["write Pulumi.<>.yaml; then run it"]),
        (
            "raise UserError(f'it has {names or \"no names: make some\"}')",
            ["it has <>", "no names: make some"],
        ),
        ('raise UserError(f"{name}: {error}")', []),
        ('raise UserError("; ".join(reasons))', []),
        ('what = f"listener {port} of it"', []),
        ('request.warn(f"it is {old}: look at it")', []),
        ('warnings.append(f"it is {old}: look at it")', []),
        ('raise AssertionError("it cannot be: look at it")', []),
        ('def lockout_to_come():\n    return "it is coming: look at it"', []),
        ('def act():\n    """Do it: it is done."""', []),
    ],
)
def test_a_sentence_is_what_an_error_says_and_every_text_with_a_remedy(source: str, found: list[str]) -> None:
    assert [text for text, _ in sentences_of(ast.parse(source), ERRORS)] == found


def test_errors_are_user_error_and_what_is_derived_from_it_however_far() -> None:
    source = "class B(A): ...\nclass A(UserError): ...\nclass C(A, Other): ...\nclass D(Exception): ..."
    assert error_classes([ast.parse(source)]) == {"UserError", "A", "B", "C"}


def test_a_row_fits_sentences_with_any_values_and_a_part_fits_around() -> None:
    rows = [
        Row(sentence, "", "")
        for sentence in ("<key> is <value>", "<key> is <value>: give a text", "…no <kind>…", "it is nothing")
    ]
    assert template("<key> is <value>: give a text") == rows[1].template == "<> is <>: give a text"
    assert meant("region is 7: give a text", rows) == [rows[1]]
    assert meant("it is no object (line 1)\n: give a text", rows) == [rows[1], rows[2]]
    assert meant("nothing of this", rows) == []
