"""A client whose state the test sets, with the interface that widgets read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hftlab.protocol.messages import MarketDataSymbol, ReplayStatus, Trade

NOON = 43_200_000_000_000  # 1970-01-01 12:00 UTC in ns


@dataclass
class Book:
    symbol: str
    buys: list[tuple[float, float, int]]
    sells: list[tuple[float, float, int]]
    stale: bool = False
    ts_event: int = NOON

    def bids(self, n: int) -> list[tuple[float, float, int]]:
        return self.buys[:n]

    def asks(self, n: int) -> list[tuple[float, float, int]]:
        return self.sells[:n]


@dataclass
class Histogram:
    """Values in nanoseconds between 10 µs and 1 ms, with empty bars at both ends."""

    count: int = 1000

    def summary(self) -> dict[str, float]:
        return {"min": 12e3, "mean": 60e3, "p50": 50e3, "p95": 200e3, "p99": 400e3, "p99.9": 900e3, "max": 990e3}

    def bars(self) -> tuple[list[float], list[int]]:
        return [1e3, 1e4, 1e5, 1e6, 1e7], [0, 900, 100, 0]


@dataclass
class Metrics:
    latency: dict[str, Histogram] = field(default_factory=dict)
    messages_received: int = 0
    bytes_received: int = 0
    gaps: int = 0


@dataclass
class Replay:
    status: ReplayStatus | None = None


@dataclass
class Trading:
    """An account that the test fills."""

    open_orders: list[Any] = field(default_factory=list)
    orders: list[Any] = field(default_factory=list)
    buy: Any = None
    sell: Any = None
    cancel: Any = None


@dataclass(eq=False)
class Market:
    books: dict[str, Book] = field(default_factory=dict)
    quotes: dict[str, MarketDataSymbol] = field(default_factory=dict)
    connection_status: str = "CONNECTED"
    metrics: Metrics = field(default_factory=Metrics)
    broken: Exception | None = None
    replay: Replay = field(default_factory=Replay)
    offered_symbols: list[str] = field(default_factory=list)
    trading: Trading = field(default_factory=Trading)
    callbacks: list[Callable[[object], object]] = field(default_factory=list)
    channels: list[Any] = field(default_factory=list)

    @property
    def symbols(self) -> list[str]:
        return sorted({*self.books, *self.quotes})

    def on(self, event: str, callback: Callable[[object], object]) -> Callable[[], None]:
        self.callbacks.append(callback)
        return lambda: self.callbacks.remove(callback)

    def send(self, message: object) -> None:
        """Let those who follow the client's messages have one."""
        for callback in self.callbacks:
            callback(message)

    def book(self, symbol: str) -> Book | None:
        if self.broken:
            raise self.broken
        return self.books.get(symbol)

    def latest(self, symbol: str) -> MarketDataSymbol | None:
        return self.quotes.get(symbol)


def bitcoin() -> Book:
    return Book(
        "BTC-USD",
        [(61737.63, 0.00123, 2), (61737.60, 1.5, 7)],
        [(61737.64, 0.25, 1), (61738.10, 3.0, 0)],
    )


def quote(symbol: str, **changes: object) -> MarketDataSymbol:
    facts = {
        "symbol": symbol,
        "exchange": "TEST",
        "price": 61737.64,
        "bid": 61737.63,
        "ask": 61737.64,
        "bid_size": 0.00123,
        "ask_size": 0.25,
        "volume": 1234.5,
        "change": 770.0,
        "change_percent": 1.25,
        "high": 62000.0,
        "low": 60000.0,
        "open": 61000.0,
        "previous_close": 60967.64,
        "timestamp": NOON / 1e6,
        "last_trade": Trade(price=61737.64, size=0.00456, timestamp=NOON / 1e6, side="SELL"),
    }
    return MarketDataSymbol(**{**facts, **changes})
