"""State of symbols from incremental books, for sources that have nothing else."""

from __future__ import annotations

import msgspec

from hftlab.protocol.level_book import LevelBook
from hftlab.protocol.messages import BookDelta, MarketData, MarketDataSymbol, OrderBookLevel

__all__ = ["BookAssembler"]

_NOTHING = OrderBookLevel(price=0.0, size=0.0, orders=0)


class BookAssembler:
    """Keeps one book per symbol from BOOK_DELTA messages that are complete and in order.

    What a book cannot tell (volume, the day's prices) is taken from the MARKET_DATA that is known of its symbol, and is
    0 where there is none. The `price` is the mid price then, or the best price of the only side that has levels.
    """

    def __init__(self) -> None:
        self._books: dict[str, LevelBook] = {}
        self._quoted: dict[str, MarketDataSymbol] = {}
        """The last state of each symbol whose price comes from its book."""

    def copy(self) -> BookAssembler:
        """Return one that has the same books, and goes on by itself."""
        copied = BookAssembler()
        copied._books = {symbol: book.copy() for symbol, book in self._books.items()}
        copied._quoted = dict(self._quoted)
        return copied

    def market_data(self, delta: BookDelta, known: MarketDataSymbol | None) -> MarketData:
        """Return the state of the symbol after `delta`, given what is known of it.

        The message has no symbols as long as there is no price: nothing is known, and no level has come yet.
        """
        book = self._books.get(delta.symbol)
        if book is None or delta.snapshot:
            book = self._books[delta.symbol] = LevelBook(delta.bids, delta.asks)
        else:
            book.apply(delta.bids, delta.asks)
        bids, asks = book.bids(), book.asks()
        is_quoted = known is None or known is self._quoted.get(delta.symbol)
        state = _quoted(delta, known, bids, asks) if is_quoted else known
        if state is None:
            return MarketData(timestamp=delta.timestamp, id=delta.id, symbols=[])
        state = _with_book(state, delta, bids, asks)
        if is_quoted:
            self._quoted[delta.symbol] = state
        return MarketData(timestamp=delta.timestamp, id=delta.id, symbols=[state])


def _with_book(
    state: MarketDataSymbol, delta: BookDelta, bids: list[OrderBookLevel], asks: list[OrderBookLevel]
) -> MarketDataSymbol:
    bid, ask = bids[0] if bids else _NOTHING, asks[0] if asks else _NOTHING
    return msgspec.structs.replace(
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


def _quoted(
    delta: BookDelta, known: MarketDataSymbol | None, bids: list[OrderBookLevel], asks: list[OrderBookLevel]
) -> MarketDataSymbol | None:
    """The state that the book alone tells; None if it has never had a level."""
    best = [side[0].price for side in (bids, asks) if side and side[0].price > 0]
    if not best:
        return known
    price = sum(best) / len(best)
    if known is not None:
        return msgspec.structs.replace(known, price=price)
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
        high=0.0,
        low=0.0,
        open=0.0,
        previous_close=0.0,
        timestamp=delta.ts_event,
    )
