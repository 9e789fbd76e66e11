"""The client's half of the protocol without I/O: messages in, the newest state and what was lost out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from hftlab.protocol.book import Book
from hftlab.protocol.enums import DataType
from hftlab.protocol.messages import Ack, Gap, MarketData, MarketDataSymbol, Message, ReplayStatus, Subscribe
from hftlab.protocol.subscriptions import Subscription, SubscriptionSet

__all__ = ["Loss", "Subscriber"]


class Loss(NamedTuple):
    """The messages `first` to `last` of `channel` did not arrive.

    `reason` is "conflated" (state skipped for a slow reader, and the newest has come since), "gap" (declared by the
    server) or "lost" (a hole that nobody declared).
    """

    channel: int
    first: int
    last: int
    reason: str

    @property
    def messages(self) -> int:
        """How many."""
        return self.last - self.first + 1


class Subscriber:
    """Subscriptions, sequences and the newest state of each symbol; outlives the connection."""

    def __init__(self) -> None:
        self.wanted = SubscriptionSet()
        self.session: str | None = None
        self.offered: list[str] = []
        """The symbols that the server's welcome named."""
        self.replay: ReplayStatus | None = None
        self._latest: dict[str, MarketDataSymbol] = {}
        self._stale: set[str] = set()
        self._sequences: dict[int, int] = {}
        self._symbols: dict[int, tuple[str, ...]] = {}

    def connected(self) -> list[Subscribe]:
        """Forget the sequences of the connection before; returns what restores the subscriptions."""
        self._sequences.clear()
        self._symbols.clear()
        return [_request(subscription) for subscription in sorted(self.wanted.plan())]

    def disconnected(self) -> None:
        """Whatever is known may be out of date from now on."""
        self._stale.update(self._latest)

    def latest(self, symbol: str) -> MarketDataSymbol | None:
        return self._latest.get(symbol)

    def book(self, symbol: str) -> Book | None:
        state = self._latest.get(symbol)
        return None if state is None else Book.of(state, stale=symbol in self._stale)

    def forget(self, symbols: Iterable[str]) -> None:
        """Let go of symbols that no subscription keeps up to date any more."""
        for symbol in set(symbols).difference(self.wanted.symbols):
            self._latest.pop(symbol, None)
            self._stale.discard(symbol)

    def receive(self, message: Message) -> list[Loss]:
        """Take in one message of the server; returns what is now known to be lost."""
        match message:
            case MarketData():
                return self._market_data(message)
            case Gap():
                return self._gap(message)
            case Ack():
                return self._ack(message)
            case ReplayStatus():
                self.replay = message
        return self._order(message.channel, message.sequence)

    def _market_data(self, message: MarketData) -> list[Loss]:
        losses = self._order(message.channel, message.sequence, conflated=message.snapshot)
        for symbol in message.symbols:
            self._latest[symbol.symbol] = _merged(symbol, self._latest.get(symbol.symbol))
            self._stale.discard(symbol.symbol)
        return losses

    def _gap(self, message: Gap) -> list[Loss]:
        if message.channel is None:
            return []
        self._sequences[message.channel] = message.to_sequence
        self._stale.update(self._symbols.get(message.channel, ()))
        return [Loss(message.channel, message.from_sequence, message.to_sequence, "gap")]

    def _ack(self, message: Ack) -> list[Loss]:
        if message.session is not None:
            self.session, self.offered = message.session, message.symbols or []
        for info in message.channels or ():
            self._symbols[info.channel] = tuple(info.symbols)
        losses: list[Loss] = []
        for channel, sequence in (message.sequences or {}).items():
            # The answer to a heartbeat follows every message sent before it, so what it counts and we lack is lost.
            if channel in self._sequences:
                losses += self._order(channel, sequence + 1)
                self._sequences[channel] = max(sequence, self._sequences[channel])
        return losses

    def _order(self, channel: int | None, sequence: int | None, *, conflated: bool = False) -> list[Loss]:
        if channel is None or sequence is None:
            return []
        last = self._sequences.get(channel)
        self._sequences[channel] = sequence if last is None else max(sequence, last)
        if last is None or sequence <= last + 1:
            return []
        if conflated:
            return [Loss(channel, last + 1, sequence, "conflated")]
        self._stale.update(self._symbols.get(channel, ()))
        return [Loss(channel, last + 1, sequence - 1, "lost")]


def _request(subscription: Subscription) -> Subscribe:
    symbols, data_types, frequency = subscription
    kinds: list[DataType] = list(data_types)
    return Subscribe(timestamp=1.0, symbols=list(symbols), data_types=kinds, frequency=frequency)


def _merged(new: MarketDataSymbol, known: MarketDataSymbol | None) -> MarketDataSymbol:
    """Channels of one symbol may carry different parts of it: keep the part that this message leaves out."""
    if known is None or (new.bids is not None and new.asks is not None):
        return new
    bids = known.bids if new.bids is None else new.bids
    asks = known.asks if new.asks is None else new.asks
    return msgspec.structs.replace(new, bids=bids, asks=asks)
