"""All channels of a publisher, by subscription and by symbol, and those that have something to send."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Hashable, Iterator, Mapping
from typing import Generic, TypeVar

from hftlab.protocol.encoded_market_data import EncodedMarketData, RawMarketData
from hftlab.protocol.enums import DataType
from hftlab.protocol.messages import Arbitrage, MarketData, MarketDataSymbol, Message
from hftlab.protocol.order_messages import PRIVATE_CHANNEL
from hftlab.protocol.publishing.arbitrage_channel import ArbitrageChannel
from hftlab.protocol.publishing.channel import Channel, Numbered, Streamed
from hftlab.protocol.publishing.delta_channel import DeltaChannel
from hftlab.protocol.publishing.peer import Peer
from hftlab.protocol.publishing.state_channel import StateChannel
from hftlab.protocol.subscriptions import Subscription

K = TypeVar("K", bound=Hashable)

__all__ = ["Channels"]


class Channels(Generic[K]):
    """Creates channels with their first peer and removes them with the last. Numbered messages wait until taken."""

    def __init__(self) -> None:
        self._all: dict[Subscription, Channel[K]] = {}
        self._by_symbol: dict[str, dict[Channel[K], None]] = {}
        self._due: dict[Channel[K], None] = {}
        self._outbox: deque[tuple[Channel[K], Numbered]] = deque()
        self._numbers = PRIVATE_CHANNEL

    def __iter__(self) -> Iterator[Channel[K]]:
        return iter(self._all.values())

    # --- peers ---

    def replan(
        self, peer: Peer[K], latest: Mapping[str, MarketDataSymbol], at: int
    ) -> tuple[list[Message], dict[Channel[K], None]]:
        """Bring the channels of a peer in line with its subscriptions.

        Returns the messages that it still has to get of the channels that it leaves, and the channels that it enters,
        whose snapshots it has to get.
        """
        plan = peer.wanted.plan()
        # Sorted, so that nothing depends on the order of a set.
        left = [peer.channels[subscription] for subscription in sorted(peer.channels.keys() - plan)]
        last_messages: list[Message] = []
        for channel in left:
            last_messages += peer.last_messages(channel, self._pending(channel), latest)
            self._part(peer, channel)
        entered: dict[Channel[K], None] = {}
        for subscription in sorted(plan - peer.channels.keys()):
            channel = self._channel(subscription)
            if any(channel.shares_events_with(one) for one in left):
                # Its next message would repeat events that the last messages of the other channel contain.
                self._collect(channel, latest, at, early=True)
            peer.enter(channel)
            entered[channel] = None
        return last_messages, entered

    def release(self, peer: Peer[K]) -> None:
        """Take a peer out of all its channels."""
        for channel in list(peer.channels.values()):
            self._part(peer, channel)

    def _channel(self, subscription: Subscription) -> Channel[K]:
        """Return the channel of a subscription, counting one more peer."""
        channel = self._all.get(subscription)
        if channel is None:
            self._numbers += 1
            channel = self._all[subscription] = _made(self._numbers, subscription)
            for symbol in subscription.symbols:
                self._by_symbol.setdefault(symbol, {})[channel] = None
        channel.size += 1
        return channel

    def _part(self, peer: Peer[K], channel: Channel[K]) -> None:
        peer.part(channel)
        channel.size -= 1
        if channel.size:
            return
        del self._all[channel.subscription]
        self._due.pop(channel, None)
        for symbol in channel.subscription.symbols:
            del self._by_symbol[symbol][channel]
            if not self._by_symbol[symbol]:
                del self._by_symbol[symbol]

    def _pending(self, channel: Channel[K]) -> list[Streamed]:
        """Return the messages of a channel that are numbered and not taken, none of them encoded."""
        if channel.sent == channel.sequence:
            return []
        pending = [data for one, data in self._outbox if one is channel]
        return [data.decoded() if isinstance(data, RawMarketData) else data for data in pending]

    # --- the stream ---

    def change(self, message: MarketData | Arbitrage, at: int) -> None:
        """Pass a message of the source, due at `at`, to the channels of its symbols."""
        touched: dict[Channel[K], None] = {}
        if isinstance(message, Arbitrage):
            touched = self._by_symbol.get(message.symbol, {})
        else:
            for symbol in message.symbols:
                touched.update(self._by_symbol.get(symbol.symbol, {}))
        for channel in touched:
            self._outbox += [(channel, prompt) for prompt in channel.change(message, at)]
            if channel.due is not None:
                self._due[channel] = None

    def change_encoded(self, message: EncodedMarketData, at: int) -> None:
        """Pass a message of the source whose symbols are encoded to the channels of its symbols."""
        touched: dict[Channel[K], None] = {}
        for symbol in message.parts:
            touched.update(self._by_symbol.get(symbol, {}))
        for channel in touched:
            for prompt in channel.change_encoded(message, at):
                self._outbox.append((channel, prompt))
            if channel.due is not None:
                self._due[channel] = None

    @property
    def prefer_encoded(self) -> bool:
        """True if some channel sends most messages as they are encoded, or there is none that looks at them."""
        return not self._all or any(channel.prefers_encoded for channel in self)

    def lose(
        self, symbols: Collection[str] | None, reason: str, latest: Mapping[str, MarketDataSymbol], at: int
    ) -> None:
        """Declare that messages of some symbols, or of all (None), are missing in the source from `at` on."""
        for channel in self:
            self._outbox += [(channel, lost) for lost in channel.lose(symbols, reason, latest, at)]
            if channel.due is None:
                self._due.pop(channel, None)

    def collect(self, latest: Mapping[str, MarketDataSymbol], at: int, *, early: bool = False) -> None:
        """Number the messages that are due by `at`; with `early` also those that wait for their channel's pace."""
        for channel in list(self._due):
            self._collect(channel, latest, at, early=early)

    def _collect(
        self, channel: Channel[K], latest: Mapping[str, MarketDataSymbol], at: int, *, early: bool = False
    ) -> None:
        self._outbox += [(channel, collected) for collected in channel.collect(latest, at, early=early)]
        if channel.due is None:
            self._due.pop(channel, None)

    def restart(self, latest: Mapping[str, MarketDataSymbol], at: int) -> None:
        """Begin anew at another position of the source, with a snapshot for each channel that has state."""
        self._due.clear()
        for channel in self:
            self._outbox += [(channel, snapshot) for snapshot in channel.restart(latest, at)]

    def take(self) -> Iterator[tuple[Channel[K], Numbered]]:
        """Yield the numbered messages in order; those that are not taken wait for the next call."""
        while self._outbox:
            yield self._outbox.popleft()

    def next_time(self) -> int | None:
        """Return when there is something to take, in source time; None if nothing waits."""
        if self._outbox:
            return 0
        return min((channel.due for channel in self._due if channel.due is not None), default=None)


def _made(number: int, subscription: Subscription) -> Channel[K]:
    match subscription.data_types:
        case (DataType.BOOK_DELTA,):
            return DeltaChannel(number, subscription)
        case (DataType.ARBITRAGE,):
            return ArbitrageChannel(number, subscription)
    return StateChannel(number, subscription)
