"""Order book of one symbol, as a client sees it."""

from __future__ import annotations

from itertools import zip_longest

import msgspec

from hftlab.clock import from_milliseconds, in_words
from hftlab.html_table import rows_table
from hftlab.protocol.messages import MarketDataSymbol, OrderBookLevel

__all__ = ["Book"]


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

    def bids(self, depth: int = 10) -> list[tuple[float, float, int]]:
        """Return bids as (price, size, orders), best first, at most `depth` of them."""
        return [(level.price, level.size, level.orders) for level in self.bid_levels[:depth]]

    def asks(self, depth: int = 10) -> list[tuple[float, float, int]]:
        """Return asks as (price, size, orders), best first, at most `depth` of them."""
        return [(level.price, level.size, level.orders) for level in self.ask_levels[:depth]]

    def __repr__(self) -> str:
        """Show the best prices in one line: the levels are in the HTML, and in bids() and asks()."""
        best = [
            f"{side[0].size:.10g} @ {side[0].price:.10g}" if side else "-"
            for side in (self.bid_levels, self.ask_levels)
        ]
        return f"Book({self.symbol}: {' / '.join(best)}, {self._moment()})"

    def _repr_html_(self) -> str:
        sides = zip_longest(self.bids(), self.asks(), fillvalue=None)
        rows = [(*_cells(bid)[::-1], *_cells(ask)) for bid, ask in sides]
        return rows_table(
            f"Book of {self.symbol}, {self._moment()}", ("orders", "size", "bid", "ask", "size", "orders"), rows
        )

    def _moment(self) -> str:
        return f"{in_words(self.ts_event)}{', stale' if self.stale else ''}"


def _cells(level: tuple[float, float, int] | None) -> tuple[str, str, str]:
    if level is None:
        return ("", "", "")
    price, size, orders = level
    return (f"{price:.10g}", f"{size:,.10g}", f"{orders:,}")
