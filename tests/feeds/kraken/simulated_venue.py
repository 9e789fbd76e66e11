"""A small venue that speaks as Kraken's WebSocket API v2 does, and remembers its book after every frame: the truth.

It is made by somebody slower than hftlab: dicts of decimals, one message at a time.
"""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

Side = dict[Decimal, Decimal]
Book = tuple[Side, Side]
"""Sizes by price of the bids and of the asks."""

PRICE_DECIMALS, SIZE_DECIMALS = 1, 8


class Market:
    """Market of one pair: `step()` changes its book and returns what the channels bring."""

    def __init__(self, symbol: str, seed: int, *, depth: int = 10) -> None:
        self.symbol, self.depth = symbol, depth
        self._random = random.Random(f"{symbol} {seed}")
        self.mid = 10_000
        self.book: Book = (
            {Decimal(self.mid - step) / 10: Decimal(step) for step in range(1, 21)},
            {Decimal(self.mid + step) / 10: Decimal(step) for step in range(1, 21)},
        )
        self.trade_id = self._random.randrange(100, 1000)
        self.trades_sent = 0
        self._frames = 0
        self.truth: dict[bytes, Book] = {}
        """The best levels after each frame of the book, to the depth, by the frame."""

    @property
    def top(self) -> Book:
        """Best levels to the depth."""
        bids, asks = self.book
        return (
            {price: bids[price] for price in sorted(bids, reverse=True)[: self.depth]},
            {price: asks[price] for price in sorted(asks)[: self.depth]},
        )

    def step(self) -> list[tuple[str, bytes]]:
        """Trade and change levels; returns frames, each with its channel."""
        draw, found = self._random, []
        for _ in range(draw.choice((0, 0, 1, 2))):
            self.trade_id += 1
            self.trades_sent += 1
            found.append(("trade", self._trade()))
        before = self.top
        self.mid += draw.choice((-1, 0, 0, 0, 1))
        for side, sign in zip(self.book, (-1, 1), strict=True):
            for price in [price for price in side if (price * 10 - self.mid) * sign <= 0]:
                del side[price]
            for _ in range(draw.randrange(1, 4)):
                price = Decimal(self.mid + sign * draw.randrange(1, 25)) / 10
                if size := Decimal(draw.randrange(0, 900)) / 100:
                    side[price] = size
                else:
                    side.pop(price, None)
            if len(side) < 3:
                side.setdefault(Decimal(self.mid + sign) / 10, Decimal(1))
        after = self.top
        changed = [self._changed(*sides) for sides in zip(before, after, self.book, strict=True)]
        if any(changed):
            found.append(("book", self._frame("update", changed[0], changed[1])))
        return found

    def _changed(self, before: Side, after: Side, whole: Side) -> Side:
        """What a subscriber to the depth is told: levels that are new there, and those that are gone from the book."""
        told = {price: size for price, size in after.items() if before.get(price) != size}
        return told | {price: Decimal(0) for price in before if price not in whole}

    def snapshot(self) -> bytes:
        """The first frame of a subscription."""
        return self._frame("snapshot", *self.top)

    def _frame(self, kind: str, bids: Side, asks: Side) -> bytes:
        sides = ",".join(
            f'"{name}":[{",".join(_level(price, size) for price, size in side.items())}]'
            for name, side in (("bids", bids), ("asks", asks))
        )
        data = f'{{"symbol":"{self.symbol}",{sides},"checksum":{checksum(self.book)},"timestamp":"{self._time()}"}}'
        frame = f'{{"channel":"book","type":"{kind}","data":[{data}]}}'.encode()
        self.truth[frame] = self.top
        return frame

    def _trade(self) -> bytes:
        trade: dict[str, Any] = {"symbol": self.symbol, "side": self._random.choice(("buy", "sell"))}
        trade |= {"price": self.mid / 10, "qty": self._random.randrange(1, 500) / 100, "ord_type": "limit"}
        trade |= {"trade_id": self.trade_id, "timestamp": self._time()}
        return json.dumps({"channel": "trade", "type": "update", "data": [trade]}).encode()

    def _time(self) -> str:
        """A time of its own for each frame, so that no two are equal."""
        self._frames += 1
        return (
            f"2026-09-25T17:{self._frames // 60000 % 60:02}:{self._frames // 1000 % 60:02}.{self._frames % 1000:03}000Z"
        )


def checksum(book: Book) -> int:
    """Kraken's checksum: of the best ten asks and then bids, as digits without point and leading zeros."""
    bids, asks = book
    best = [(price, asks[price]) for price in sorted(asks)[:10]]
    best += [(price, bids[price]) for price in sorted(bids, reverse=True)[:10]]
    return zlib.crc32("".join(_digits(price, 1) + _digits(size, 8) for price, size in best).encode())


def _digits(number: Decimal, decimals: int) -> str:
    return f"{number:.{decimals}f}".replace(".", "").lstrip("0")


def _level(price: Decimal, size: Decimal) -> str:
    return f'{{"price":{price:.1f},"qty":{size:.8f}}}'


def instrument_frame(symbols: Sequence[str]) -> bytes:
    """The snapshot of the channel `instrument`."""
    pairs = [
        {
            "symbol": symbol,
            "base": symbol.partition("/")[0],
            "quote": symbol.partition("/")[2],
            "status": "online",
            "price_precision": PRICE_DECIMALS,
            "price_increment": 0.1,
            "qty_precision": SIZE_DECIMALS,
            "qty_increment": 0.00000001,
        }
        for symbol in symbols
    ]
    return json.dumps({"channel": "instrument", "type": "snapshot", "data": {"assets": [], "pairs": pairs}}).encode()
