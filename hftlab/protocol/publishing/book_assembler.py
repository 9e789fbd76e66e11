"""Incremental books back to state, for a source that has nothing else."""

from __future__ import annotations

import msgspec

from hftlab.protocol.level_book import LevelBook
from hftlab.protocol.messages import BookDelta, MarketData, MarketDataSymbol, OrderBookLevel

__all__ = ["BookAssembler"]


class BookAssembler:
    """Keeps one book a symbol from BOOK_DELTA messages that are complete and in order."""

    def __init__(self) -> None:
        self._books: dict[str, LevelBook] = {}

    def market_data(self, delta: BookDelta, known: MarketDataSymbol | None) -> MarketData:
        """The state after `delta`; what a book does not tell is taken from `known`, or is the mid price and nothing."""
        book = self._books.get(delta.symbol)
        if book is None or delta.snapshot:
            book = self._books[delta.symbol] = LevelBook(delta.bids, delta.asks)
        else:
            book.apply(delta.bids, delta.asks)
        bids, asks = book.bids(), book.asks()
        state = known or _unknown(delta, bids, asks)
        bid, ask = bids[0] if bids else _NOTHING, asks[0] if asks else _NOTHING
        symbol = msgspec.structs.replace(
            state,
            bid=bid.price,
            ask=ask.price,
            bid_size=bid.size,
            ask_size=ask.size,
            timestamp=delta.ts_event,
            bids=bids,
            asks=asks,
            trades=None,
        )
        return MarketData(timestamp=delta.timestamp, id=delta.id, symbols=[symbol])


_NOTHING = OrderBookLevel(price=0.0, size=0.0, orders=0)
_SMALLEST = 0.01  # a price must be above 0, and an empty book has none


def _unknown(delta: BookDelta, bids: list[OrderBookLevel], asks: list[OrderBookLevel]) -> MarketDataSymbol:
    best = [side[0].price for side in (bids, asks) if side]
    price = max(sum(best) / len(best), _SMALLEST) if best else _SMALLEST
    return MarketDataSymbol(
        symbol=delta.symbol,
        exchange=delta.exchange,
        price=price,
        bid=0.0,
        ask=0.0,
        bid_size=0.0,
        ask_size=0.0,
        volume=0.0,
        change=0.0,
        change_percent=0.0,
        high=price,
        low=price,
        open=price,
        previous_close=price,
        timestamp=delta.ts_event,
    )
