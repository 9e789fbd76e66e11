"""The newest state of each symbol, as the messages of a source tell it."""

from __future__ import annotations

import msgspec

from hftlab.protocol.assembler import Assembler
from hftlab.protocol.messages import BookDelta, MarketData, MarketDataSymbol, Message

__all__ = ["State"]


class State:
    """`latest` by symbol; what a message leaves out of a symbol's book or last trade is kept from before."""

    def __init__(self) -> None:
        self.latest: dict[str, MarketDataSymbol] = {}
        self._assembled = Assembler()

    def take_in(self, message: Message) -> Message:
        """Learn from a message, and return it; one of incremental books becomes MARKET_DATA of the state they tell."""
        if isinstance(message, BookDelta):
            message = self._assembled.market_data(message, self.latest.get(message.symbol))
        if isinstance(message, MarketData):
            for symbol in message.symbols:
                self._remember(symbol)
        return message

    def clear(self) -> None:
        self.latest.clear()
        self._assembled = Assembler()

    def _remember(self, symbol: MarketDataSymbol) -> None:
        known = self.latest.get(symbol.symbol)
        if known is not None and (symbol.bids is None or symbol.asks is None or symbol.last_trade is None):
            symbol = msgspec.structs.replace(
                symbol,
                bids=known.bids if symbol.bids is None else symbol.bids,
                asks=known.asks if symbol.asks is None else symbol.asks,
                last_trade=symbol.last_trade or known.last_trade,
            )
        self.latest[symbol.symbol] = symbol
