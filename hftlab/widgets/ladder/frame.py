"""The ladder's state, and the frame of bytes in which it travels to the page."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from typing import Any, Final

from hftlab.clock import from_milliseconds, to_milliseconds
from hftlab.protocol.messages import MarketDataSymbol
from hftlab.widgets.core.interfaces import Client, Level
from hftlab.widgets.core.numbers import Scale

__all__ = ["HEADER", "LadderState", "pack_ladder", "read_ladder"]

HEADER: Final = (
    "version",
    "stale",
    "tsEvent",
    "priceDecimals",
    "sizeDecimals",
    "tick",
    "last",
    "changePercent",
    "volume",
    "tradePrice",
    "tradeSize",
    "tradeSide",
    "bidCount",
    "askCount",
)
"""The frame's first values, as ladder.js names them; then the bids and the asks, three values a level."""
VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class LadderState:
    """What a ladder shows; None is unknown. `ts_event` in ns; `trade` is (price, size, "BUY" or "SELL")."""

    bids: Sequence[Level] = ()
    asks: Sequence[Level] = ()
    stale: bool = False
    ts_event: int = 0
    last: float | None = None
    change_percent: float | None = None
    volume: float | None = None
    trade: tuple[float, float, str] | None = None


def read_ladder(client: Client, symbol: str, depth: int) -> LadderState:
    """Read a symbol's state from a client, with at most `depth` levels a side."""
    book = client.book(symbol)
    latest = client.latest(symbol)
    facts = {} if latest is None else _facts(latest)
    if book is not None:
        facts |= {"bids": book.bids(depth), "asks": book.asks(depth), "stale": book.stale, "ts_event": book.ts_event}
    return LadderState(**facts)


def _facts(latest: MarketDataSymbol) -> dict[str, Any]:
    """A quote's part of the state: the best prices as one level a side, where price 0 is an empty side."""
    trade = latest.last_trade
    return {
        "bids": [(latest.bid, latest.bid_size, 0)] if latest.bid else [],
        "asks": [(latest.ask, latest.ask_size, 0)] if latest.ask else [],
        "ts_event": from_milliseconds(latest.timestamp),
        "last": latest.price,
        "change_percent": latest.change_percent,
        "volume": latest.volume,
        "trade": None if trade is None else (trade.price, trade.size, str(trade.side)),
    }


def pack_ladder(state: LadderState, scale: Scale) -> bytes:
    """Pack the state as little-endian float64: HEADER, then price, size and orders of each level. NaN is unknown."""
    price, size, side = state.trade or (nan, nan, "")
    levels = [value for level in (*state.bids, *state.asks) for value in level]
    return struct.pack(
        f"<{len(HEADER) + len(levels)}d",
        VERSION,
        state.stale,
        to_milliseconds(state.ts_event),
        scale.price_decimals,
        scale.size_decimals,
        scale.tick or nan,
        _known(state.last),
        _known(state.change_percent),
        _known(state.volume),
        price,
        size,
        {"BUY": 1, "SELL": -1}.get(side, 0),
        len(state.bids),
        len(state.asks),
        *levels,
    )


def _known(value: float | None) -> float:
    return nan if value is None else value
