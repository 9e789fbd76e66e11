"""A book kept by Binance's published rules, slowly and with decimals: the oracle of the native streams.

Binance Spot API, WebSocket Streams, "How to manage a local order book correctly"; USDⓈ-M Futures API, the same title.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

__all__ = ["LocalBook"]

Levels = list[tuple[Decimal, Decimal]]


class LocalBook:
    """Events are buffered until a snapshot joins them; a gap in the ids makes the book invalid until the next."""

    def __init__(self, *, is_futures: bool = False) -> None:
        self.is_futures = is_futures
        self.buffer: list[dict[str, Any]] = []
        self.bids: dict[Decimal, Decimal] = {}
        self.asks: dict[Decimal, Decimal] = {}
        self.last: int | None = None
        self.is_first = True
        self.gaps = 0

    def update(self, event: dict[str, Any]) -> None:
        """Take an event of the depth stream."""
        if self.last is None:
            self.buffer.append(event)
        else:
            self._apply(event)

    def snapshot(self, answer: dict[str, Any]) -> bool:
        """Take the answer of a request; returns False if a newer one is needed."""
        last = answer["lastUpdateId"]
        newer = [event for event in self.buffer if event["u"] > last or (self.is_futures and event["u"] == last)]
        if newer and newer[0]["U"] > last + 1:
            return False
        self.buffer = []
        self.bids = {Decimal(price): Decimal(size) for price, size in answer["bids"]}
        self.asks = {Decimal(price): Decimal(size) for price, size in answer["asks"]}
        self.last, self.is_first = last, True
        for event in newer:
            self._apply(event)
        return True

    def _apply(self, event: dict[str, Any]) -> None:
        assert self.last is not None
        if event["u"] < self.last or (not self.is_futures and event["u"] <= self.last):
            return
        if self.is_first:
            follows = event["U"] <= self.last + 1 <= event["u"] + (1 if self.is_futures else 0)
        elif self.is_futures:
            follows = event["pu"] == self.last
        else:
            follows = event["U"] == self.last + 1
        if not follows:
            self.gaps += 1
            self.last, self.buffer = None, [event]
            return
        for side, changes in ((self.bids, event["b"]), (self.asks, event["a"])):
            for price, size in changes:
                if Decimal(size):
                    side[Decimal(price)] = Decimal(size)
                else:
                    side.pop(Decimal(price), None)
        self.last, self.is_first = event["u"], False

    def sides(self) -> tuple[Levels, Levels]:
        """Return bids and asks, best first."""
        return sorted(self.bids.items(), reverse=True), sorted(self.asks.items())
