"""Statistics of the last 24 hours of trades, kept by minute."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from hftlab.venues.market_state.recorded_market import Trade

__all__ = ["Day", "DayStatistics"]

_MINUTE: Final = 60_000_000_000
_MINUTES: Final = 24 * 60


class Day(NamedTuple):
    """Trades of some time: prices in 1e-9, sizes in lots, `turnover` their products; `first` and `last` are numbers."""

    opened: int
    closed: int
    open: int
    high: int
    low: int
    close: int
    last_lots: int
    lots: int
    turnover: int
    first: int
    last: int
    trades: int

    def joined(self, later: Day) -> Day:
        """Return both together; the other one is later."""
        return Day(
            self.opened,
            later.closed,
            self.open,
            max(self.high, later.high),
            min(self.low, later.low),
            later.close,
            later.last_lots,
            self.lots + later.lots,
            self.turnover + later.turnover,
            self.first,
            later.last,
            self.trades + later.trades,
        )


class DayStatistics:
    """Statistics that roll on minute by minute, as far back as the recording goes."""

    def __init__(self, minutes: dict[int, Day] | None = None) -> None:
        self._minutes = {} if minutes is None else dict(minutes)

    def copy(self) -> DayStatistics:
        """Copy the statistics."""
        return DayStatistics(self._minutes)

    def add(self, trades: Iterable[Trade]) -> None:
        """Take in trades."""
        for trade in trades:
            minute = trade.ts_event // _MINUTE
            one = Day(
                trade.ts_event,
                trade.ts_event,
                trade.price,
                trade.price,
                trade.price,
                trade.price,
                trade.lots,
                trade.lots,
                trade.lots * trade.price,
                trade.number,
                trade.number,
                1,
            )
            known = self._minutes.get(minute)
            self._minutes[minute] = one if known is None else known.joined(one)
            while len(self._minutes) > _MINUTES:
                del self._minutes[next(iter(self._minutes))]

    def day(self, now: int) -> Day | None:
        """Return the statistics of the 24 hours before a time (ns), to the minute; None without a trade."""
        earliest = now // _MINUTE - _MINUTES
        whole: Day | None = None
        for minute, one in self._minutes.items():
            if minute > earliest:
                whole = one if whole is None else whole.joined(one)
        return whole
