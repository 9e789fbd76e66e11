"""One connection of a publisher: its subscriptions, the channels that serve it, and what it has skipped of them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from enum import IntEnum
from typing import Generic, NamedTuple, TypeVar

from hftlab.protocol.codec import Codec
from hftlab.protocol.enums import SlowConsumer
from hftlab.protocol.messages import Gap, MarketDataSymbol, Message
from hftlab.protocol.publishing.channel import Channel, Streamed
from hftlab.protocol.subscriptions import Subscription, SubscriptionSet

K = TypeVar("K", bound=Hashable)

__all__ = ["Backlog", "Peer", "Skipped"]


class Backlog(IntEnum):
    """Backlog of a reader: CONGESTED skips state, FULL skips events as well and declares the gap."""

    NONE = 0
    CONGESTED = 1
    FULL = 2


class Skipped(NamedTuple):
    """Counts of what a slow reader has skipped: conflated messages, and gaps in events, declared or to be declared."""

    conflated: int = 0
    gaps: int = 0

    def plus(self, other: Skipped) -> Skipped:
        """Add the counts of another reader."""
        return Skipped(self.conflated + other.conflated, self.gaps + other.gaps)


class Peer(Generic[K]):
    """One reader of channels. The publisher's owner knows it by its `key`; `account` is the one it is signed in as."""

    def __init__(self, key: K, codec: Codec) -> None:
        self.key, self.codec = key, codec
        self.wanted = SubscriptionSet()
        self.channels: dict[Subscription, Channel[K]] = {}
        self.backlog = Backlog.NONE
        self.account: str | None = None
        self.lacks_state = False
        """True if it could not be told the state of its account yet; parts of it would pass for the whole."""
        self._seen: dict[Channel[K], int] = {}
        """By channel that is closed to this reader: the last sequence that it has."""
        self._caught_up = Skipped()

    # --- membership ---

    def enter(self, channel: Channel[K]) -> None:
        """Join a channel from its next message on; the state until then is in its snapshot."""
        self.channels[channel.subscription] = channel
        if _is_closed(channel, self.backlog):
            self._seen[channel] = channel.sequence
        else:
            channel.admit(self.key, self.codec, channel.sequence)

    def part(self, channel: Channel[K]) -> None:
        """Leave a channel."""
        self._caught_up = self._caught_up.plus(self._skipped(channel, channel.sent))
        del self.channels[channel.subscription]
        if self._seen.pop(channel, None) is None:
            channel.shut(self.key, self.codec)

    def last_messages(
        self, channel: Channel[K], pending: Iterable[Streamed], latest: Mapping[str, MarketDataSymbol]
    ) -> list[Message]:
        """Return the messages that a peer needs before it leaves a channel, so that no event is missing.

        These are the events that are numbered and not sent (`pending`), those that wait for the channel's pace and, if
        the channel is closed to this reader, the GAP.
        """
        if channel in self._seen:
            return [*self._gap(channel, channel.sequence), *channel.waiting(latest)]
        last = self.last(channel)
        return [*(data for data in pending if (data.sequence or 0) > last), *channel.waiting(latest)]

    # --- slow readers ---

    def last(self, channel: Channel[K]) -> int:
        """Return the sequence of the last message of a channel that this reader has been sent."""
        seen = self._seen.get(channel)
        return channel.last(self.key) if seen is None else seen

    def set_backlog(
        self, backlog: Backlog, latest: Mapping[str, MarketDataSymbol], flagged: Mapping[str, str]
    ) -> list[Message]:
        """Note how far the reader is behind; returns the messages that bring it up to date once it has caught up.

        `flagged` are the symbols whose data is missing at present, and why: it may have skipped the GAP that said so.
        """
        self.backlog = backlog
        caught_up: list[Message] = []
        for channel in self.channels.values():
            closed = _is_closed(channel, backlog)
            if closed and channel not in self._seen:
                self._seen[channel] = channel.shut(self.key, self.codec)
            elif not closed and channel in self._seen:
                caught_up += self._catch_up(channel, latest, flagged)
        return caught_up

    def _catch_up(
        self, channel: Channel[K], latest: Mapping[str, MarketDataSymbol], flagged: Mapping[str, str]
    ) -> list[Message]:
        seen = self._seen[channel]
        messages: list[Message] = []
        if seen < channel.sent:
            # What is numbered and not sent yet is skipped as well: the snapshot has it already.
            self._caught_up = self._caught_up.plus(self._skipped(channel, channel.sequence))
            # The GAP of a slow consumer is of all symbols.
            gaps = self._gap(channel, channel.sequence) or channel.missing(flagged, seen + 1)
            messages = [*gaps, *channel.snapshot(latest)]
            seen = channel.sequence
        del self._seen[channel]
        channel.admit(self.key, self.codec, seen)
        return messages

    def _gap(self, channel: Channel[K], to: int) -> list[Message]:
        seen = self.last(channel)
        if channel.subscription.slow_consumer is SlowConsumer.CONFLATE or seen >= to:
            return []
        gap = Gap(
            timestamp=1.0,
            channel=channel.number,
            sequence=to,
            from_sequence=seen + 1,
            to_sequence=to,
            reason="slow consumer",
        )
        return [gap]

    @property
    def skipped(self) -> Skipped:
        """Everything that was skipped until now, including what has not been reported to the reader yet."""
        total = self._caught_up
        for channel in self._seen:
            total = total.plus(self._skipped(channel, channel.sent))
        return total

    def _skipped(self, channel: Channel[K], to: int) -> Skipped:
        missed = to - self._seen.get(channel, to)
        if missed <= 0:
            return Skipped()
        is_conflated = channel.subscription.slow_consumer is SlowConsumer.CONFLATE
        return Skipped(conflated=missed) if is_conflated else Skipped(gaps=1)


def _is_closed(channel: Channel[K], backlog: Backlog) -> bool:
    """Return whether a reader so far behind gets no messages: state is skipped early, events only at a full queue."""
    if channel.subscription.slow_consumer is SlowConsumer.CONFLATE:
        return backlog is not Backlog.NONE
    return backlog is Backlog.FULL
