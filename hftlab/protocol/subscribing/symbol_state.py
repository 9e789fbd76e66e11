"""What a client knows of one symbol."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import msgspec

from hftlab.protocol.book import Book
from hftlab.protocol.enums import DataType
from hftlab.protocol.latest_state import merged
from hftlab.protocol.messages import BookDelta, MarketDataSymbol
from hftlab.protocol.subscribing.delta_book import DeltaBook

__all__ = ["SymbolState"]

_QUOTED: Final = frozenset(kind for kind in DataType if not kind.has_own_message)
"""What MARKET_DATA carries, each with the quote."""
_TRADED: Final = frozenset({DataType.QUOTES, DataType.TRADES})
"""What brings the last trade."""


class SymbolState:
    """The newest of each part, and whether it is in doubt: from a hole in its channel until it has come anew.

    One thread fills it; `latest` and `book()` may be read from any. What they give is never changed, only replaced.
    """

    __slots__ = ("_delta", "_is_book_in_doubt", "_is_in_doubt", "_levels", "latest")

    def __init__(self) -> None:
        self.latest: MarketDataSymbol | None = None
        self._levels: MarketDataSymbol | None = None
        """The newest state that has come with levels: they and their time belong together."""
        self._delta: DeltaBook | None = None
        self._is_in_doubt = self._is_book_in_doubt = False

    def take_in(self, new: MarketDataSymbol) -> None:
        self._is_in_doubt = False
        if new.bids is None or new.asks is None:
            self.latest = state = merged(new, self.latest)
            if new.bids is not None or new.asks is not None:
                self._levels = state
            return
        # A whole book is the common case, and needs nothing of what was known but perhaps the last trade.
        self.latest = self._levels = new if new.last_trade is not None else merged(new, self.latest)
        self._is_book_in_doubt = False  # last, so that who reads it first never takes old levels for certain ones

    def apply(self, delta: BookDelta) -> bool:
        """Take in an incremental book; False if it is not the server's any more."""
        if self._delta is None:
            self._delta = DeltaBook()
        return self._delta.apply(delta)

    def book(self, symbol: str) -> Book | None:
        """From BOOK_DELTA where it is subscribed to, else from ORDER_BOOK; None before the first levels."""
        delta = self._delta
        if delta is not None:
            return delta.view(symbol)
        stale, levels = self._is_book_in_doubt, self._levels
        return None if levels is None else Book.of(levels, stale=stale)

    # --- doubt ---

    @property
    def is_in_doubt(self) -> bool:
        """Whether any part is."""
        return self._is_in_doubt or self._is_book_in_doubt or (self._delta is not None and self._delta.is_stale)

    def doubt(self, kinds: Collection[DataType]) -> None:
        """Messages that carry these are missing."""
        if self.latest is not None and not _QUOTED.isdisjoint(kinds):
            self._is_in_doubt = True
        if self._levels is not None and DataType.ORDER_BOOK in kinds:
            self._is_book_in_doubt = True
        if self._delta is not None and DataType.BOOK_DELTA in kinds:
            self._delta.doubt()

    def keep(self, kinds: Collection[DataType]) -> None:
        """Let go of what no subscription keeps up to date any more: all but these."""
        if DataType.BOOK_DELTA not in kinds:
            self._delta = None
        if DataType.ORDER_BOOK not in kinds:
            self._levels, self._is_book_in_doubt = None, False
        if _QUOTED.isdisjoint(kinds):
            self.latest, self._is_in_doubt = None, False
        if self.latest is not None:
            self.latest = _without(self.latest, kinds)


def _without(state: MarketDataSymbol, kinds: Collection[DataType]) -> MarketDataSymbol:
    bids, asks = (state.bids, state.asks) if DataType.ORDER_BOOK in kinds else (None, None)
    last_trade = None if _TRADED.isdisjoint(kinds) else state.last_trade
    return msgspec.structs.replace(state, bids=bids, asks=asks, last_trade=last_trade)
