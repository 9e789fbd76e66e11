"""Trading sessions of venues with holidays and shortened days, by the library exchange_calendars."""

from __future__ import annotations

import warnings
from datetime import date
from functools import cache
from typing import Final, NamedTuple

__all__ = ["TradingSession", "has_calendar", "trading_session"]

_MARKETS: Final = {"NASDAQ": "XNAS", "NYSE": "XNYS", "IEX": "XNYS", "LSE": "XLON"}
"""Market identifier codes (ISO 10383) under which the library knows the venues; IEX's holidays are those of NYSE."""


class TradingSession(NamedTuple):
    """Continuous trading of one day, from `opens` up to `closes`, both int64 ns UTC."""

    opens: int
    closes: int


def has_calendar(venue: str) -> bool:
    """Tell whether the holidays of the venue of that name are known."""
    return venue in _MARKETS


def trading_session(venue: str, day: date) -> TradingSession | None:
    """Return the session of a day at a venue that has a calendar, None on a holiday and at a weekend.

    The first call for a year takes about a second: the library brings pandas. Its holidays of years to come are those
    that today's rules give. Raises ValueError for days outside the years 1678 to 2261.
    """
    return _sessions(_MARKETS[venue], day.year).get(day)


@cache
def _sessions(market: str, year: int) -> dict[date, TradingSession]:
    import exchange_calendars

    with warnings.catch_warnings():
        # The library calls what newer pandas deprecates; its users can do nothing about it.
        warnings.simplefilter("ignore", DeprecationWarning)
        calendar = exchange_calendars.get_calendar(market, start=f"{year}-01-01", end=f"{year}-12-31")
    rows = zip(calendar.sessions, calendar.schedule["open"], calendar.schedule["close"], strict=True)
    return {day.date(): TradingSession(opens.value, closes.value) for day, opens, closes in rows}
