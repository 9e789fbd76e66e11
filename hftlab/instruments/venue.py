"""Exchanges: their currency, their time zone and when they trade."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

__all__ = ["BINANCE", "BINANCE_USDM", "LSE", "NASDAQ", "NYSE", "Phase", "Venue"]

_SATURDAY: Final = 5
_SECOND: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of the trading day, from `opens` up to `closes`, both "HH:MM" in the venue's time zone."""

    name: str
    opens: str
    closes: str


@dataclass(frozen=True, slots=True)
class Venue:
    """An exchange or one of its separate markets. `timezone` is an IANA name, the one its trading day follows.

    `phases` are those of an ordinary trading day, Monday to Friday, in order; the one called "regular" is continuous
    trading. Without phases a venue trades around the clock, every day. Holidays and shortened days are not known here.
    """

    name: str
    currency: str
    timezone: str = "UTC"
    phases: tuple[Phase, ...] = field(default=(), repr=False)

    def phase_at(self, moment: int) -> str | None:
        """The phase at a time (int64 ns UTC), None while the venue is closed, "regular" where there are no phases."""
        if not self.phases:
            return "regular"
        # Nanoseconds are cut to seconds: phases begin at whole minutes.
        there = datetime.fromtimestamp(moment // _SECOND, ZoneInfo(self.timezone))
        if there.weekday() >= _SATURDAY:
            return None
        clock = f"{there:%H:%M}"
        return next((phase.name for phase in self.phases if phase.opens <= clock < phase.closes), None)

    def regular_hours(self, day: date) -> tuple[int, int] | None:
        """From when to when (int64 ns UTC) there is continuous trading on a day of the venue's calendar.

        None at a weekend; midnight to midnight where there are no phases.
        """
        if not self.phases:
            return self._moment(day, time()), self._moment(day + timedelta(days=1), time())
        if day.weekday() >= _SATURDAY:
            return None
        regular = next(phase for phase in self.phases if phase.name == "regular")
        opens, closes = time.fromisoformat(regular.opens), time.fromisoformat(regular.closes)
        return self._moment(day, opens), self._moment(day, closes)

    def _moment(self, day: date, clock: time) -> int:
        return int(datetime.combine(day, clock, ZoneInfo(self.timezone)).timestamp()) * _SECOND

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Venue:
        """A venue out of JSON. Raises TypeError for fields that it does not have."""
        fields = dict(values)
        return cls(phases=tuple(Phase(**phase) for phase in fields.pop("phases", ())), **fields)


BINANCE: Final = Venue("BINANCE", "USDT")
BINANCE_USDM: Final = Venue("BINANCE_USDM", "USDT")
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
"""SETS, whose regular trading is broken off for the intraday auction of two minutes at noon."""
NASDAQ: Final = Venue(
    "NASDAQ",
    "USD",
    "America/New_York",
    (Phase("pre-market", "04:00", "09:30"), Phase("regular", "09:30", "16:00"), Phase("post-market", "16:00", "20:00")),
)
NYSE: Final = Venue("NYSE", "USD", "America/New_York", (Phase("regular", "09:30", "16:00"),))
