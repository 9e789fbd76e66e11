"""Order book that a client keeps from BOOK_DELTA messages."""

from __future__ import annotations

from typing import TypeAlias

from hftlab.clock import from_milliseconds
from hftlab.protocol.book import Book
from hftlab.protocol.level_book import LevelBook, checksum
from hftlab.protocol.messages import BookDelta, OrderBookLevel

__all__ = ["DeltaBook"]

_Shown: TypeAlias = tuple[list[OrderBookLevel], list[OrderBookLevel], float, bool]


class DeltaBook:
    """Incremental order book of one symbol; stale and without levels while it may be wrong.

    One thread fills it; `view()` may be called from any: a book is put in place at once, and never changed.
    """

    def __init__(self) -> None:
        self._levels: LevelBook | None = None
        self._shown: _Shown = ([], [], 1.0, True)
        """Bids, asks, their time in ms, and whether they are stale."""

    def apply(self, message: BookDelta) -> bool:
        """Take in a message; returns False if the checksum of the book after it is not the server's."""
        if message.snapshot:
            self._levels = LevelBook(message.bids, message.asks)
        elif self._levels is None:
            return True
        else:
            self._levels.apply(message.bids, message.asks)
        bids, asks = self._levels.bids(), self._levels.asks()
        if checksum(message.sequence or 0, bids, asks) != message.checksum:
            self.mark_stale()
            return False
        self._shown = (bids, asks, message.ts_event, False)
        return True

    def mark_stale(self) -> None:
        """Forget the levels until the next snapshot."""
        self._levels = None
        self._shown = ([], [], self._shown[2], True)

    @property
    def is_stale(self) -> bool:
        """True if a snapshot is needed."""
        return self._shown[3]

    def view(self, symbol: str) -> Book:
        """Return the book as it is now."""
        bids, asks, at, stale = self._shown
        return Book(symbol, from_milliseconds(at), stale, tuple(bids), tuple(asks))
