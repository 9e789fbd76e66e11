"""Trades put together as Binance does: those of one price and side that belong to one order, or to one moment.

Sources: Binance Spot API, "Aggregate Trade Streams" (a single taker order); USDⓈ-M Futures API, the same title (fills
at the same price and of the same side within 100 ms). A recording does not name orders: trades of spot belong to one
order if they follow each other at one price, on one side, and at one time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from hftlab.venues.market_state.recorded_market import Trade

__all__ = ["AggTrade", "Aggregation"]

_FUTURES_WINDOW: Final = 100_000_000
"""Nanoseconds."""
_SPOT_HOLD: Final = 1_000_000
"""Nanoseconds that the last trade of spot waits for more of its order: they come in messages of their own."""


class AggTrade(NamedTuple):
    """Trades from `first` to `last`, `lots` in all."""

    first: Trade
    last: Trade
    lots: int


class Aggregation:
    """Puts trades together as they come; the newest group stays open for more."""

    def __init__(self, *, is_futures: bool) -> None:
        self._window = _FUTURES_WINDOW if is_futures else 0
        self.hold = _FUTURES_WINDOW if is_futures else _SPOT_HOLD
        """Nanoseconds that an open group waits."""
        self.open: AggTrade | None = None

    def add(self, trades: Iterable[Trade]) -> list[AggTrade]:
        """Take in trades; returns the groups that are whole."""
        whole = []
        for trade in trades:
            if self.open is not None and self._joins(self.open.first, trade):
                self.open = self.open._replace(last=trade, lots=self.open.lots + trade.lots)
                continue
            whole += self.close()
            self.open = AggTrade(trade, trade, trade.lots)
        return whole

    def close(self) -> list[AggTrade]:
        """End the open group and return it, if there is one."""
        closed, self.open = self.open, None
        return [] if closed is None else [closed]

    def _joins(self, first: Trade, trade: Trade) -> bool:
        is_alike = (first.price, first.buyer_is_maker) == (trade.price, trade.buyer_is_maker)
        return is_alike and 0 <= trade.ts_event - first.ts_event <= self._window
