"""The client's half of the protocol without I/O: messages in, the newest state and what was lost out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from hftlab.clock import from_milliseconds
from hftlab.protocol.book import Book
from hftlab.protocol.level_book import LevelBook
from hftlab.protocol.messages import (
    Ack,
    Arbitrage,
    BookDelta,
    ChannelInfo,
    Gap,
    MarketData,
    MarketDataSymbol,
    Message,
    ReplayStatus,
    Subscribe,
)
from hftlab.protocol.subscriptions import Subscription, SubscriptionSet

__all__ = ["Loss", "Subscriber"]


class Loss(NamedTuple):
    """The messages `first` to `last` of `channel` did not arrive, or not whole.

    `reason` is "conflated" (state skipped for a slow reader, and the newest has come since), "gap" (declared by the
    server), "lost" (a hole that nobody declared) or "checksum" (an incremental book that is not the server's).
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
    """Subscriptions, sequences and the newest state of each symbol; outlives the connection.

    What is not certain is stale: from a hole in a channel's sequence until the state has come anew. `requests()` are
    what has to be sent for that.
    """

    def __init__(self) -> None:
        self.wanted = SubscriptionSet()
        self.session: str | None = None
        self.offered: list[str] = []
        """The symbols that the server's welcome named."""
        self.replay: ReplayStatus | None = None
        self._latest: dict[str, MarketDataSymbol] = {}
        self._stale: set[str] = set()
        self._deltas: dict[str, _DeltaBook] = {}
        self._sequences: dict[int, int] = {}
        self._channels: dict[int, ChannelInfo] = {}
        self._resyncing: dict[int, bool] = {}
        """Channels whose state has to come anew, and whether it has been asked for."""

    # --- the connection ---

    def connected(self) -> list[Subscribe]:
        """Forget the sequences of the connection before; returns what restores the subscriptions."""
        self._sequences.clear()
        self._channels.clear()
        self._resyncing.clear()
        return [_request(subscription) for subscription in sorted(self.wanted.plan())]

    def disconnected(self) -> None:
        """Whatever is known may be out of date from now on."""
        self._stale.update(self._latest)
        for book in self._deltas.values():
            book.levels = None

    def requests(self) -> list[Subscribe]:
        """What has become necessary to send since the last call: a subscription asked for again brings a snapshot."""
        waiting = [channel for channel, is_asked in self._resyncing.items() if not is_asked]
        self._resyncing.update(dict.fromkeys(waiting, True))
        return [_request(_subscription(self._channels[channel])) for channel in waiting if channel in self._channels]

    # --- state ---

    def latest(self, symbol: str) -> MarketDataSymbol | None:
        return self._latest.get(symbol)

    def book(self, symbol: str) -> Book | None:
        """From BOOK_DELTA where it is subscribed to, else from ORDER_BOOK."""
        delta = self._deltas.get(symbol)
        if delta is not None:
            return delta.view(symbol)
        state = self._latest.get(symbol)
        return None if state is None else Book.of(state, stale=symbol in self._stale)

    def forget(self, symbols: Iterable[str]) -> None:
        """Let go of symbols that no subscription keeps up to date any more."""
        for symbol in set(symbols).difference(self.wanted.symbols):
            self._latest.pop(symbol, None)
            self._deltas.pop(symbol, None)
            self._stale.discard(symbol)

    # --- messages ---

    def receive(self, message: Message) -> list[Loss]:
        """Take in one message of the server; returns what is now known to be lost."""
        match message:
            case MarketData():
                return self._market_data(message)
            case BookDelta():
                return self._book_delta(message)
            case Arbitrage():
                return self._arbitrage(message)
            case Gap():
                return self._gap(message)
            case Ack():
                return self._ack(message)
            case ReplayStatus():
                self._replayed(message)
        return self._order(message.channel, message.sequence)

    def _market_data(self, message: MarketData) -> list[Loss]:
        if self._is_old(message):
            return []
        losses = self._order(message.channel, message.sequence, is_snapshot=message.snapshot)
        for symbol in message.symbols:
            self._latest[symbol.symbol] = _merged(symbol, self._latest.get(symbol.symbol))
            self._stale.discard(symbol.symbol)
        return losses

    def _book_delta(self, message: BookDelta) -> list[Loss]:
        if self._is_old(message) or not self._is_of_its_channel(message):
            return []
        losses = self._order(message.channel, message.sequence, is_snapshot=message.snapshot)
        book = self._deltas.setdefault(message.symbol, _DeltaBook())
        if message.snapshot:
            book.levels = LevelBook(message.bids, message.asks)
        elif book.levels is not None:
            book.levels.apply(message.bids, message.asks)
        book.ts_event = message.ts_event
        channel, sequence = message.channel or 0, message.sequence or 0
        if book.levels is not None and book.levels.checksum(sequence) != message.checksum:
            book.levels = None
            self._resync(channel)
            losses.append(Loss(channel, sequence, sequence, "checksum"))
        return losses

    def _arbitrage(self, message: Arbitrage) -> list[Loss]:
        if self._is_old(message):
            return []
        return self._order(message.channel, message.sequence, is_snapshot=message.snapshot)

    def _gap(self, message: Gap) -> list[Loss]:
        if message.channel is None or self._is_old(message):
            return []
        undeclared = self._order(message.channel, message.from_sequence)
        self._sequences[message.channel] = message.to_sequence
        self._doubt(message.channel)
        return [*undeclared, Loss(message.channel, message.from_sequence, message.to_sequence, "gap")]

    def _ack(self, message: Ack) -> list[Loss]:
        if message.session is not None:
            self.session, self.offered = message.session, message.symbols or []
        for info in message.channels or ():
            # A channel keeps its subscription as long as it is; what contradicts the first word is damaged.
            self._channels.setdefault(info.channel, info)
        losses: list[Loss] = []
        for channel, sequence in (message.sequences or {}).items():
            # The answer to a heartbeat follows every message sent before it, so what it counts and we lack is lost.
            last = self._sequences.get(channel)
            if last is not None and sequence > last:
                losses += self._order(channel, sequence + 1)
                self._sequences[channel] = sequence
        return losses

    def _replayed(self, message: ReplayStatus) -> None:
        self.replay = message
        if message.reset:
            # Of another time: what is not told anew there did not exist.
            self._latest.clear()
            self._deltas.clear()
            self._stale.clear()

    # --- sequences ---

    def _is_old(self, message: MarketData | BookDelta | Arbitrage | Gap) -> bool:
        """Whether newer state is known already: a duplicate, or one that was overtaken."""
        if message.channel is None or message.sequence is None:
            return False
        last = self._sequences.get(message.channel)
        if last is None:
            return False
        if isinstance(message, MarketData | BookDelta | Arbitrage) and message.snapshot:
            # While the state has to come anew nothing else counts: the sequence that it is compared with may be wrong.
            return message.sequence < last and message.channel not in self._resyncing
        return message.sequence <= last

    def _is_of_its_channel(self, message: BookDelta) -> bool:
        info = self._channels.get(message.channel or 0)
        return not self._channels if info is None else message.symbol in info.symbols

    def _order(self, channel: int | None, sequence: int | None, *, is_snapshot: bool = False) -> list[Loss]:
        if channel is None or sequence is None:
            return []
        last = self._sequences.get(channel)
        self._sequences[channel] = sequence
        if is_snapshot:
            self._resyncing.pop(channel, None)
        if last is None or sequence <= last + 1:
            return []
        if is_snapshot:
            return [Loss(channel, last + 1, sequence, "conflated")]
        self._doubt(channel)
        self._resync(channel)
        return [Loss(channel, last + 1, sequence - 1, "lost")]

    def _doubt(self, channel: int) -> None:
        """All that the channel tells of is stale until it is told anew; everything is, if the channel is not known."""
        info = self._channels.get(channel)
        for symbol in {*self._latest, *self._deltas} if info is None else info.symbols:
            if symbol in self._latest:
                self._stale.add(symbol)
            if symbol in self._deltas:
                self._deltas[symbol].levels = None

    def _resync(self, channel: int) -> None:
        self._resyncing.setdefault(channel, False)


class _DeltaBook:
    """A book kept from BOOK_DELTA; without `levels` while it is not certain."""

    def __init__(self) -> None:
        self.levels: LevelBook | None = None
        self.ts_event = 1.0

    def view(self, symbol: str) -> Book:
        bids, asks = ([], []) if self.levels is None else (self.levels.bids(), self.levels.asks())
        return Book(symbol, from_milliseconds(self.ts_event), self.levels is None, tuple(bids), tuple(asks))


def _subscription(info: ChannelInfo) -> Subscription:
    return Subscription(tuple(info.symbols), tuple(info.data_types), info.frequency, info.slow_consumer)


def _request(subscription: Subscription) -> Subscribe:
    symbols, data_types, frequency, slow_consumer = subscription
    return Subscribe(
        timestamp=1.0,
        symbols=list(symbols),
        data_types=list(data_types),
        frequency=frequency,
        slow_consumer=slow_consumer,
    )


def _merged(new: MarketDataSymbol, known: MarketDataSymbol | None) -> MarketDataSymbol:
    """Channels of one symbol may carry different parts of it: keep the part that this message leaves out."""
    if known is None or (new.bids is not None and new.asks is not None):
        return new
    bids = known.bids if new.bids is None else new.bids
    asks = known.asks if new.asks is None else new.asks
    return msgspec.structs.replace(new, bids=bids, asks=asks)
