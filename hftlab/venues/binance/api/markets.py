"""Binance's three markets: their addresses, the speeds of their streams and their limits.

Sources: Binance Spot API, "WebSocket Streams" and "General API Information"; USDⓈ-M and COIN-M Futures API, "Websocket
Market Streams" and "General Info". A futures connection took 200 streams for years; the stricter number holds here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from hftlab.errors import ArgumentError
from hftlab.instruments import BINANCE, BINANCE_COINM, BINANCE_USDM, Venue
from hftlab.nearest import meant

__all__ = ["COINM", "MARKETS", "SPOT", "USDM", "Market", "contract_size", "market_named"]

_MS: Final = 1_000_000
_MINUTE: Final = 60.0


@dataclass(frozen=True, eq=False)
class Market:
    """Market of Binance. Intervals are in ns of the recording, other times in s of the wall clock."""

    name: str
    venue: Venue
    rest: str
    """Path of its requests."""
    depth_intervals: Mapping[str, int] = field(repr=False)
    """Interval of depth streams by its name; that without a name is the default."""
    streams: int
    """Most streams of a connection."""
    messages: int
    """Most messages of a connection in a second."""
    ping_interval: float
    pong_timeout: float
    weight: int
    """Most weight of an address's requests in a minute."""
    depth_limits: tuple[int, ...]
    """Numbers of levels that may be asked for; of spot any number up to the last."""
    default_depth: int

    @property
    def is_futures(self) -> bool:
        """True if it trades contracts, whose messages have a transaction time and `pu`."""
        return self.name != "spot"


_FUTURES_INTERVALS: Final = {"": 250 * _MS, "0ms": 0, "100ms": 100 * _MS, "250ms": 250 * _MS, "500ms": 500 * _MS}
_FUTURES_DEPTHS: Final = (5, 10, 20, 50, 100, 500, 1000)

SPOT: Final = Market(
    "spot",
    BINANCE,
    "/api/v3",
    {"": 1000 * _MS, "100ms": 100 * _MS, "1000ms": 1000 * _MS},
    streams=1024,
    messages=5,
    ping_interval=20.0,
    pong_timeout=_MINUTE,
    weight=6000,
    depth_limits=(5000,),
    default_depth=100,
)
USDM: Final = Market(
    "usdm",
    BINANCE_USDM,
    "/fapi/v1",
    _FUTURES_INTERVALS,
    streams=200,
    messages=10,
    ping_interval=3 * _MINUTE,
    pong_timeout=10 * _MINUTE,
    weight=2400,
    depth_limits=_FUTURES_DEPTHS,
    default_depth=500,
)
COINM: Final = Market(
    "coinm",
    BINANCE_COINM,
    "/dapi/v1",
    _FUTURES_INTERVALS,
    streams=200,
    messages=10,
    ping_interval=3 * _MINUTE,
    pong_timeout=10 * _MINUTE,
    weight=2400,
    depth_limits=_FUTURES_DEPTHS,
    default_depth=500,
)
MARKETS: Final = {market.name: market for market in (SPOT, USDM, COINM)}


def contract_size(symbol: str) -> int:
    """Return the US dollars of one COIN-M contract of a symbol: 100 of Bitcoin's, 10 of all others."""
    return 100 if symbol.startswith("BTCUSD") else 10


def market_named(name: str) -> Market:
    """Return a market by its name. Raises ArgumentError."""
    try:
        return MARKETS[name]
    except (KeyError, TypeError):
        raise ArgumentError(f"market={name!r} is not one of Binance's: give {', '.join(map(repr, MARKETS))}").advise(
            instead=meant([str(name)], MARKETS)
        ) from None
