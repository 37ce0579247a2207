"""When a certificate is renewed; whatever the numbers, renewing settles it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alb_mutual_tls.pki.renewal import (
    RenewalState,
    days_left,
    due_from,
    from_text,
    near_end,
    renewal,
    to_text,
)
from components.models import ClientArgs

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
_moments = st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(
    lambda moment: moment.replace(microsecond=0)
)


@pytest.mark.parametrize(
    ("not_after", "authority_end", "found"),
    [
        (NOW + 30 * DAY + SECOND, NOW + 900 * DAY, RenewalState.NOT_YET),
        (NOW + 30 * DAY, NOW + 900 * DAY, RenewalState.DUE),
        (NOW - DAY, NOW + 900 * DAY, RenewalState.DUE),
        (NOW + 30 * DAY, NOW + 30 * DAY, RenewalState.ENDS_WITH_AUTHORITY),
        (NOW + 30 * DAY, NOW + 30 * DAY + SECOND, RenewalState.DUE),
        (NOW - DAY, NOW - DAY, RenewalState.ENDS_WITH_AUTHORITY),
        (NOW - 90 * DAY, NOW - DAY, RenewalState.ENDS_WITH_AUTHORITY),
        (NOW - 90 * DAY, NOW + SECOND, RenewalState.DUE),
    ],
)
def test_renewal_is_due_30_days_before_the_end_unless_the_authority_ends_too(
    not_after: datetime, authority_end: datetime, found: RenewalState
) -> None:
    assert renewal(NOW, not_after, 30, authority_end) is found


@given(_moments, st.integers(1, 3650), st.integers(0, 3649), st.timedeltas(SECOND, 4000 * DAY))
def test_what_was_just_issued_is_never_due(
    now: datetime, validity: int, before: int, authority_left: timedelta
) -> None:
    if before < validity:
        authority_end = now + authority_left
        not_after = min(now + validity * DAY, authority_end)
        assert renewal(now, not_after, before, authority_end) is not RenewalState.DUE


@given(_moments, st.integers(1, 3650), st.none() | st.integers(0, 3649))
def test_a_certificate_of_any_number_of_days_is_due_before_its_end_and_not_at_once(
    now: datetime, validity: int, wished: int | None
) -> None:
    if wished is None or wished < validity:
        before = ClientArgs(validity_days=validity, renew_before_days=wished).renewal_days()
        end = now + validity * DAY
        assert not near_end(now, end, before)
        assert near_end(end - 8 * HOUR, end, before)
        assert now < due_from(end, before) < end


@given(_moments, st.timedeltas(-4000 * DAY, 4000 * DAY), st.integers(0, 3649))
def test_what_is_due_stays_due(not_after: datetime, offset: timedelta, before: int) -> None:
    now = not_after + offset
    if near_end(now, not_after, before):
        assert near_end(now + DAY, not_after, before)


@pytest.mark.parametrize(("left", "days"), [(DAY, 1), (DAY - SECOND, 0), (timedelta(0), 0), (-SECOND, -1)])
def test_days_left_are_whole_and_negative_after_the_end(left: timedelta, days: int) -> None:
    assert days_left(NOW, NOW + left) == days


@given(_moments)
def test_a_moment_survives_the_state(moment: datetime) -> None:
    assert from_text(to_text(moment)) == moment
    assert to_text(moment).endswith("Z")
