"""The latest state of each symbol, from the messages of a source."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping

import msgspec

from hftlab.protocol.encoded_market_data import EncodedMarketData, parts_of
from hftlab.protocol.merging import merged
from hftlab.protocol.messages import BookDelta, MarketData, MarketDataSymbol, Message
from hftlab.protocol.publishing.book_assembler import BookAssembler

__all__ = ["LatestState"]


class _Symbols(Mapping[str, MarketDataSymbol]):
    """States by symbol, of which those that came encoded are decoded when they are looked at."""

    def __init__(self) -> None:
        self.known: dict[str, MarketDataSymbol | EncodedMarketData] = {}

    def __getitem__(self, name: str) -> MarketDataSymbol:
        known = self.known[name]
        if isinstance(known, EncodedMarketData):
            known = self.known[name] = known.symbol(name)
        return known

    def __iter__(self) -> Iterator[str]:
        return iter(self.known)

    def __len__(self) -> int:
        return len(self.known)

    def __contains__(self, name: object) -> bool:
        return name in self.known

    def __repr__(self) -> str:
        return repr(dict(self))


class LatestState:
    """Keeps the `latest` state by symbol. A book or last trade that a message leaves out stays as it was."""

    def __init__(self) -> None:
        self._symbols = _Symbols()
        self.latest: Mapping[str, MarketDataSymbol] = self._symbols
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

    def take_in_encoded(self, message: EncodedMarketData) -> bool:
        """Take in an encoded message as it is.

        Returns False, and takes in nothing, if it leaves out what is known: take_in() the decoded one then.
        """
        known, parts = self._symbols.known, message.parts
        for name, own in parts.items():
            before = known.get(name)
            if isinstance(before, EncodedMarketData):
                # Messages alike have one object, so that hardly any have to be compared.
                if before.parts is not parts and before.parts[name] & ~own:
                    return False
            elif before is not None and parts_of(before) & ~own:
                return False
        known.update(dict.fromkeys(parts, message))
        return True

    def _learn(self, symbol: MarketDataSymbol) -> MarketDataSymbol:
        known = self._symbols.known.get(symbol.symbol)
        if isinstance(known, EncodedMarketData):
            known = known.symbol(symbol.symbol)
        whole = self._symbols.known[symbol.symbol] = merged(symbol, known)
        return whole

    def clear(self) -> None:
        """Forget everything."""
        self._symbols.known.clear()
        self._assembler = BookAssembler()
