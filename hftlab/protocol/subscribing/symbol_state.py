"""State of one symbol at a client."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import msgspec

from hftlab.protocol.book import Book
from hftlab.protocol.enums import DataType
from hftlab.protocol.merging import merged
from hftlab.protocol.messages import BookDelta, MarketDataSymbol
from hftlab.protocol.subscribing.delta_book import DeltaBook

__all__ = ["SymbolState"]

_QUOTED: Final = frozenset(kind for kind in DataType if not kind.has_own_message)
"""Data types that MARKET_DATA carries, each with the quote."""
_TRADED: Final = frozenset({DataType.QUOTES, DataType.TRADES})
"""Data types that bring the last trade."""


class SymbolState:
    """Newest quote, book and incremental book of a symbol; each is stale from a gap in its channel to its next update.

    One thread fills it; `latest` and `book()` may be read from any. What they return is never changed, only replaced.
    """

    __slots__ = ("_delta", "_is_book_stale", "_is_stale", "_levels", "latest")

    def __init__(self) -> None:
        self.latest: MarketDataSymbol | None = None
        self._levels: MarketDataSymbol | None = None
        """Newest state that has come with levels: they and their time belong together."""
        self._delta: DeltaBook | None = None
        self._is_stale = self._is_book_stale = False

    def take_in(self, new: MarketDataSymbol) -> None:
        """Take in a state; the parts that it leaves out are kept from before."""
        self._is_stale = False
        if new.bids is None or new.asks is None:
            self.latest = state = merged(new, self.latest)
            if new.bids is not None or new.asks is not None:
                self._levels = state
            return
        # A whole book is the common case, and needs nothing from before but perhaps the last trade.
        self.latest = self._levels = new if new.last_trade is not None else merged(new, self.latest)
        self._is_book_stale = False  # last, so that a reader on another thread never takes old levels for fresh ones

    def apply(self, delta: BookDelta) -> bool:
        """Take in an incremental book; returns False if it is not the server's any more."""
        if self._delta is None:
            self._delta = DeltaBook()
        return self._delta.apply(delta)

    def book(self, symbol: str) -> Book | None:
        """Return the book of BOOK_DELTA where it is subscribed to, else of ORDER_BOOK; None before the first levels."""
        delta = self._delta
        if delta is not None:
            return delta.view(symbol)
        stale, levels = self._is_book_stale, self._levels
        return None if levels is None else Book.of(levels, stale=stale)

    # --- staleness ---

    @property
    def is_stale(self) -> bool:
        """True if any part is stale."""
        return self._is_stale or self._is_book_stale or (self._delta is not None and self._delta.is_stale)

    def mark_stale(self, kinds: Collection[DataType]) -> None:
        """Mark the parts that these data types bring as stale: messages are missing."""
        if self.latest is not None and not _QUOTED.isdisjoint(kinds):
            self._is_stale = True
        if self._levels is not None and DataType.ORDER_BOOK in kinds:
            self._is_book_stale = True
        if self._delta is not None and DataType.BOOK_DELTA in kinds:
            self._delta.mark_stale()

    def keep(self, kinds: Collection[DataType]) -> None:
        """Forget all parts but those that these data types keep up to date."""
        if DataType.BOOK_DELTA not in kinds:
            self._delta = None
        if DataType.ORDER_BOOK not in kinds:
            self._levels, self._is_book_stale = None, False
        if _QUOTED.isdisjoint(kinds):
            self.latest, self._is_stale = None, False
        if self.latest is not None:
            self.latest = _without(self.latest, kinds)


def _without(state: MarketDataSymbol, kinds: Collection[DataType]) -> MarketDataSymbol:
    bids, asks = (state.bids, state.asks) if DataType.ORDER_BOOK in kinds else (None, None)
    last_trade = None if _TRADED.isdisjoint(kinds) else state.last_trade
    return msgspec.structs.replace(state, bids=bids, asks=asks, last_trade=last_trade)
