"""Channels of a market that have readers: each message is made once for all who read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Generic

from hftlab.instruments import Instrument
from hftlab.venues.kraken.api.instrument_list import instrument_list
from hftlab.venues.kraken.api.pair_writer import PairWriter
from hftlab.venues.kraken.api.streams import PairStream, make_stream
from hftlab.venues.kraken.api.subscription import Channel, Subscription
from hftlab.venues.kraken.pair_name import PairName
from hftlab.venues.market_state.broadcast import Broadcast, Reader
from hftlab.venues.market_state.recorded_market import RecordedMarket

__all__ = ["ChannelSet"]


class _Readers(Generic[Reader]):
    def __init__(self, stream: PairStream | None) -> None:
        self.stream = stream
        self.readers: dict[Reader, None] = {}


class ChannelSet(Generic[Reader]):
    """Channels of the pairs that a server has. The owner takes in events, and then asks for what is due.

    Each event of the recording is sent when it happens: nothing waits for an interval.
    """

    def __init__(self, pairs: Mapping[PairName, Instrument]) -> None:
        self.recorded = RecordedMarket({name.symbol: instrument for name, instrument in pairs.items()})
        self.writers = {name.symbol: PairWriter(name, self.recorded.states[name.symbol]) for name in pairs}
        self._streams: dict[Subscription, _Readers[Reader]] = {}
        self.wants_trades = False
        """True if a stream tells of trades."""

    def add(self, subscription: Subscription, reader: Reader) -> bytes | None:
        """Let a reader have a channel; returns the snapshot that it begins with, if there is one by now."""
        if subscription.channel is Channel.INSTRUMENT:
            return instrument_list(self.writers.values())
        found = self._streams.get(subscription)
        if found is None:
            stream = make_stream(subscription, self.recorded, self.writers[subscription.pair])
            found = self._streams[subscription] = _Readers(stream)
            self._note_wants()
        found.readers[reader] = None
        return None if found.stream is None else found.stream.snapshot()

    def remove(self, subscription: Subscription, reader: Reader) -> None:
        """Let a reader have a channel no longer; one without readers ends."""
        found = self._streams.get(subscription)
        if found is not None:
            found.readers.pop(reader, None)
            if not found.readers:
                del self._streams[subscription]
                self._note_wants()

    def _note_wants(self) -> None:
        self.wants_trades = any(one.channel in (Channel.TRADE, Channel.TICKER) for one in self._streams)

    def __len__(self) -> int:
        return len(self._streams)

    @property
    def next_time(self) -> int | None:
        """Time at which something is to be sent: 0 for at once, None if nothing waits."""
        return 0 if any(one.stream is not None and one.stream.is_due for one in self._streams.values()) else None

    @property
    def horizon(self) -> int:
        """Time before which no stream sends anything, whatever happens: there is none."""
        return 0

    def due(self, now: int, *, early: bool = False) -> Iterator[Broadcast[Reader]]:  # noqa: ARG002 - as other sets
        """Yield what is to be sent by `now`."""
        for one in list(self._streams.values()):
            if one.stream is not None and one.stream.is_due:
                for message in one.stream.messages():
                    yield Broadcast(message, list(one.readers))

    def restart(self) -> None:
        """Go on from where the market is: its position has been moved."""
        for one in self._streams.values():
            if one.stream is not None:
                one.stream.restart()
