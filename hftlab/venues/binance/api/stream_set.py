"""Streams of a market that have readers: each message is made once for all who read it in one form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Generic

from hftlab.venues.binance.api.markets import Market
from hftlab.venues.binance.api.messages_out import Writer, wrapped
from hftlab.venues.binance.api.stream_names import StreamKind, StreamName
from hftlab.venues.binance.api.streams import NEVER, MarketStream, make_stream
from hftlab.venues.market_state.broadcast import Broadcast, Reader
from hftlab.venues.market_state.recorded_market import RecordedMarket

__all__ = ["StreamSet"]

_OF_TRADES: Final = (StreamKind.TRADE, StreamKind.AGG_TRADE, StreamKind.TICKER, StreamKind.MINI_TICKER)


class _Readers(Generic[Reader]):
    """Readers of one stream, by whether they get the bare message or that of combined streams."""

    def __init__(self, stream: MarketStream | None) -> None:
        self.stream = stream
        self.forms: dict[Reader, bool] = {}

    def broadcasts(self, name: str, message: bytes) -> Iterator[Broadcast[Reader]]:
        bare = [reader for reader, is_combined in self.forms.items() if not is_combined]
        if bare:
            yield Broadcast(message, bare)
        combined = [reader for reader, is_combined in self.forms.items() if is_combined]
        if combined:
            yield Broadcast(wrapped(name, message), combined)


class StreamSet(Generic[Reader]):
    """Streams of one market. The owner takes in events, and then asks for what is due. Times are source time in ns."""

    def __init__(self, market: Market, recorded: RecordedMarket) -> None:
        self.market, self.recorded = market, recorded
        self.writers = {symbol: Writer(market, state) for symbol, state in recorded.states.items()}
        self._streams: dict[StreamName, _Readers[Reader]] = {}
        self.wants_trades = False
        """True if a stream tells of trades."""

    def add(self, name: StreamName, reader: Reader, *, combined: bool) -> None:
        """Let a reader have a stream, or have it in another form."""
        if name not in self._streams:
            self._streams[name] = _Readers(make_stream(name, self.recorded, self.writers))
        self._streams[name].forms[reader] = combined
        self._note_wants()

    def remove(self, name: StreamName, reader: Reader) -> None:
        """Let a reader have a stream no longer; one without readers ends."""
        readers = self._streams.get(name)
        if readers is not None:
            readers.forms.pop(reader, None)
            if not readers.forms:
                del self._streams[name]
                self._note_wants()

    def _note_wants(self) -> None:
        self.wants_trades = any(name.kind in _OF_TRADES for name in self._streams)

    def __len__(self) -> int:
        return len(self._streams)

    @property
    def next_time(self) -> int | None:
        """Time at which something is to be sent that waits for its interval; None if nothing waits."""
        due = min((one.stream.due() for one in self._streams.values() if one.stream is not None), default=NEVER)
        return None if due == NEVER else due

    @property
    def horizon(self) -> int:
        """Time before which no stream sends anything, whatever happens: events up to it can be taken in together."""
        return min((one.stream.earliest() for one in self._streams.values() if one.stream is not None), default=NEVER)

    def due(self, now: int, *, early: bool = False) -> Iterator[Broadcast[Reader]]:
        """Yield what is to be sent by `now`; with `early` also what would wait for its interval."""
        for name, readers in list(self._streams.items()):
            stream = readers.stream
            due = NEVER if stream is None else stream.due()
            if stream is not None and (due <= now or (early and due < NEVER)):
                for message in stream.messages(now):
                    yield from readers.broadcasts(name.text, message)

    def restart(self) -> None:
        """Go on from where the market is: its position has been moved."""
        for readers in self._streams.values():
            if readers.stream is not None:
                readers.stream.restart()
