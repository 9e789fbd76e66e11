"""A small venue that speaks as Binance does, and remembers its book after every update: the truth of the feed's tests.

It is made by somebody slower than hftlab: dicts of decimal texts, one message at a time.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

MS = 1_723_100_000_000

Book = tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]]
"""Sizes by price of the bids and of the asks."""


class Message(NamedTuple):
    """Message of a stream: its symbol, and the frame as it is sent."""

    symbol: str
    kind: str
    frame: bytes


class Market:
    """Market of one symbol: `step()` changes its book and returns what the streams bring."""

    def __init__(self, symbol: str, seed: int, *, futures: bool) -> None:
        self.symbol, self.futures = symbol, futures
        self._random = random.Random(f"{symbol} {seed}")
        self.mid = 10_000
        bids = {Decimal(self.mid - step): Decimal(step) for step in range(1, 21)}
        asks = {Decimal(self.mid + step): Decimal(step) for step in range(1, 21)}
        self.book: Book = (bids, asks)
        self.last = self._random.randrange(100, 1000)
        self.trade_id = self._random.randrange(100, 1000)
        self.trades_sent = 0
        self.time = MS
        self.history: dict[int, Book] = {self.last: self._copy()}
        """The book after each update id that ends a depth update."""

    def _copy(self) -> Book:
        bids, asks = self.book
        return dict(bids), dict(asks)

    def step(self) -> list[Message]:
        """Trade and change levels; returns the depth update, trades and the best bid and offer."""
        draw, found = self._random, []
        self.time += draw.randrange(1, 120)
        for _ in range(draw.choice((0, 0, 1, 2))):
            self.trade_id += 1
            self.trades_sent += 1
            found.append(self._trade())
        previous, first = self.last, self.last + 1
        self.last += draw.randrange(1, 6)
        changed: tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]] = ({}, {})
        self.mid += draw.choice((-1, 0, 0, 0, 1))
        for side, sign in ((0, -1), (1, 1)):
            for price in [price for price in self.book[side] if (price - self.mid) * sign <= 0]:
                del self.book[side][price]
                changed[side][price] = Decimal(0)
            for _ in range(draw.randrange(1, 4)):
                price = Decimal(self.mid + sign * draw.randrange(1, 25))
                size = Decimal(draw.randrange(0, 900)) / 100
                changed[side][price] = size
                if size:
                    self.book[side][price] = size
                else:
                    self.book[side].pop(price, None)
            if not any((price - self.mid) * sign > 0 for price in self.book[side]):
                price = Decimal(self.mid + sign)
                self.book[side][price] = changed[side][price] = Decimal(1)
        self.history[self.last] = self._copy()
        found.append(self._update(previous, first, changed))
        found.append(self._ticker())
        return found

    def _message(self, kind: str, data: dict[str, Any]) -> Message:
        stream = f"{self.symbol.lower()}@{kind}"
        return Message(self.symbol, kind.partition("@")[0], json.dumps({"stream": stream, "data": data}).encode())

    def _update(self, previous: int, first: int, changed: Book) -> Message:
        data: dict[str, Any] = {"e": "depthUpdate", "E": self.time, "s": self.symbol, "U": first, "u": self.last}
        if self.futures:
            data |= {"T": self.time - 3, "pu": previous}
        data["b"], data["a"] = ([[_price(price), _size(size)] for price, size in side.items()] for side in changed)
        return self._message("depth@100ms", data)

    def _trade(self) -> Message:
        size = _size(Decimal(self._random.randrange(1, 500)) / 100)
        data = {"e": "trade", "E": self.time, "s": self.symbol, "t": self.trade_id, "p": _price(Decimal(self.mid))}
        more = {"q": size, "T": self.time - 1, "m": self._random.random() < 0.5}
        return self._message("trade", data | more | ({"X": "MARKET"} if self.futures else {}))

    def _ticker(self) -> Message:
        bid, ask = max(self.book[0]), min(self.book[1])
        data: dict[str, Any] = {"u": self.last, "s": self.symbol, "b": _price(bid), "B": _size(self.book[0][bid])}
        data |= {"a": _price(ask), "A": _size(self.book[1][ask])}
        if self.futures:
            data |= {"e": "bookTicker", "T": self.time, "E": self.time}
        return self._message("bookTicker", data)

    def snapshot(self, ago: int = 0) -> bytes:
        """The answer to a request for the book, as it was `ago` updates before."""
        ids = list(self.history)
        last = ids[max(0, len(ids) - 1 - ago)]
        bids, asks = self.history[last]
        data: dict[str, Any] = {"lastUpdateId": last}
        if self.futures:
            data |= {"E": self.time, "T": self.time}
        data["bids"] = [[_price(price), _size(bids[price])] for price in sorted(bids, reverse=True)]
        data["asks"] = [[_price(price), _size(asks[price])] for price in sorted(asks)]
        return json.dumps(data).encode()


def _price(price: Decimal) -> str:
    return f"{price:.2f}"


def _size(size: Decimal) -> str:
    return f"{size:.8f}"


def exchange_info(symbols: Sequence[str]) -> bytes:
    """The answer of exchangeInfo."""
    filters = [
        {"filterType": "PRICE_FILTER", "tickSize": "0.01000000"},
        {"filterType": "LOT_SIZE", "stepSize": "0.00001000"},
    ]
    limits = [{"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000}]
    listed = [{"symbol": one, "status": "TRADING", "quoteAsset": "USDT", "filters": filters} for one in symbols]
    return json.dumps({"timezone": "UTC", "rateLimits": limits, "symbols": listed}).encode()
