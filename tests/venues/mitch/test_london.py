from __future__ import annotations

import datetime as dt

import pytest

from hftlab.instruments import UNIT
from hftlab.venues.mitch.london import as_midnight, midnight_of

SUMMER = 1_782_860_400 * UNIT  # 2026-06-30 23:00 UTC
WINTER = 1_767_312_000 * UNIT  # 2026-01-02 00:00 UTC


def test_days_begin_an_hour_before_utcs_in_summer() -> None:
    assert as_midnight("2026-07-01") == as_midnight(dt.date(2026, 7, 1)) == SUMMER
    assert as_midnight("2026-01-02") == WINTER
    assert as_midnight(None) is None


def test_a_date_that_is_none_raises() -> None:
    with pytest.raises(ValueError, match="isoformat"):
        as_midnight("yesterday")


@pytest.mark.parametrize("midnight", [SUMMER, WINTER])
def test_the_midnight_before_a_moment(midnight: int) -> None:
    for after in (0, 1, 86_399 * UNIT):
        assert midnight_of(midnight + after) == midnight
    assert midnight_of(midnight - 1) == midnight - 86_400 * UNIT


def test_what_is_not_known_is_the_beginning_of_1970() -> None:
    assert midnight_of(0) == midnight_of(-1) == 0
