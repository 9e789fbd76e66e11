"""Trades as they are packed for the page, and which of them are large."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from math import ceil, nan
from typing import Final

from hftlab.clock import to_milliseconds
from hftlab.widgets.core.market_tape import Print, Tail
from hftlab.widgets.core.numbers import Scale

__all__ = ["HEADER", "RECENT", "large_size", "pack_prints", "pack_time_and_sales"]

HEADER: Final = (
    "version",
    "epoch",
    "printed",
    "forgotten",
    "hasEveryTrade",
    "now",
    "priceDecimals",
    "sizeDecimals",
    "large",
    "count",
)
"""The frame's first float64 values, as time_and_sales.js names them; then the trades, newest first."""
VERSION: Final = 1
RECENT: Final = 300
"""Trades among which a large one is large."""
FEWEST: Final = 50
SHARE: Final = 0.98


def large_size(trades: Sequence[Print]) -> float:
    """The size that 98 % of the trades do not exceed: one above it is large. NaN for fewer than 50 trades."""
    if len(trades) < FEWEST:
        return nan
    return sorted(trade.size for trade in trades)[ceil(SHARE * len(trades)) - 1]


def pack_time_and_sales(tail: Tail, scale: Scale, *, has_every_trade: bool, now: int, large: float) -> bytes:
    """Pack the newest trades as little-endian float64: HEADER, then those of pack_prints(); `now` in ns."""
    header = (
        VERSION,
        tail.epoch,
        tail.printed,
        tail.forgotten,
        has_every_trade,
        to_milliseconds(now),
        scale.price_decimals,
        scale.size_decimals,
        large,
        len(tail.trades),
    )
    return struct.pack(f"<{len(header)}d", *header) + pack_prints(tail.trades)


def pack_prints(trades: Iterable[Print]) -> bytes:
    """Pack trades as little-endian float64: ms since 1970, price, size; a seller's size is negative."""
    values = [value for trade in trades for value in (trade.ts_event / 1e6, trade.price, trade.size * trade.sign)]
    return struct.pack(f"<{len(values)}d", *values)
