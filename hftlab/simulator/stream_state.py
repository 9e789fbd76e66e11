"""State of a stream: the few messages that have the same effect as all messages so far."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from hftlab.protocol.enums import ArbitrageState
from hftlab.protocol.latest_state import LatestState
from hftlab.protocol.messages import Arbitrage, BookDelta, MarketData, Message

__all__ = ["StreamState"]

_Numbered = tuple[int, Message]


class StreamState:
    """Newest MARKET_DATA of each symbol, its BOOK_DELTAs since the last snapshot with levels, and the open ARBITRAGE.

    Private messages are not part of the state.
    """

    def __init__(self) -> None:
        self._latest = LatestState()
        self._count = 0
        self._market_data: dict[str, _Numbered] = {}
        self._first_deltas: dict[str, _Numbered] = {}
        self._deltas: dict[str, list[_Numbered]] = {}
        self._arbitrage: dict[tuple[str, str, str], _Numbered] = {}

    def add(self, message: Message) -> None:
        """Learn from the next message of the stream."""
        self._count += 1
        whole = self._latest.take_in(message)
        if isinstance(message, BookDelta):
            self._first_deltas.setdefault(message.symbol, (self._count, message))
            deltas = self._deltas.setdefault(message.symbol, [])
            if message.is_restart:
                deltas.clear()
            deltas.append((self._count, message))
        elif isinstance(message, Arbitrage):
            key = message.symbol, message.buy_venue, message.sell_venue
            self._arbitrage.pop(key, None)
            if message.state is not ArbitrageState.CLOSE:
                self._arbitrage[key] = self._count, message
        if isinstance(whole, MarketData):
            for symbol in whole.symbols:
                if isinstance(message, MarketData) or symbol.symbol in self._market_data:
                    self._market_data[symbol.symbol] = self._count, msgspec.structs.replace(whole, symbols=[symbol])

    def messages(self) -> list[Message]:
        """Messages that, applied one after the other, give the state."""
        numbered = sorted([*self._arbitrage.values(), *self._books()], key=lambda entry: entry[0])
        return [message for _, message in numbered]

    def _books(self) -> Iterator[_Numbered]:
        for symbol, (number, message) in self._market_data.items():
            deltas = self._deltas.get(symbol, [])
            # Whatever a delta leaves open is in the MARKET_DATA that it led to, which therefore goes first.
            yield (deltas[0][0] if deltas and deltas[-1][0] == number else number), message
            yield from deltas
        for symbol in self._deltas.keys() - self._market_data.keys():
            # The first delta names the exchange, and the others give the book and with it the price.
            first, deltas = self._first_deltas[symbol], self._deltas[symbol]
            yield from deltas if first == deltas[0] else [first, *deltas]
