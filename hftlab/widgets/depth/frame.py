"""The depth chart's state, and the frame of bytes in which it travels to the page."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from typing import Final, TypeAlias

from hftlab.clock import from_milliseconds, to_milliseconds
from hftlab.widgets.core.interfaces import Client, Level
from hftlab.widgets.core.numbers import Scale

__all__ = ["HEADER", "DepthState", "Resting", "pack_depth", "reach", "read_depth"]

HEADER: Final = (
    "version",
    "stale",
    "tsEvent",
    "priceDecimals",
    "sizeDecimals",
    "tick",
    "isCut",
    "bidCount",
    "askCount",
)
"""The frame's first float64 values, as depth.js names them; then price and size of each bid and ask, best first."""
VERSION: Final = 1

USUAL: Final = 0.75
"""The part of a side's levels, the best ones, that is always shown ..."""
FAR: Final = 3
"""... and how many times as far from the mid the others are shown."""

Resting: TypeAlias = tuple[float, float]
"""(price, size) of a level."""


@dataclass(frozen=True, slots=True)
class DepthState:
    """State of a depth chart, best first; `ts_event` in ns.

    `is_cut` says that the book has more levels than these.
    """

    bids: Sequence[Resting] = ()
    asks: Sequence[Resting] = ()
    stale: bool = False
    ts_event: int = 0
    is_cut: bool = False


def read_depth(client: Client, symbol: str, depth: int) -> DepthState:
    """Read at most `depth` levels a side; the best prices alone where there is no book."""
    book = client.book(symbol)
    if book is not None:
        bids, asks = book.bids(depth + 1), book.asks(depth + 1)
        is_cut = max(len(bids), len(asks)) > depth
        return DepthState(_sizes(bids[:depth]), _sizes(asks[:depth]), book.stale, book.ts_event, is_cut)
    latest = client.latest(symbol)
    if latest is None:
        return DepthState()
    bids = [(latest.bid, latest.bid_size, 0)] if latest.bid else []
    asks = [(latest.ask, latest.ask_size, 0)] if latest.ask else []
    return DepthState(_sizes(bids), _sizes(asks), ts_event=from_milliseconds(latest.timestamp))


def reach(levels: Sequence[Resting], mid: float) -> float:
    """Distance from the mid that is shown of a side at first: all, unless a few levels lie far beyond the others."""
    if not levels:
        return 0.0
    usual = abs(levels[math.ceil(USUAL * len(levels)) - 1][0] - mid)
    return min(abs(levels[-1][0] - mid), FAR * usual)


def pack_depth(state: DepthState, scale: Scale) -> bytes:
    """Pack the state as little-endian float64: HEADER, then price and size of each level. NaN is unknown."""
    levels = [value for level in (*state.bids, *state.asks) for value in level]
    return struct.pack(
        f"<{len(HEADER) + len(levels)}d",
        VERSION,
        state.stale,
        to_milliseconds(state.ts_event),
        scale.price_decimals,
        scale.size_decimals,
        scale.tick or nan,
        state.is_cut,
        len(state.bids),
        len(state.asks),
        *levels,
    )


def _sizes(levels: Sequence[Level]) -> list[Resting]:
    return [(price, size) for price, size, _ in levels]
