"""One stream of messages with its own sequence, shared by every connection with the same subscription."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import Final, Generic, TypeAlias, TypeVar

from hftlab.protocol.codec import Codec
from hftlab.protocol.encoded_market_data import EncodedMarketData, RawMarketData
from hftlab.protocol.messages import Arbitrage, BookDelta, ChannelInfo, Gap, MarketData, MarketDataSymbol
from hftlab.protocol.subscriptions import Subscription

K = TypeVar("K", bound=Hashable)

__all__ = ["UNSENT", "Channel", "Numbered", "Streamed"]

Streamed: TypeAlias = MarketData | BookDelta | Arbitrage | Gap
"""The messages that public channels send."""
Numbered: TypeAlias = Streamed | RawMarketData
"""The same as they wait to be sent: symbols may be encoded already."""

_NANOSECONDS_PER_MS: Final = 1_000_000
UNSENT: Final = 1.0
"""The timestamp of a message that has not been sent: the publisher stamps it."""


class Channel(ABC, Generic[K]):
    """Collects changes of its symbols and turns them into messages at its own pace, in source time.

    At frequency 0 each change becomes a message at once. Otherwise the first change goes out at once, and the next
    message `frequency` later at the earliest. `sequence` is that of the last message that was numbered, `sent` that of
    the last one that was handed to the readers. `size` counts all peers, also those to whom the channel is closed.
    """

    def __init__(self, number: int, subscription: Subscription) -> None:
        self.number, self.subscription = number, subscription
        self.sequence = self.sent = 0
        self.size = 0
        self._open: dict[Codec, dict[K, None]] = {}
        self._ahead: dict[K, int] = {}
        """By reader, for those that a snapshot has taken beyond `sent`: the sequence that they have."""
        self.due: int | None = None
        self._symbols = frozenset(subscription.symbols)
        self._period = subscription.frequency * _NANOSECONDS_PER_MS
        self._last: int | None = None

    def info(self) -> ChannelInfo:
        """Describe the channel for an ACK."""
        symbols, data_types, frequency, slow_consumer = self.subscription
        return ChannelInfo(
            channel=self.number,
            symbols=list(symbols),
            data_types=list(data_types),
            frequency=frequency,
            slow_consumer=slow_consumer,
            sequence=self.sequence,
        )

    def shares_events_with(self, other: Channel[K]) -> bool:
        """Return whether some event comes in both channels."""
        shared = set(self.subscription.data_types).intersection(other.subscription.data_types)
        return any(kind.is_event for kind in shared) and not self._symbols.isdisjoint(other._symbols)

    # --- readers ---

    def admit(self, key: K, codec: Codec, after: int) -> None:
        """Send a reader every message from now on whose sequence is above `after`."""
        self._open.setdefault(codec, {})[key] = None
        if after > self.sent:
            self._ahead[key] = after

    def shut(self, key: K, codec: Codec) -> int:
        """Send a reader no more; returns the last sequence that it has."""
        last = self.last(key)
        self._open[codec].pop(key, None)
        self._ahead.pop(key, None)
        return last

    def last(self, key: K) -> int:
        """Return the last sequence that a reader has."""
        return max(self.sent, self._ahead.get(key, 0))

    def send(self, sequence: int) -> list[tuple[Codec, tuple[K, ...]]]:
        """Take note that this message goes out; returns its readers by encoding, as they are now."""
        self.sent = sequence
        if not self._ahead:
            return [(codec, tuple(keys)) for codec, keys in self._open.items() if keys]
        ahead = self._ahead = {key: last for key, last in self._ahead.items() if last >= sequence}
        readers = {codec: tuple(key for key in keys if key not in ahead) for codec, keys in self._open.items()}
        return [(codec, keys) for codec, keys in readers.items() if keys]

    # --- messages ---

    @abstractmethod
    def change(self, message: MarketData | Arbitrage, at: int) -> list[Streamed]:
        """Take in a source message; at frequency 0 return what is to be sent for it, else nothing and set `due`."""

    def change_encoded(self, message: EncodedMarketData, at: int) -> Sequence[Numbered]:
        """Take in a source message whose symbols are encoded, as change() does."""
        return self.change(message.decoded(), at)

    @property
    def prefers_encoded(self) -> bool:
        """True if change_encoded() takes most messages as they are."""
        return False

    @abstractmethod
    def snapshot(self, latest: Mapping[str, MarketDataSymbol]) -> list[Streamed]:
        """Return the state as of the last message, for a new reader or one that has skipped messages; may be empty."""

    def waiting(self, latest: Mapping[str, MarketDataSymbol]) -> list[Streamed]:  # noqa: ARG002 - state is in snapshots
        """Return the events of the next paced message, for a reader that leaves; they go on waiting."""
        return []

    @abstractmethod
    def _gather(self, latest: Mapping[str, MarketDataSymbol]) -> list[Streamed]: ...

    def collect(self, latest: Mapping[str, MarketDataSymbol], at: int, *, early: bool = False) -> list[Streamed]:
        """Return the messages that are due by `at`, or with `early` those of all that has changed."""
        if self.due is None or (self.due > at and not early):
            return []
        self.due, self._last = None, at
        return self._gather(latest)

    def restart(self, latest: Mapping[str, MarketDataSymbol], at: int) -> list[Streamed]:
        """Begin anew at `at`, with a snapshot that has a sequence of its own: a reader notices if it skips it."""
        self.due, self._last = None, at
        self._forget()
        self.sequence += 1
        snapshot = self.snapshot(latest)
        if not snapshot:
            self.sequence, self._last = self.sequence - 1, None
        return snapshot

    def lose(
        self, symbols: Collection[str] | None, reason: str, latest: Mapping[str, MarketDataSymbol], at: int
    ) -> list[Streamed]:
        """Declare that messages of some symbols, or of all (None), are missing in the source from `at` on.

        What waits for the channel's pace goes out before. The next message stands by itself.
        """
        lost = self._symbols if symbols is None else self._symbols.intersection(symbols)
        if not lost:
            return []
        before = self.collect(latest, at, early=True)
        self._forget()
        sequence = self._next()
        gap = Gap(
            timestamp=UNSENT,
            channel=self.number,
            sequence=sequence,
            from_sequence=sequence,
            to_sequence=sequence,
            reason=reason,
            symbols=None if lost == self._symbols else sorted(lost),
        )
        return [*before, gap]

    def missing(self, flagged: Mapping[str, str], first: int) -> list[Gap]:
        """Return the GAP that tells one reader of the channel's symbols whose data is missing at present, if any.

        `flagged` has the reasons by symbol; the reader has what comes before the sequence `first`. Its state, which
        has the same sequence, follows.
        """
        symbols = sorted(self._symbols & flagged.keys())
        if not symbols:
            return []
        gap = Gap(
            timestamp=UNSENT,
            channel=self.number,
            sequence=self.sequence,
            from_sequence=min(first, self.sequence),
            to_sequence=self.sequence,
            reason="; ".join(dict.fromkeys(flagged[symbol] for symbol in symbols)),
            symbols=None if len(symbols) == len(self._symbols) else symbols,
        )
        return [gap]

    @abstractmethod
    def _forget(self) -> None:
        """Drop what is collected and not sent, and the state that the next message would be a difference from."""

    def _schedule(self, at: int) -> None:
        if self.due is None:
            self.due = at if self._last is None else max(at, self._last + self._period)

    def _next(self) -> int:
        self.sequence += 1
        return self.sequence
