"""Each sentence of the source stands in docs/errors.md, and each row of the page is said by the
real code in one of the cases.
"""

from __future__ import annotations

import re

import pytest

from tests.unit.errors.case import Case, sentences
from tests.unit.errors.cases import certificates, cluster, listener, place, secrets, stack
from tests.unit.errors.inventory import Row, meant, rows, sentences_of_the_source

ROWS = rows()
REMEDY = re.compile(
    "[:;,] (so )?(add|check|correct|declare|fetch|give|grant|install|keep|let|log"
    " in|look|make|name|pause|pulumi config|put|remove|rename|report"
    r"|run|set|take|use|wait|write)\b"
)
CASES: dict[str, Case] = {
    f"{module.__name__.rsplit('.', 1)[-1]}: {name}": case
    for module in (stack, place, cluster, listener, certificates, secrets)
    for name, case in module.CASES.items()
}


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str] | Exception]:
    """The sentences of every case, or what went wrong with it."""
    told: dict[str, list[str] | Exception] = {}
    for name, case in CASES.items():
        try:
            told[name] = sentences(case, tmp_path_factory.mktemp("case"))
        except Exception as error:
            told[name] = error
    return told


@pytest.fixture(scope="module")
def produced(said: dict[str, list[str] | Exception]) -> set[Row]:
    """The rows that the cases have said."""
    return {
        row
        for told in said.values()
        if isinstance(told, list)
        for sentence in told
        for row in meant(sentence, ROWS)
    }


def test_every_sentence_of_the_source_stands_on_the_page_once() -> None:
    listed = [row.template for row in ROWS]
    wrong = {text: places for text, places in sentences_of_the_source().items() if listed.count(text) != 1}
    assert not wrong, (
        "write a row for each of them into docs/errors.md, and a case into tests/unit/errors/cases"
    )


def test_every_row_of_the_page_is_a_sentence_of_the_source() -> None:
    source = sentences_of_the_source()
    assert not [row.sentence for row in ROWS if row.template not in source], (
        "nobody says this any more: take the rows out of docs/errors.md"
    )


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.sentence)
def test_every_row_is_said_by_a_case(row: Row, produced: set[Row]) -> None:
    assert row.cause
    assert row.remedy
    assert row in produced


@pytest.mark.parametrize("name", CASES)
def test_every_case_says_one_line_that_stands_on_the_page(
    name: str, said: dict[str, list[str] | Exception]
) -> None:
    told = said[name]
    if isinstance(told, Exception):
        raise told
    for sentence in told:
        assert meant(sentence, ROWS), sentence
        assert "\n" not in sentence
        assert not re.search(r"Traceback|rpc error|<\w+ object at", sentence)


@pytest.mark.parametrize("name", CASES)
def test_every_sentence_says_what_to_do(name: str, said: dict[str, list[str] | Exception]) -> None:
    told = said[name]
    for sentence in told if isinstance(told, list) else []:
        # a part's remedy stands after it
        whole = any(not row.is_part for row in meant(sentence, ROWS))
        assert not whole or REMEDY.search(sentence), sentence
