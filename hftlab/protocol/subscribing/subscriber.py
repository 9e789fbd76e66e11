"""Subscriptions of a client, and the newest state that they bring."""

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
    """Subscriptions, sequences and the newest state of each symbol; it outlives the connection.

    State is stale from a gap in its channel's sequence until it has come anew, for which the messages of `requests()`
    have to be sent. One thread fills it; `latest` and `book` may be called from any.
    """

    def __init__(self) -> None:
        self.wanted = SubscriptionSet()
        self.private = PrivateStream()
        self.session: str | None = None
        self.offered_symbols: list[str] = []
        """Symbols that the server has named."""
        self.replay: ReplayStatus | None = None
        self._known: dict[str, SymbolState] = {}
        self._sequences: dict[int, int] = {}
        self._channels: dict[int, ChannelInfo] = {}
        self._resyncing: dict[int, bool] = {}
        """Channels whose state has to come anew, and whether that has been requested."""

    # --- the connection ---

    def connected(self) -> list[Subscribe]:
        """Forget the sequences of the last connection; returns the requests that restore the subscriptions."""
        self._sequences.clear()
        self._channels.clear()
        self._resyncing.clear()
        self.forget(list(self._known))
        return self.wanted.requests()

    def disconnected(self) -> None:
        """Mark everything as stale."""
        for known in self._known.values():
            known.mark_stale(_ALL)

    def requests(self) -> list[Subscribe]:
        """Return the requests that have become necessary since the last call: subscribing again brings a snapshot.

        They are for what is wanted by now, on the terms of now.
        """
        waiting = [channel for channel, is_asked in self._resyncing.items() if not is_asked]
        self._resyncing.update(dict.fromkeys(waiting, True))
        infos = [self._channels[channel] for channel in waiting if channel in self._channels]
        return [request for info in infos for request in self.wanted.requests(info.symbols, info.data_types)]

    @contextmanager
    def requesting(self, request: Subscribe | Unsubscribe) -> Iterator[None]:
        """Count a request as granted while it is under way, so that resynchronisation does not undo it.

        If it fails, the subscriptions before it are restored, except for an UNSUBSCRIBE without an answer: the server
        may have received it, and state that is wanted and not streamed would be out of date in silence.
        """
        kinds = request.data_types or (_ALL if isinstance(request, Unsubscribe) else DEFAULT_DATA_TYPES)
        before = self.wanted.save(request.symbols, kinds)
        if isinstance(request, Unsubscribe):
            self.wanted.remove(request.symbols, kinds)
        else:
            self.wanted.add(request.symbols, kinds, request.frequency, request.slow_consumer)
        try:
            yield
        except BaseException as exc:
            is_refused = isinstance(exc, WireError) and not isinstance(exc, NetworkError)
            if is_refused or isinstance(request, Subscribe):
                self.wanted.restore(before)
            raise
        finally:
            self.forget(request.symbols)

    @property
    def channels(self) -> list[ChannelInfo]:
        """Channels that the server has named in this connection."""
        return list(self._channels.values())

    # --- state ---

    def latest(self, symbol: str) -> MarketDataSymbol | None:
        """Return the newest state of a symbol; None before the first."""
        known = self._known.get(symbol)
        return None if known is None else known.latest

    def book(self, symbol: str) -> Book | None:
        """Return the book of BOOK_DELTA where it is subscribed to, else of ORDER_BOOK; None before the first levels."""
        known = self._known.get(symbol)
        return None if known is None else known.book(symbol)

    def stale_symbols(self) -> set[str]:
        """Return the symbols subscribed to of which anything is stale."""
        return {symbol for symbol in self.wanted.symbols if symbol in self._known and self._known[symbol].is_stale}

    def forget(self, symbols: Iterable[str]) -> None:
        """Forget state that no subscription keeps up to date any more."""
        for symbol in symbols:
            kinds = self.wanted.data_types(symbol)
            if not kinds:
                self._known.pop(symbol, None)
            elif symbol in self._known:
                self._known[symbol].keep(kinds)

    # --- messages ---

    def receive(self, message: Message) -> list[Loss]:
        """Take in one message of the server; returns the losses that it shows."""
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
                self.offered_symbols = symbols
            case ReplayStatus():
                self._replayed(message)
        return self._order(message.channel, message.sequence)

    def _market_data(self, message: MarketData) -> list[Loss]:
        if self._is_old(message):
            return []
        losses = self._order(message.channel, message.sequence, is_snapshot=message.snapshot)
        for symbol in message.symbols:
            known = self._known.get(symbol.symbol) or self._add(symbol.symbol)
            known.take_in(symbol)
        return losses

    def _book_delta(self, message: BookDelta) -> list[Loss]:
        if self._is_old(message) or not self._is_of_its_channel(message):
            return []
        losses = self._order(message.channel, message.sequence, is_snapshot=message.snapshot)
        known = self._known.get(message.symbol) or self._add(message.symbol)
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
        self._mark_stale(message.channel, message.symbols)
        return [*undeclared, Loss(message.channel, message.from_sequence, message.to_sequence, "gap")]

    def _ack(self, message: Ack) -> list[Loss]:
        if message.session is not None:
            self.session, self.offered_symbols = message.session, message.symbols or []
        for info in message.channels or ():
            # A channel keeps its subscription for life; a message that contradicts the first is damaged.
            self._channels.setdefault(info.channel, info)
        losses: list[Loss] = []
        for channel, sequence in (message.sequences or {}).items():
            # The answer to a heartbeat follows every message sent before it: those that are missing are lost.
            last = self._sequences.get(channel)
            if last is not None and sequence > last:
                losses += self._order(channel, sequence + 1)
                self._sequences[channel] = sequence
        return losses

    def _replayed(self, message: ReplayStatus) -> None:
        self.replay = message
        if message.reset:
            # The replay is at another time now: symbols without a snapshot did not exist there.
            self._known.clear()

    def _add(self, symbol: str) -> SymbolState:
        known = self._known[symbol] = SymbolState()
        return known

    # --- sequences ---

    def _is_old(self, message: MarketData | BookDelta | Arbitrage | Gap) -> bool:
        """Tell whether newer state is known already: a duplicate, or a message that was overtaken."""
        if message.channel is None or message.sequence is None:
            return False
        last = self._sequences.get(message.channel)
        if last is None:
            return False
        if isinstance(message, MarketData | BookDelta | Arbitrage) and message.snapshot:
            # A channel that is resynchronised takes any snapshot: the last sequence may be a damaged one.
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
        self._mark_stale(channel)
        self._resync(channel)
        return [Loss(channel, last + 1, sequence - 1, "lost")]

    def _mark_stale(self, channel: int, concerned: Iterable[str] | None = None) -> None:
        """Mark the channel's symbols, or those of them that are concerned, as stale; all, if it is not known."""
        info = self._channels.get(channel)
        symbols: Iterable[str] = self._known if info is None else info.symbols
        symbols = symbols if concerned is None else concerned
        kinds: Collection[DataType] = _ALL if info is None else info.data_types
        for symbol in symbols:
            if symbol in self._known:
                self._known[symbol].mark_stale(kinds)

    def _resync(self, channel: int) -> None:
        self._resyncing.setdefault(channel, False)
