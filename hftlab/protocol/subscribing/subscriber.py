"""The client's half of the protocol without I/O: messages in, the newest state and what was lost out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from hftlab.errors import NetworkError, WireError
from hftlab.protocol.book import Book
from hftlab.protocol.enums import DataType
from hftlab.protocol.messages import (
    Ack,
    Arbitrage,
    AuthSuccess,
    BookDelta,
    ChannelInfo,
    Gap,
    MarketData,
    MarketDataSymbol,
    Message,
    ReplayStatus,
    Subscribe,
    Unsubscribe,
)
from hftlab.protocol.subscribing.loss import Loss
from hftlab.protocol.subscribing.private_stream import PrivateStream
from hftlab.protocol.subscribing.symbol_state import SymbolState
from hftlab.protocol.subscriptions import DEFAULT_DATA_TYPES, SubscriptionSet

__all__ = ["Subscriber"]

_ALL: Final = tuple(DataType)


class Subscriber:
    """Subscriptions, sequences and the newest state of each symbol; outlives the connection.

    What is not certain is stale: from a hole in a channel's sequence until the state has come anew. `requests()` are
    what has to be sent for that. One thread fills it; `latest` and `book` may be read from any.
    """

    def __init__(self) -> None:
        self.wanted = SubscriptionSet()
        self.private = PrivateStream()
        self.session: str | None = None
        self.offered: list[str] = []
        """The symbols that the server has named."""
        self.replay: ReplayStatus | None = None
        self._known: dict[str, SymbolState] = {}
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
        self.forget(list(self._known))
        return self.wanted.requests()

    def disconnected(self) -> None:
        """Whatever is known may be out of date from now on."""
        for known in self._known.values():
            known.doubt(_ALL)

    def requests(self) -> list[Subscribe]:
        """What has become necessary to send since the last call: a subscription asked for again brings a snapshot.

        Only for what is wanted by now, on the terms of now.
        """
        waiting = [channel for channel, is_asked in self._resyncing.items() if not is_asked]
        self._resyncing.update(dict.fromkeys(waiting, True))
        infos = [self._channels[channel] for channel in waiting if channel in self._channels]
        return [request for info in infos for request in self.wanted.requests(info.symbols, info.data_types)]

    @contextmanager
    def asking(self, request: Subscribe | Unsubscribe) -> Iterator[None]:
        """Want what a request asks for while it is on its way: a hole that shows meanwhile must not call it back.

        If it fails, what was wanted before is wanted again, but for an UNSUBSCRIBE that the server has not refused: it
        may have come, and what is wanted and not streamed would be out of date in silence.
        """
        kinds = request.data_types or (_ALL if isinstance(request, Unsubscribe) else DEFAULT_DATA_TYPES)
        before = self.wanted.held(request.symbols, kinds)
        if isinstance(request, Unsubscribe):
            self.wanted.remove(request.symbols, kinds)
        else:
            self.wanted.add(request.symbols, kinds, request.frequency, request.slow_consumer)
        try:
            yield
        except BaseException as exc:
            is_refused = isinstance(exc, WireError) and not isinstance(exc, NetworkError)
            if is_refused or isinstance(request, Subscribe):
                self.wanted.put_back(before)
            raise
        finally:
            self.forget(request.symbols)

    # --- state ---

    def latest(self, symbol: str) -> MarketDataSymbol | None:
        known = self._known.get(symbol)
        return None if known is None else known.latest

    def book(self, symbol: str) -> Book | None:
        """From BOOK_DELTA where it is subscribed to, else from ORDER_BOOK; None before the first levels."""
        known = self._known.get(symbol)
        return None if known is None else known.book(symbol)

    def doubtful(self) -> set[str]:
        """The wanted symbols of which something is in doubt."""
        return {symbol for symbol in self.wanted.symbols if symbol in self._known and self._known[symbol].is_in_doubt}

    def forget(self, symbols: Iterable[str]) -> None:
        """Let go of what no subscription keeps up to date any more."""
        for symbol in symbols:
            kinds = self.wanted.data_types(symbol)
            if not kinds:
                self._known.pop(symbol, None)
            elif symbol in self._known:
                self._known[symbol].keep(kinds)

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
            case AuthSuccess(symbols=list() as symbols):
                self.offered = symbols
            case ReplayStatus():
                self._replayed(message)
        return self._order(message.channel, message.sequence)

    def _market_data(self, message: MarketData) -> list[Loss]:
        if self._is_old(message):
            return []
        losses = self._order(message.channel, message.sequence, is_snapshot=message.snapshot)
        for symbol in message.symbols:
            known = self._known.get(symbol.symbol) or self._meet(symbol.symbol)
            known.take_in(symbol)
        return losses

    def _book_delta(self, message: BookDelta) -> list[Loss]:
        if self._is_old(message) or not self._is_of_its_channel(message):
            return []
        losses = self._order(message.channel, message.sequence, is_snapshot=message.snapshot)
        known = self._known.get(message.symbol) or self._meet(message.symbol)
        if not known.apply(message):
            channel, sequence = message.channel or 0, message.sequence or 0
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
            self._known.clear()

    def _meet(self, symbol: str) -> SymbolState:
        known = self._known[symbol] = SymbolState()
        return known

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
        symbols: Iterable[str] = self._known if info is None else info.symbols
        kinds: Collection[DataType] = _ALL if info is None else info.data_types
        for symbol in symbols:
            if symbol in self._known:
                self._known[symbol].doubt(kinds)

    def _resync(self, channel: int) -> None:
        self._resyncing.setdefault(channel, False)
