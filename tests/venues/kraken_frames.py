"""Frames of Kraken's WebSocket API v2, and a book kept by its published rules, slowly: the oracle of the v2 decoder.

Kraken, "Book checksum (WebSocket v2)".
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

__all__ = ["OracleBook", "ack", "book_frame", "parse", "trade_frame"]

TIME = "2026-09-25T17:48:24.799230Z"
Levels = Mapping[str, str]


class OracleBook:
    """Book whose levels are (price text, quantity text); `depth` levels a side."""

    def __init__(self, depth: int = 10) -> None:
        self.depth = depth
        self.sides: dict[str, dict[Decimal, tuple[str, str]]] = {"bids": {}, "asks": {}}

    def apply(self, bids: Iterable[tuple[str, str]], asks: Iterable[tuple[str, str]], *, is_snapshot: bool) -> None:
        """Take the levels of a message, in their order."""
        for name, levels in (("bids", bids), ("asks", asks)):
            side = {} if is_snapshot else self.sides[name]
            for price, size in levels:
                if Decimal(size):
                    side[Decimal(price)] = (price, size)
                else:
                    side.pop(Decimal(price), None)
            if len(side) > self.depth:
                best = sorted(side, reverse=name == "bids")[: self.depth]
                side = {price: side[price] for price in best}
            self.sides[name] = side

    def take(self, message: dict[str, Any]) -> None:
        """Take a message of the channel that parse() has made."""
        (data,) = message["data"]
        bids, asks = ([(f"{one['price']}", f"{one['qty']}") for one in data[side]] for side in ("bids", "asks"))
        self.apply(bids, asks, is_snapshot=message["type"] == "snapshot")

    @property
    def bids(self) -> list[tuple[Decimal, Decimal]]:
        """Levels, best first."""
        return self._levels("bids")

    @property
    def asks(self) -> list[tuple[Decimal, Decimal]]:
        """Levels, best first."""
        return self._levels("asks")

    def _levels(self, name: str) -> list[tuple[Decimal, Decimal]]:
        return [(price, Decimal(self.sides[name][price][1])) for price in self._best(name)]

    def _best(self, name: str) -> list[Decimal]:
        return sorted(self.sides[name], reverse=name == "bids")

    def checksum(self) -> int:
        """Return the CRC32 of the best ten asks and then the best ten bids."""
        text = ""
        for name in ("asks", "bids"):
            for key in self._best(name)[:10]:
                for number in self.sides[name][key]:
                    text += str(int(number.replace(".", "")))
        return zlib.crc32(text.encode())


def parse(payload: bytes | str) -> Any:
    """Read JSON with its numbers that have a point as texts."""
    return json.loads(payload, parse_float=str)


def book_frame(
    kind: str, bids: Levels, asks: Levels, checksum: int, symbol: str = "BTC/USD", time: str = TIME
) -> bytes:
    """Write a message of the channel `book`: each side as {price: quantity}."""
    sides = [
        "[" + ",".join(f'{{"price":{price},"qty":{size}}}' for price, size in side.items()) + "]"
        for side in (bids, asks)
    ]
    return (
        f'{{"channel":"book","type":"{kind}","data":[{{"symbol":"{symbol}","bids":{sides[0]},"asks":{sides[1]},'
        f'"checksum":{checksum},"timestamp":"{time}"}}]}}'
    ).encode()


def trade_frame(kind: str, *ids: int, symbol: str = "BTC/USD", side: str = "buy", time: str = TIME) -> bytes:
    """Write a message of the channel `trade`: one at 100.5 for each id."""
    trades = ",".join(
        f'{{"symbol":"{symbol}","side":"{side}","price":100.5,"qty":0.50000000,"ord_type":"limit","trade_id":{number},'
        f'"timestamp":"{time}"}}'
        for number in ids
    )
    return f'{{"channel":"trade","type":"{kind}","data":[{trades}]}}'.encode()


def ack(depth: int, symbol: str = "BTC/USD", method: str = "subscribe") -> bytes:
    """Write the answer that grants a subscription of the book."""
    result = {"channel": "book", "depth": depth, "snapshot": True, "symbol": symbol}
    return json.dumps({"method": method, "result": result, "success": True, "time_in": TIME, "time_out": TIME}).encode()
