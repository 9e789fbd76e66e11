"""The order-book ladder: asks above, bids below, and what they do."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from typing import Any

import traitlets

from hftlab.clock import from_milliseconds, to_milliseconds
from hftlab.protocol.messages import MarketDataSymbol
from hftlab.widgets.ladder_picture import ladder_svg
from hftlab.widgets.numbers import Scale
from hftlab.widgets.picture import Picture
from hftlab.widgets.refresh_loop import Client, Level
from hftlab.widgets.widget import LiveWidget, page_source

__all__ = ["Ladder", "LadderState", "pack_ladder", "read_ladder"]

HEADER = [
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
]
"""The frame's first values, as ladder.js names them; then the bids and the asks, three values a level."""
VERSION = 1


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
    book = client.book(symbol)
    latest = client.latest(symbol)
    facts = {} if latest is None else _facts(latest)
    if book is not None:
        facts |= {"bids": book.bids(depth), "asks": book.asks(depth), "stale": book.stale, "ts_event": book.ts_event}
    return LadderState(**facts)


def _facts(latest: MarketDataSymbol) -> dict[str, Any]:
    """What a quote knows: of the book its best prices, where price 0 is an empty side; nothing of the orders."""
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
    """The state as little-endian float64: HEADER, then price, size and orders of each level. NaN is unknown."""
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


class Ladder(LiveWidget):
    """A live price ladder of one symbol of a client.

    `depth` levels a side, at most `rate` updates a second. Without a `tick` it is learnt from the prices. Assigning
    `symbol` or `depth` changes what is shown.
    """

    _esm = page_source("ladder.js")

    symbol = traitlets.Unicode().tag(sync=True)
    depth = traitlets.Int(10, min=1, max=100).tag(sync=True)

    def __init__(
        self, client: Client, symbol: str, depth: int = 10, rate: float = 10, *, tick: float | None = None, **feed: Any
    ) -> None:
        self._client = client
        self._scales = {symbol: Scale(tick)}
        self.symbol, self.depth = symbol, depth
        super().__init__(rate, **feed)

    def snapshot(self) -> bytes:
        state, scale = self._read()
        return pack_ladder(state, scale)

    def connection_status(self) -> str:
        return str(self._client.connection_status)

    def picture(self) -> Picture:
        state, scale = self._read()
        status = self.connection_status()
        note = "STALE" if state.stale else "" if status == "CONNECTED" else status
        svg = ladder_svg(
            self.symbol,
            state.bids,
            state.asks,
            last=state.last,
            change_percent=state.change_percent,
            trade=state.trade,
            ts_event=state.ts_event,
            note=note,
            scale=scale,
        )
        return Picture(svg, f"{self.symbol}'s order book")

    def _read(self) -> tuple[LadderState, Scale]:
        with self._guard:
            symbol = self.symbol
            state = read_ladder(self._client, symbol, self.depth)
            # A tick is one symbol's; what is shown later learns its own.
            scale = self._scales.setdefault(symbol, Scale())
            seen = [*state.bids, *state.asks, *([state.trade] if state.trade else [])]
            scale.learn((each[0] for each in seen), (each[1] for each in seen))
            return state, scale

    @traitlets.observe("symbol", "depth")
    def _shows_another(self, _: Any) -> None:
        if self.comm is not None:
            self.refresh_now()

    def __repr__(self) -> str:
        return f"Ladder({self.symbol!r}, depth={self.depth})"
