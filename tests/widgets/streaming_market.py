"""A client whose messages the test sends, with the interface that widgets read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hftlab.protocol.market_data import MarketData, Trade
from tests.widgets.market import NOON, Market, quote

__all__ = ["StreamingMarket", "trade"]


@dataclass(eq=False)
class StreamingMarket(Market):
    """A market whose newest quotes come as messages; times in seconds after noon."""

    callbacks: list[Callable[[object], object]] = field(default_factory=list)
    __hash__ = object.__hash__  # a tape is kept by the client it follows

    def on(self, event: str, callback: Callable[[object], object]) -> Callable[[], None]:
        assert event == "message"
        self.callbacks.append(callback)
        return lambda: self.callbacks.remove(callback)

    def send(self, symbol: str, seconds: float, **changes: Any) -> None:
        ms = NOON / 1e6 + 1000 * seconds
        state = quote(symbol, **{"timestamp": ms, "last_trade": None, **changes})
        self.quotes[symbol] = state
        for callback in list(self.callbacks):
            callback(MarketData(timestamp=ms, symbols=[state]))


def trade(seconds: float, price: float, size: float = 1.0, side: str = "BUY") -> Trade:
    return Trade(price=price, size=size, timestamp=NOON / 1e6 + 1000 * seconds, side=side)
