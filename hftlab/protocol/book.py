"""Order book of one symbol, as a client sees it."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from hftlab.clock import from_milliseconds, in_words
from hftlab.protocol.messages import MarketDataSymbol, OrderBookLevel

__all__ = ["Book", "BookLevel"]


class BookLevel(NamedTuple):
    """Price level of a book: a plain (price, size, orders) with names."""

    price: float
    size: float
    orders: int


class Book(msgspec.Struct, frozen=True):
    """Order book as last received. `ts_event` is int64 ns; `stale` tells that newer changes are known to be lost."""

    symbol: str
    ts_event: int
    stale: bool
    bid_levels: tuple[OrderBookLevel, ...]
    ask_levels: tuple[OrderBookLevel, ...]

    @classmethod
    def of(cls, symbol: MarketDataSymbol, *, stale: bool) -> Book:
        """Make the book of a symbol's state."""
        bids, asks = tuple(symbol.bids or ()), tuple(symbol.asks or ())
        return cls(symbol.symbol, from_milliseconds(symbol.timestamp), stale, bids, asks)

    def bids(self, depth: int = 10) -> list[BookLevel]:
        """Return bids as (price, size, orders), best first, at most `depth` of them."""
        return [BookLevel(level.price, level.size, level.orders) for level in self.bid_levels[:depth]]

    def asks(self, depth: int = 10) -> list[BookLevel]:
        """Return asks as (price, size, orders), best first, at most `depth` of them."""
        return [BookLevel(level.price, level.size, level.orders) for level in self.ask_levels[:depth]]

    def __repr__(self) -> str:
        """One line with the best prices; notebooks show ten levels as a table (hftlab.display)."""
        best = [
            f"{side[0].size:.10g} @ {side[0].price:.10g}" if side else "-"
            for side in (self.bid_levels, self.ask_levels)
        ]
        return f"Book({self.symbol}: {' / '.join(best)}, {in_words(self.ts_event)}{', stale' if self.stale else ''})"
