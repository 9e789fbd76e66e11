"""The latest state of each symbol, from the messages of a source."""

from __future__ import annotations

import operator
from collections.abc import Container, Iterable, Iterator, Mapping

import msgspec

from hftlab.protocol.encoded_market_data import EncodedMarketData, parts_of
from hftlab.protocol.merging import merged
from hftlab.protocol.messages import BookDelta, MarketData, MarketDataSymbol, Message
from hftlab.protocol.publishing.book_assembler import BookAssembler

__all__ = ["LatestState"]


class _Symbols(Mapping[str, MarketDataSymbol]):
    """States by symbol, of which those that came encoded are decoded when they are looked at.

    Those of symbols that are `flagged` are not shown.
    """

    def __init__(self, flagged: Container[str]) -> None:
        self.known: dict[str, MarketDataSymbol | EncodedMarketData] = {}
        self._flagged = flagged

    def __getitem__(self, name: str) -> MarketDataSymbol:
        if name in self._flagged:
            raise KeyError(name)
        known = self.known[name]
        if isinstance(known, EncodedMarketData):
            known = self.known[name] = known.symbol(name)
        return known

    def __iter__(self) -> Iterator[str]:
        return (name for name in self.known if name not in self._flagged)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return name in self.known and name not in self._flagged

    def __repr__(self) -> str:
        return repr(dict(self))


class LatestState:
    """Keeps the `latest` state by symbol. A book or last trade that a message leaves out stays as it was.

    A symbol that is flagged has no state from then to its next message: see flag(). A book
    without levels gives a symbol no price, and so no state: it is part of the state that comes first.
    """

    def __init__(self) -> None:
        self.flagged: dict[str, str] = {}
        """By symbol whose market data is missing at present: why."""
        self._symbols = _Symbols(self.flagged)
        self.latest: Mapping[str, MarketDataSymbol] = self._symbols
        self._assembler = BookAssembler()
        self._stateless: dict[str, BookDelta] = {}
        """Newest BOOK_DELTA of the symbols that have no state yet."""

    def copy(self) -> LatestState:
        """Return a state that is the same, and takes in messages of its own from here on."""
        copied = LatestState()
        copied.flagged.update(self.flagged)
        copied._symbols.known.update(self._symbols.known)
        copied._stateless.update(self._stateless)
        copied._assembler = self._assembler.copy()
        return copied

    def take_in(self, message: Message) -> Message:
        """Take in a message; returns it with all that is known of its symbols.

        BOOK_DELTA becomes MARKET_DATA with the state of its symbol, or without symbols while none is known.
        """
        if isinstance(message, BookDelta):
            delta, message = message, self._assembler.market_data(message, self.latest.get(message.symbol))
            if message.symbols:
                self._stateless.pop(delta.symbol, None)
            else:
                self._stateless[delta.symbol] = delta
        if not isinstance(message, MarketData):
            return message
        self._unflag(symbol.symbol for symbol in message.symbols)
        whole = [self._learn(symbol) for symbol in message.symbols]
        if all(map(operator.is_, whole, message.symbols)):
            return message
        return msgspec.structs.replace(message, symbols=whole)

    def take_in_encoded(self, message: EncodedMarketData) -> bool:
        """Take in an encoded message as it is.

        Returns False, and takes in nothing, if it leaves out what is known: take_in() the decoded one then.
        """
        known, parts = self._symbols.known, message.parts
        if self._stateless and self._stateless.keys() & parts.keys():
            return False
        for name, own in parts.items():
            before = known.get(name)
            if isinstance(before, EncodedMarketData):
                # Messages alike have one object, so that hardly any have to be compared.
                if before.parts is not parts and before.parts[name] & ~own:
                    return False
            elif before is not None and parts_of(before) & ~own:
                return False
        known.update(dict.fromkeys(parts, message))
        self._unflag(parts)
        return True

    def flag(self, symbols: Iterable[str] | None, reason: str) -> None:
        """Note that data of some symbols, or of all that are known (None), is missing until their next message."""
        self.flagged.update(dict.fromkeys(self._symbols.known if symbols is None else symbols, reason))

    def _unflag(self, symbols: Iterable[str]) -> None:
        if self.flagged:
            for symbol in symbols:
                self.flagged.pop(symbol, None)

    def _learn(self, symbol: MarketDataSymbol) -> MarketDataSymbol:
        known = self._symbols.known.get(symbol.symbol)
        if isinstance(known, EncodedMarketData):
            known = known.symbol(symbol.symbol)
        delta = self._stateless.pop(symbol.symbol, None) if self._stateless else None
        if delta is not None and known is None:
            (known,) = self._assembler.market_data(delta, symbol).symbols
        whole = self._symbols.known[symbol.symbol] = merged(symbol, known)
        return whole

    def clear(self) -> None:
        """Forget everything."""
        self._symbols.known.clear()
        self.flagged.clear()
        self._stateless.clear()
        self._assembler = BookAssembler()
