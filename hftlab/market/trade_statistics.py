"""Running statistics of an instrument's trades."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["TradeStatistics"]


@dataclass(slots=True)
class TradeStatistics:
    """Open, high, low, last and volume since the first trade, as integers: prices in 1e-9, volume in lots.

    The other fields are meaningless while `trades` is 0.
    """

    trades: int = 0
    open: int = 0
    high: int = 0
    low: int = 0
    last: int = 0
    volume: int = 0

    def add(self, price: int, lots: int) -> None:
        """Add a trade."""
        if self.trades == 0:
            self.open = self.high = self.low = price
        self.trades += 1
        self.last = price
        self.high = max(self.high, price)
        self.low = min(self.low, price)
        self.volume += lots
