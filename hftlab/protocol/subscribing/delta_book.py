"""One symbol's book as a client keeps it from BOOK_DELTA messages."""

from __future__ import annotations

from typing import TypeAlias

from hftlab.clock import from_milliseconds
from hftlab.protocol.book import Book
from hftlab.protocol.level_book import LevelBook, checksum
from hftlab.protocol.messages import BookDelta, OrderBookLevel

__all__ = ["DeltaBook"]

_Shown: TypeAlias = tuple[list[OrderBookLevel], list[OrderBookLevel], float, bool]


class DeltaBook:
    """Without levels and stale while it is not certain.

    One thread fills it; `view()` may be called from any: what it shows is put in place at once, and never changed.
    """

    def __init__(self) -> None:
        self._levels: LevelBook | None = None
        self._shown: _Shown = ([], [], 1.0, True)
        """Bids, asks, their time in ms, and whether they are stale."""

    def apply(self, message: BookDelta) -> bool:
        """Take in a message; False if the book after it is not the server's."""
        if message.snapshot:
            self._levels = LevelBook(message.bids, message.asks)
        elif self._levels is None:
            return True
        else:
            self._levels.apply(message.bids, message.asks)
        bids, asks = self._levels.bids(), self._levels.asks()
        if checksum(message.sequence or 0, bids, asks) != message.checksum:
            self.doubt()
            return False
        self._shown = (bids, asks, message.ts_event, False)
        return True

    def doubt(self) -> None:
        self._levels = None
        self._shown = ([], [], self._shown[2], True)

    @property
    def is_stale(self) -> bool:
        return self._shown[3]

    def view(self, symbol: str) -> Book:
        bids, asks, at, stale = self._shown
        return Book(symbol, from_milliseconds(at), stale, tuple(bids), tuple(asks))
