"""The newest state of each symbol, as the messages of a source tell it."""

from __future__ import annotations

import operator

import msgspec

from hftlab.protocol.messages import BookDelta, MarketData, MarketDataSymbol, Message
from hftlab.protocol.publishing.book_assembler import BookAssembler

__all__ = ["LatestState", "merged"]


class LatestState:
    """`latest` by symbol; what a message leaves out of a symbol's book or last trade is kept from before."""

    def __init__(self) -> None:
        self.latest: dict[str, MarketDataSymbol] = {}
        self._assembled = BookAssembler()

    def take_in(self, message: Message) -> Message:
        """Learn from a message, and return it with all that is known of its symbols' state.

        One of incremental books becomes MARKET_DATA of the state they tell.
        """
        if isinstance(message, BookDelta):
            message = self._assembled.market_data(message, self.latest.get(message.symbol))
        if not isinstance(message, MarketData):
            return message
        whole = [self._learn(symbol) for symbol in message.symbols]
        if all(map(operator.is_, whole, message.symbols)):
            return message
        return msgspec.structs.replace(message, symbols=whole)

    def _learn(self, symbol: MarketDataSymbol) -> MarketDataSymbol:
        whole = self.latest[symbol.symbol] = merged(symbol, self.latest.get(symbol.symbol))
        return whole

    def clear(self) -> None:
        self.latest.clear()
        self._assembled = BookAssembler()


def merged(new: MarketDataSymbol, known: MarketDataSymbol | None) -> MarketDataSymbol:
    """The newest state, with the parts that its message leaves out as they were known before."""
    if known is None:
        return new
    bids = known.bids if new.bids is None else new.bids
    asks = known.asks if new.asks is None else new.asks
    last_trade = known.last_trade if new.last_trade is None else new.last_trade
    if bids is new.bids and asks is new.asks and last_trade is new.last_trade:
        return new
    return msgspec.structs.replace(new, bids=bids, asks=asks, last_trade=last_trade)
