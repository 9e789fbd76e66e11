from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from hftlab.instruments import BINANCE, IEX, LSE, NASDAQ, NYSE, Phase, Venue


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000_000


SHOP = Venue("SHOP", "EUR", "UTC", (Phase("regular", "09:00", "17:00"),))


class TestPhases:
    @pytest.mark.parametrize(
        ("venue", "moment", "phase"),
        [
            (NASDAQ, "2024-01-17 14:30:00", "regular"),
            (NASDAQ, "2024-01-17 14:29:59", "pre-market"),
            (NASDAQ, "2024-07-17 13:30:00", "regular"),  # summer time
            (NASDAQ, "2024-07-17 20:00:00", "post-market"),
            (NASDAQ, "2024-07-18 00:00:00", None),
            (NASDAQ, "2024-01-20 15:00:00", None),  # a Saturday
            (NASDAQ, "2024-01-22 03:00:00", None),  # Sunday evening in New York
            (NYSE, "2024-01-17 14:29:59", None),
            (NYSE, "2024-01-17 20:59:59", "regular"),
            (LSE, "2024-01-17 07:55:00", "opening auction"),
            (LSE, "2024-01-17 16:29:59", "regular"),
            (LSE, "2024-01-17 16:30:00", "closing auction"),
            (LSE, "2024-07-17 15:30:00", "closing auction"),
            (BINANCE, "2024-01-20 03:00:00", "regular"),
            (NASDAQ, "2024-12-25 15:00:00", None),  # Christmas Day
            (BINANCE, "2024-12-25 15:00:00", "regular"),
            (NASDAQ, "2024-07-03 08:00:00", "pre-market"),  # a day that ends at 13:00 in New York
            (NASDAQ, "2024-07-03 16:59:59", "regular"),
            (NASDAQ, "2024-07-03 17:00:00", "post-market"),
            (NASDAQ, "2024-07-03 20:59:59", "post-market"),
            (NASDAQ, "2024-07-03 21:00:00", None),
            (LSE, "2024-12-24 12:29:59", "regular"),
            (LSE, "2024-12-24 12:34:59", "closing auction"),
            (LSE, "2024-12-24 12:35:00", None),
            (SHOP, "2024-12-25 10:00:00", "regular"),  # nobody knows its holidays
            (SHOP, "2024-12-28 10:00:00", None),  # but Saturdays
        ],
    )
    def test_follow_the_venues_own_clock(self, venue: Venue, moment: str, phase: str | None) -> None:
        assert venue.phase_at(ns(moment)) == phase


class TestRegularHours:
    def test_move_with_summer_time(self) -> None:
        assert NASDAQ.regular_hours(date(2024, 1, 17)) == (ns("2024-01-17 14:30"), ns("2024-01-17 21:00"))
        assert NASDAQ.regular_hours(date(2024, 7, 17)) == (ns("2024-07-17 13:30"), ns("2024-07-17 20:00"))
        assert LSE.regular_hours(date(2024, 7, 17)) == (ns("2024-07-17 07:00"), ns("2024-07-17 15:30"))

    def test_are_none_at_a_weekend_and_all_day_around_the_clock(self) -> None:
        assert NYSE.regular_hours(date(2024, 1, 20)) is None
        assert BINANCE.regular_hours(date(2024, 12, 31)) == (ns("2024-12-31"), ns("2025-01-01"))

    def test_end_early_on_shortened_days(self) -> None:
        assert NYSE.regular_hours(date(2024, 7, 3)) == (ns("2024-07-03 13:30"), ns("2024-07-03 17:00"))
        assert LSE.regular_hours(date(2024, 12, 24)) == (ns("2024-12-24 08:00"), ns("2024-12-24 12:30"))

    @pytest.mark.parametrize("venue", [NASDAQ, NYSE, IEX, LSE])
    def test_are_none_on_holidays(self, venue: Venue) -> None:
        assert venue.regular_hours(date(2024, 12, 25)) is None
        assert venue.regular_hours(date(2024, 3, 29)) is None  # Good Friday

    def test_of_a_venue_without_a_calendar_are_those_of_every_weekday(self) -> None:
        assert SHOP.regular_hours(date(2024, 12, 25)) == (ns("2024-12-25 09:00"), ns("2024-12-25 17:00"))
        assert SHOP.regular_hours(date(2024, 12, 28)) is None
