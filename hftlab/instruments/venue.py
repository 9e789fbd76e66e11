"""Venues: their currency, their time zone and when they trade."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from hftlab.instruments.trading_calendar import has_calendar, trading_session

__all__ = ["BINANCE", "BINANCE_COINM", "BINANCE_USDM", "IEX", "LSE", "NASDAQ", "NYSE", "Phase", "Venue"]

_SATURDAY: Final = 5
_SECOND: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Phase:
    """Part of the trading day, from `opens` up to `closes`, both "HH:MM" in the venue's time zone."""

    name: str
    opens: str
    closes: str


@dataclass(frozen=True, slots=True)
class Venue:
    """Exchange, or one of its separate markets. `timezone` is the IANA name of the zone that its trading day follows.

    `phases` are those of an ordinary trading day, in order; the one called "regular" is continuous trading. Without
    phases a venue trades around the clock, every day. Holidays and shortened days of NASDAQ, NYSE, IEX and LSE are
    those of the library exchange_calendars; another venue with phases trades from Monday to Friday.
    """

    name: str
    currency: str
    timezone: str = "UTC"
    phases: tuple[Phase, ...] = field(default=(), repr=False)

    def phase_at(self, moment: int) -> str | None:
        """Return the phase at a time (int64 ns UTC), None while the venue is closed.

        A venue without phases is always in "regular". On a shortened day the phases after continuous trading begin
        when that ends.
        """
        if not self.phases:
            return "regular"
        # Nanoseconds are cut to seconds: phases begin at whole minutes.
        day = datetime.fromtimestamp(moment // _SECOND, ZoneInfo(self.timezone)).date()
        hours = self.regular_hours(day)
        if hours is None:
            return None
        usual = self._usual_hours(day)

        def moved(boundary: int) -> int:
            if boundary >= usual[1]:
                return boundary - usual[1] + hours[1]
            return hours[0] if boundary == usual[0] else boundary

        for phase in self.phases:
            if moved(self._moment(day, phase.opens)) <= moment < moved(self._moment(day, phase.closes)):
                return phase.name
        return None

    def regular_hours(self, day: date) -> tuple[int, int] | None:
        """Return from when to when (int64 ns UTC) there is continuous trading on a day of the venue's time zone.

        None if the venue is closed: on holidays and at weekends. Midnight to midnight where there are no phases.
        """
        if not self.phases:
            return self._moment(day, "00:00"), self._moment(day + timedelta(days=1), "00:00")
        if has_calendar(self.name):
            return trading_session(self.name, day)
        return None if day.weekday() >= _SATURDAY else self._usual_hours(day)

    def _usual_hours(self, day: date) -> tuple[int, int]:
        regular = next(phase for phase in self.phases if phase.name == "regular")
        return self._moment(day, regular.opens), self._moment(day, regular.closes)

    def _moment(self, day: date, clock: str) -> int:
        at = datetime.combine(day, time.fromisoformat(clock), ZoneInfo(self.timezone))
        return int(at.timestamp()) * _SECOND

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Venue:
        """Build a venue from JSON values. Raises TypeError for fields that a venue does not have."""
        fields = dict(values)
        return cls(phases=tuple(Phase(**phase) for phase in fields.pop("phases", ())), **fields)


BINANCE: Final = Venue("BINANCE", "USDT")
BINANCE_COINM: Final = Venue("BINANCE_COINM", "USD")
"""Futures that are margined in coins: prices in US dollars, sizes in contracts."""
BINANCE_USDM: Final = Venue("BINANCE_USDM", "USDT")
IEX: Final = Venue(
    "IEX",
    "USD",
    "America/New_York",
    (Phase("pre-market", "08:00", "09:30"), Phase("regular", "09:30", "16:00"), Phase("post-market", "16:00", "17:00")),
)
LSE: Final = Venue(
    "LSE",
    "GBP",
    "Europe/London",
    (
        Phase("opening auction", "07:50", "08:00"),
        Phase("regular", "08:00", "16:30"),
        Phase("closing auction", "16:30", "16:35"),
    ),
)
"""SETS. At noon an intraday auction of two minutes interrupts its regular trading; it is not a phase here."""
NASDAQ: Final = Venue(
    "NASDAQ",
    "USD",
    "America/New_York",
    (Phase("pre-market", "04:00", "09:30"), Phase("regular", "09:30", "16:00"), Phase("post-market", "16:00", "20:00")),
)
NYSE: Final = Venue("NYSE", "USD", "America/New_York", (Phase("regular", "09:30", "16:00"),))
