from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alb_mutual_tls.alibaba.warehouse import (
    LISTED_TYPE,
    ListedCertificate,
    Repository,
    choose_repository,
    may_be,
)
from alb_mutual_tls.errors import UserError


def repository(warehouse_id: int, name: str = "n", type: str = LISTED_TYPE) -> Repository:
    return Repository(f"cas-wh-{warehouse_id}", str(warehouse_id), name, type)


def test_only_the_exact_name_counts() -> None:
    assert choose_repository(
        [repository(1, "n2"), repository(2, "N"), repository(3)], "n", configured=True
    ) == repository(3)
    assert choose_repository([repository(1, "n2")], "n", configured=True) is None
    assert choose_repository([], "n", configured=False) is None


@given(st.permutations([repository(number) for number in (9, 10, 100, 1234)]))
def test_of_several_with_the_default_name_the_oldest_is_taken_in_whatever_order_they_are_listed(
    listed: list[Repository],
) -> None:
    assert choose_repository(listed, "n", configured=False) == repository(9)


def test_of_several_with_a_configured_name_none_is_taken() -> None:
    with pytest.raises(UserError, match=r"2 repositories are named n \(cas-wh-1, cas-wh-2\)"):
        choose_repository([repository(2), repository(1)], "n", configured=True)


def test_one_of_another_type_is_passed_over_for_a_fitting_one_and_refused_alone() -> None:
    other = repository(1, type="uploadPCA")
    assert choose_repository([other, repository(2)], "n", configured=True) == repository(2)
    with pytest.raises(UserError, match="is of type uploadPCA"):
        choose_repository([other], "n", configured=False)


def test_a_certificate_that_ends_on_another_day_need_not_be_looked_at() -> None:
    end = int(datetime(2036, 1, 1, tzinfo=UTC).timestamp() * 1000)
    assert may_be(ListedCertificate("i", "", end + 8 * 3_600_000), end)  # a list in China's time
    assert not may_be(ListedCertificate("i", "", end + 2 * 86_400_000), end)


@pytest.mark.parametrize("listed", [None, 0, 2082758400])
def test_an_end_that_the_list_does_not_tell_in_milliseconds_excludes_nothing(listed: int | None) -> None:
    assert may_be(ListedCertificate("i", "", listed), 4102444800000)
