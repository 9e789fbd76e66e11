"""Order book of price levels, which is sent as changes (BOOK_DELTA)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from typing import Final

from hftlab.protocol.messages import OrderBookLevel

__all__ = ["CHECKED_DEPTH", "LevelBook", "checksum"]

CHECKED_DEPTH: Final = 10
"""Number of levels a side that the checksum covers."""

_Side = dict[float, OrderBookLevel]


class LevelBook:
    """Order book of price levels; a level with size 0 does not exist."""

    def __init__(self, bids: Iterable[OrderBookLevel], asks: Iterable[OrderBookLevel]) -> None:
        self._bids: _Side = {level.price: level for level in bids if level.size}
        self._asks: _Side = {level.price: level for level in asks if level.size}

    def copy(self) -> LevelBook:
        """Return a book of its own with the same levels."""
        return LevelBook(self._bids.values(), self._asks.values())

    def bids(self) -> list[OrderBookLevel]:
        """Return the bids, best first."""
        return [self._bids[price] for price in sorted(self._bids, reverse=True)]

    def asks(self) -> list[OrderBookLevel]:
        """Return the asks, best first."""
        return [self._asks[price] for price in sorted(self._asks)]

    def since(self, old: LevelBook) -> tuple[list[OrderBookLevel], list[OrderBookLevel]]:
        """Return the bids and asks that turn `old` into this book; a level that is gone has size 0."""
        return _changes(old._bids, self._bids), _changes(old._asks, self._asks)

    def apply(self, bids: Iterable[OrderBookLevel], asks: Iterable[OrderBookLevel]) -> None:
        """Change levels; those with size 0 are removed."""
        for side, levels in ((self._bids, bids), (self._asks, asks)):
            for level in levels:
                if level.size:
                    side[level.price] = level
                else:
                    side.pop(level.price, None)

    def checksum(self, sequence: int) -> int:
        """Compute the checksum of BookDelta, which binds the levels to their place in the channel."""
        return checksum(sequence, self.bids(), self.asks())


def checksum(sequence: int, bids: list[OrderBookLevel], asks: list[OrderBookLevel]) -> int:
    """Compute the checksum of a book whose sides are sorted, best first; see BookDelta."""
    top = (*bids[:CHECKED_DEPTH], *asks[:CHECKED_DEPTH])
    numbers = [number for level in top for number in (level.price, level.size)]
    return zlib.crc32(struct.pack(f"<{1 + len(numbers)}d", sequence, *numbers))


def _changes(old: _Side, new: _Side) -> list[OrderBookLevel]:
    changed = [level for price, level in new.items() if old.get(price) != level]
    gone = [OrderBookLevel(price=price, size=0, orders=0) for price in old.keys() - new.keys()]
    return changed + sorted(gone, key=lambda level: level.price)
