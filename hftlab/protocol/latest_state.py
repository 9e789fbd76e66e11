"""Newest state of each symbol of a source."""

from __future__ import annotations

import operator

import msgspec

from hftlab.protocol.merging import merged
from hftlab.protocol.messages import BookDelta, MarketData, MarketDataSymbol, Message
from hftlab.protocol.publishing.book_assembler import BookAssembler

__all__ = ["LatestState"]


class LatestState:
    """Newest state by symbol, as `latest`; a book or last trade that a message leaves out is kept from before."""

    def __init__(self) -> None:
        self.latest: dict[str, MarketDataSymbol] = {}
        self._assembled = BookAssembler()

    def take_in(self, message: Message) -> Message:
        """Take in a message, and return it with the complete state of its symbols.

        An incremental book becomes MARKET_DATA of the state that it leads to.
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
        """Forget all symbols."""
        self.latest.clear()
        self._assembled = BookAssembler()
