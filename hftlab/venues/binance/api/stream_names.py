"""Names of Binance's streams, such as `btcusdt@depth@100ms`, and what they ask for.

Sources: Binance Spot API, "WebSocket Streams"; USDⓈ-M Futures API, "Websocket Market Streams" and "Important WebSocket
Change Notice" (which streams are below /public, /market and /private).
"""

from __future__ import annotations

import re
from collections.abc import Container
from enum import Enum
from typing import Final, NamedTuple

from hftlab.venues.binance.api.markets import Market
from hftlab.venues.binance.partial_books import DEPTHS

__all__ = ["MICROSECOND", "MILLISECOND", "Route", "StreamKind", "StreamName", "parse_stream"]

MILLISECOND: Final = 1_000_000
MICROSECOND: Final = 1_000
"""Units of the times in messages, in ns."""

_STREAM: Final = re.compile(r"(?P<symbol>[^@!]+)@(?P<channel>[^@]+)(?:@(?P<speed>[^@]+))?")
_DEPTH: Final = re.compile(r"depth(?P<levels>[0-9]{0,2})")
_SECOND: Final = 1_000_000_000
_UNRECORDED: Final = re.compile(
    r"(kline|ticker|continuousKline|indexPriceKline|markPriceKline)_\w+|markPrice|forceOrder|avgPrice|compositeIndex|"
    r"assetIndex|contractInfo|indexPrice|rpiDepth|referencePrice|blockTrade|tradingSession"
)
"""Channels of things that a recording does not have: they are accepted, and stay silent."""


class StreamKind(Enum):
    """Kind of a stream."""

    DEPTH = "depth"
    PARTIAL_DEPTH = "partial depth"
    TRADE = "trade"
    AGG_TRADE = "aggTrade"
    BOOK_TICKER = "bookTicker"
    TICKER = "ticker"
    MINI_TICKER = "miniTicker"
    UNRECORDED = "unrecorded"


class Route(Enum):
    """Path of USDⓈ-M's addresses that a connection came by; NONE is that without one, which has every stream."""

    NONE = ""
    PUBLIC = "public"
    MARKET = "market"
    PRIVATE = "private"


_BY_CHANNEL: Final = {
    kind.value: kind
    for kind in (
        StreamKind.TRADE,
        StreamKind.AGG_TRADE,
        StreamKind.BOOK_TICKER,
        StreamKind.TICKER,
        StreamKind.MINI_TICKER,
    )
}
_SECONDLY: Final = (StreamKind.TICKER, StreamKind.MINI_TICKER)
_PUBLIC: Final = (StreamKind.DEPTH, StreamKind.PARTIAL_DEPTH, StreamKind.TRADE, StreamKind.BOOK_TICKER)


class StreamName(NamedTuple):
    """Stream as its name asks for it: of one `symbol`, in capitals, or of all for None; `interval` 0 is real time.

    `levels` is the depth of a partial book, else 0; `time_unit` is that of the times in its messages, in ns.
    """

    text: str
    kind: StreamKind
    symbol: str | None = None
    levels: int = 0
    interval: int = 0
    time_unit: int = MILLISECOND

    def is_on(self, route: Route) -> bool:
        """Tell whether connections of a route get it."""
        if route is Route.NONE:
            return True
        return route is (Route.PUBLIC if self.kind in _PUBLIC else Route.MARKET)


def parse_stream(text: str, market: Market, symbols: Container[str]) -> StreamName | None:
    """Return the stream of a name; None for one that the market does not have, or of a symbol that it does not have."""
    if text.startswith("!"):
        return _of_all(text, market)
    found = _STREAM.fullmatch(text)
    if found is None or text.partition("@")[0] != found["symbol"].lower() or found["symbol"].upper() not in symbols:
        return None
    symbol, channel, speed = found["symbol"].upper(), found["channel"], found["speed"]
    depth = _DEPTH.fullmatch(channel)
    if depth is not None:
        return _depth(text, market, symbol, depth["levels"], speed)
    if _UNRECORDED.fullmatch(channel):
        return StreamName(text, StreamKind.UNRECORDED, symbol)
    kind = _BY_CHANNEL.get(channel)
    if kind is None or speed is not None:
        return None
    return StreamName(text, kind, symbol, interval=_SECOND if kind in _SECONDLY else 0)


def _of_all(text: str, market: Market) -> StreamName | None:
    channel, _, speed = text.removeprefix("!").partition("@")
    if channel == "bookTicker" and not speed:
        return StreamName(text, StreamKind.BOOK_TICKER) if market.is_futures else None
    if channel in ("ticker", "miniTicker") and speed == "arr":
        return StreamName(text, _BY_CHANNEL[channel], interval=_SECOND)
    return StreamName(text, StreamKind.UNRECORDED) if _UNRECORDED.fullmatch(channel) else None


def _depth(text: str, market: Market, symbol: str, levels: str, speed: str | None) -> StreamName | None:
    interval = market.depth_intervals.get(speed or "")
    if interval is None or speed == "":
        return None
    if not levels:
        return StreamName(text, StreamKind.DEPTH, symbol, interval=interval)
    if levels not in map(str, DEPTHS):
        return None
    return StreamName(text, StreamKind.PARTIAL_DEPTH, symbol, int(levels), interval)
