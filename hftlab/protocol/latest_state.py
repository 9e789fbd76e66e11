"""The latest state of each symbol, from the messages of a source."""

from __future__ import annotations

import operator

import msgspec

from hftlab.protocol.merging import merged
from hftlab.protocol.messages import BookDelta, MarketData, MarketDataSymbol, Message
from hftlab.protocol.publishing.book_assembler import BookAssembler

__all__ = ["LatestState"]


class LatestState:
    """Keeps the `latest` state by symbol. A book or last trade that a message leaves out stays as it was."""

    def __init__(self) -> None:
        self.latest: dict[str, MarketDataSymbol] = {}
        self._assembler = BookAssembler()

    def take_in(self, message: Message) -> Message:
        """Take in a message; returns it with all that is known of its symbols.

        BOOK_DELTA becomes MARKET_DATA with the state of its symbol, or without symbols while none is known.
        """
        if isinstance(message, BookDelta):
            message = self._assembler.market_data(message, self.latest.get(message.symbol))
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
        """Forget everything."""
        self.latest.clear()
        self._assembler = BookAssembler()
