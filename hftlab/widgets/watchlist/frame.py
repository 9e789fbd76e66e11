"""The watch list's state, and the frame of bytes in which it travels to the page."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from typing import Final

from hftlab.widgets.core.interfaces import Client
from hftlab.widgets.core.numbers import Scale
from hftlab.widgets.watchlist.sparkline import LENGTH, UNKNOWN

__all__ = ["HEADER", "ROW", "STATES", "WatchRow", "pack_watchlist", "read_row"]

HEADER: Final = ("version", "count", "length")
"""The frame's first float64 values, as watchlist.js names them; `length` bytes of sparkline a row come after the rows,
then the symbols, one a line."""
ROW: Final = (
    "state",
    "price",
    "changePercent",
    "bid",
    "ask",
    "bidSize",
    "askSize",
    "tick",
    "priceDecimals",
    "sizeDecimals",
)
"""The float64 values of each row; NaN is unknown."""
STATES: Final = ("", "no data yet", "stale", "not subscribed", "unknown")
"""Names of the values of `state`."""
VERSION: Final = 1

LIVE, WAITING, STALE, NOT_SUBSCRIBED, UNHEARD_OF = range(len(STATES))


@dataclass(frozen=True, slots=True)
class WatchRow:
    """One symbol of a watch list; NaN is unknown. `spark` has the heights of the sparkline; see heights()."""

    symbol: str
    state: int = WAITING
    price: float = nan
    change_percent: float = nan
    bid: float = nan
    ask: float = nan
    bid_size: float = nan
    ask_size: float = nan
    spark: bytes = bytes([UNKNOWN]) * LENGTH

    @property
    def imbalance(self) -> float:
        """From -1, all that is offered at the best prices is for sale, to 1; NaN where there is nothing."""
        whole = self.bid_size + self.ask_size
        return (self.bid_size - self.ask_size) / whole if whole > 0 else nan

    @property
    def spread(self) -> float:
        """Ask less bid; NaN where a side is empty."""
        return self.ask - self.bid


def read_row(client: Client, symbol: str, subscribed: frozenset[str]) -> WatchRow:
    """Read one symbol's newest state from a client."""
    if symbol not in subscribed:
        offered = client.offered_symbols
        return WatchRow(symbol, UNHEARD_OF if offered and symbol not in offered else NOT_SUBSCRIBED)
    latest = client.latest(symbol)
    if latest is None:
        return WatchRow(symbol)
    book = client.book(symbol)
    return WatchRow(
        symbol,
        STALE if book is not None and book.stale else LIVE,
        latest.price or nan,
        latest.change_percent if latest.price else nan,
        latest.bid or nan,
        latest.ask or nan,
        latest.bid_size if latest.bid else 0.0,
        latest.ask_size if latest.ask else 0.0,
    )


def pack_watchlist(rows: Sequence[WatchRow], scales: Sequence[Scale]) -> bytes:
    """Pack the rows: HEADER and each ROW as little-endian float64, the sparklines' bytes, the symbols as UTF-8."""
    values: list[float] = [VERSION, len(rows), LENGTH]
    for row, scale in zip(rows, scales, strict=True):
        values += [row.state, row.price, row.change_percent, row.bid, row.ask, row.bid_size, row.ask_size]
        values += [scale.tick or nan, scale.price_decimals, scale.size_decimals]
    sparks = b"".join(row.spark for row in rows)
    names = "\n".join(row.symbol for row in rows).encode()
    return struct.pack(f"<{len(values)}d", *values) + sparks + names
