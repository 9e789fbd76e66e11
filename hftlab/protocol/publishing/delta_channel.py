"""Incremental books of one symbol."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TypeVar

from hftlab.protocol.level_book import LevelBook
from hftlab.protocol.messages import Arbitrage, BookDelta, MarketData, MarketDataSymbol, OrderBookLevel
from hftlab.protocol.publishing.channel import UNSENT, Channel, Streamed
from hftlab.protocol.subscriptions import Subscription

K = TypeVar("K", bound=Hashable)

__all__ = ["DeltaChannel"]


class DeltaChannel(Channel[K]):
    """Sends BOOK_DELTA of one symbol: the levels that have changed since the message before."""

    def __init__(self, number: int, subscription: Subscription) -> None:
        super().__init__(number, subscription)
        (self._symbol,) = subscription.symbols
        self._book: LevelBook | None = None
        self._of: MarketDataSymbol | None = None

    def change(self, message: MarketData | Arbitrage, at: int) -> list[Streamed]:
        if isinstance(message, Arbitrage):
            return []
        mine = [one for one in message.symbols if one.symbol == self._symbol and self._is_new(one)]
        if not mine:
            return []
        if self._period == 0:
            return [delta for one in mine for delta in self._deltas(one)]
        self._schedule(at)
        return []

    def _forget(self) -> None:
        self._book = self._of = None

    def snapshot(self, latest: Mapping[str, MarketDataSymbol]) -> list[Streamed]:
        """Return the book as the channel has last sent it, so that the next delta applies to it."""
        symbol = latest.get(self._symbol) if self._of is None else self._of
        if symbol is None or symbol.bids is None or symbol.asks is None:
            return []
        if self._book is None:
            self._book, self._of = LevelBook(symbol.bids, symbol.asks), symbol
        return [self._delta(symbol, list(self._book.bids()), list(self._book.asks()), self.sequence, snapshot=True)]

    def _gather(self, latest: Mapping[str, MarketDataSymbol]) -> list[Streamed]:
        return self._deltas(latest[self._symbol])

    def _is_new(self, symbol: MarketDataSymbol) -> bool:
        """Return whether both sides are known and are not those sent last; a message without sides changes nothing."""
        of = self._of
        if symbol.bids is None or symbol.asks is None:
            return False
        return of is None or symbol.bids is not of.bids or symbol.asks is not of.asks

    def _deltas(self, symbol: MarketDataSymbol) -> list[Streamed]:
        new = LevelBook(symbol.bids or (), symbol.asks or ())
        old, self._book, self._of = self._book, new, symbol
        if old is None:
            return [self._delta(symbol, list(new.bids()), list(new.asks()), self._next(), snapshot=True)]
        bids, asks = new.since(old)
        if not bids and not asks:
            return []
        return [self._delta(symbol, bids, asks, self._next())]

    def _delta(
        self,
        symbol: MarketDataSymbol,
        bids: list[OrderBookLevel],
        asks: list[OrderBookLevel],
        sequence: int,
        *,
        snapshot: bool = False,
    ) -> BookDelta:
        assert self._book is not None
        return BookDelta(
            timestamp=UNSENT,
            channel=self.number,
            sequence=sequence,
            symbol=self._symbol,
            exchange=symbol.exchange,
            bids=bids,
            asks=asks,
            checksum=self._book.checksum(sequence),
            ts_event=symbol.timestamp,
            snapshot=snapshot,
        )
