"""Binance's markets: addresses, limits and what requests cost.

Sources: Binance Spot API, "WebSocket Streams" and "Market Data endpoints"; USDⓈ-M Futures API, "Websocket Market
Streams" and "Important WebSocket Change Notice" (since April 2026 depth, trades and book tickers are below /public);
COIN-M Futures API, "Websocket Market Streams".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hftlab.instruments import BINANCE, BINANCE_COINM, BINANCE_USDM, Venue

__all__ = ["MARKETS", "Market"]


@dataclass(frozen=True)
class Market:
    """Market of Binance's: `streams` of it are combined at `ws_url` + `route` + "/stream"."""

    name: str
    venue: Venue
    ws_url: str
    route: str
    rest_url: str
    api: str
    """Path of its REST endpoints."""
    speeds: tuple[str, ...]
    """Suffixes of the depth stream, the fastest first; "" is the default speed."""
    streams: int
    """Streams that a connection may have."""
    requests_per_second: float
    """SUBSCRIBE requests that are sent a second. A connection that gets too many messages, pongs among them, is cut."""
    weight: int
    """Weight of the requests of a minute, unless the exchange information says another."""
    depth_weights: tuple[tuple[int, int], ...]
    """Levels of a snapshot up to which a request has a weight: (levels, weight)."""
    info_weight: int
    selects_symbols: bool
    """True if the exchange information can be asked for of some symbols."""

    def depth_weight(self, levels: int) -> int:
        """Return the weight of a request for a snapshot of so many levels a side."""
        return next((weight for limit, weight in self.depth_weights if levels <= limit), self.depth_weights[-1][1])


_FUTURES_DEPTH: Final = ((50, 2), (100, 5), (500, 10), (1000, 20))

MARKETS: Final = {
    "spot": Market(
        name="spot",
        venue=BINANCE,
        ws_url="wss://stream.binance.com:9443",
        route="",
        rest_url="https://api.binance.com",
        api="/api/v3",
        speeds=("100ms", "1000ms"),
        streams=1024,
        requests_per_second=2.0,  # of 5 messages
        weight=6000,
        depth_weights=((100, 5), (500, 25), (1000, 50), (5000, 250)),
        info_weight=20,
        selects_symbols=True,
    ),
    "usdm": Market(
        name="usdm",
        venue=BINANCE_USDM,
        ws_url="wss://fstream.binance.com",
        route="/public",
        rest_url="https://fapi.binance.com",
        api="/fapi/v1",
        speeds=("100ms", "250ms", "500ms"),
        streams=200,
        requests_per_second=4.0,  # of 10 messages
        weight=2400,
        depth_weights=_FUTURES_DEPTH,
        info_weight=1,
        selects_symbols=False,
    ),
    "coinm": Market(
        name="coinm",
        venue=BINANCE_COINM,
        ws_url="wss://dstream.binance.com",
        route="",
        rest_url="https://dapi.binance.com",
        api="/dapi/v1",
        speeds=("100ms", "250ms", "500ms"),
        streams=200,
        requests_per_second=4.0,
        weight=2400,
        depth_weights=_FUTURES_DEPTH,
        info_weight=1,
        selects_symbols=False,
    ),
}
"""Markets by the name that hl.feeds.Binance takes."""
