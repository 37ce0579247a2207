"""The properties of the unit tier once more with thirty times the examples, which would be too slow
there.
"""

from __future__ import annotations

from hypothesis import given, settings

from alb_mutual_tls.listener.exact_json import Document
from alb_mutual_tls.listener.patch import Desired
from tests.examples import examples
from tests.unit.listener.corpus import documents
from tests.unit.listener.test_listener_patch import comes_back, holds, wishes

many = settings(max_examples=examples(2000))


@given(documents(), wishes)
@many
def test_any_of_many_albconfigs_changes_in_our_two_keys_and_annotation_only(
    made: tuple[Document, int], wish: Desired
) -> None:
    holds(*made, wish)


@given(documents(), wishes, wishes, wishes)
@many
def test_the_first_values_of_any_of_many_albconfigs_come_back(
    made: tuple[Document, int], one: Desired, two: Desired, three: Desired
) -> None:
    comes_back(*made, one, two, three)
