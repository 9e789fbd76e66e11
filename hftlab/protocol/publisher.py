"""The server's half of the protocol without I/O: requests and source messages in, payloads and their readers out."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Sequence
from enum import IntEnum
from typing import Final, Generic, NamedTuple, TypeVar

import msgspec

from hftlab.clock import to_milliseconds
from hftlab.errors import MessageParseError, ServerError, SubscriptionFailed, WireError
from hftlab.protocol.channel import Channel, Streamed, make_channel
from hftlab.protocol.codec import Codec
from hftlab.protocol.enums import ErrorType, SlowConsumer
from hftlab.protocol.messages import (
    Ack,
    Arbitrage,
    Error,
    Gap,
    Heartbeat,
    Limits,
    MarketData,
    Message,
    Ping,
    Pong,
    Request,
    Subscribe,
    Unsubscribe,
)
from hftlab.protocol.private_log import PRIVATE_CHANNEL, PrivateLog
from hftlab.protocol.state import State
from hftlab.protocol.subscriptions import Subscription, SubscriptionSet

K = TypeVar("K", bound=Hashable)

__all__ = ["PROTOCOL_VERSION", "Backlog", "Delivery", "Publisher"]

PROTOCOL_VERSION: Final = "1.0"


class Backlog(IntEnum):
    """How far a reader is behind: CONGESTED skips state, FULL skips events as well and declares the gap."""

    NONE = 0
    CONGESTED = 1
    FULL = 2


class Delivery(NamedTuple, Generic[K]):
    """One payload, encoded once, for all its readers."""

    payload: bytes
    codec: Codec
    readers: Collection[K]


class _Member(Generic[K]):
    """What the publisher knows of one connection; `seen` has the last sequence of each channel closed to it."""

    def __init__(self, codec: Codec) -> None:
        self.codec = codec
        self.wanted = SubscriptionSet()
        self.channels: dict[Subscription, Channel[K]] = {}
        self.backlog = Backlog.NONE
        self.seen: dict[Channel[K], int] = {}
        self.subject: str | None = None


class Publisher(Generic[K]):
    """Channels, sequences and slow readers.

    Connections are known by any hashable key. `at` is source time, on which channels keep their pace whatever the
    speed; `sent_at` is the wall time stamped on messages (ts_out). Both are int64 nanoseconds.
    """

    def __init__(self, *, session: str, limits: Limits, symbols: Sequence[str] | None = None) -> None:
        self.session, self.limits, self.symbols = session, limits, symbols
        self.conflated = self.gaps = self.published = 0
        self.private = PrivateLog(session)
        self._members: dict[K, _Member[K]] = {}
        self._channels: dict[Subscription, Channel[K]] = {}
        self._state = State()
        self.latest = self._state.latest
        self._by_symbol: dict[str, dict[Channel[K], None]] = {}
        self._due: dict[Channel[K], None] = {}
        self._outbox: list[tuple[Channel[K], Streamed]] = []
        self._private: list[Message] = []
        self._numbers = PRIVATE_CHANNEL

    # --- connections ---

    def join(self, key: K, codec: Codec, sent_at: int) -> bytes:
        """Add a connection and return its welcome."""
        self._members[key] = _Member(codec)
        welcome = Ack(
            timestamp=to_milliseconds(sent_at),
            message="Connected to HFT WebSocket Server",
            session=self.session,
            version=PROTOCOL_VERSION,
            connection_id=str(key),
            limits=self.limits,
            symbols=None if self.symbols is None else list(self.symbols),
        )
        return codec.encode(welcome)  # type: ignore[no-any-return]

    def leave(self, key: K) -> None:
        member = self._members.pop(key, None)
        if member is not None:
            for channel in list(member.channels.values()):
                self._part(key, member, channel)

    @property
    def channels(self) -> list[Channel[K]]:
        return list(self._channels.values())

    def is_subscribed(self, key: K) -> bool:
        member = self._members.get(key)
        return member is not None and bool(member.channels)

    def set_backlog(self, key: K, backlog: Backlog, sent_at: int) -> list[bytes]:
        """Say how far a reader is behind; returns what brings it up to date once it has caught up."""
        member = self._members.get(key)
        if member is None or member.backlog is backlog:
            return []
        member.backlog = backlog
        caught_up: list[bytes] = []
        for channel in member.channels.values():
            closed = _is_closed(channel, backlog)
            if closed and channel not in member.seen:
                # What is numbered and waits for poll() will not reach this reader any more.
                member.seen[channel] = channel.sequence - sum(one is channel for one, _ in self._outbox)
                channel.open[member.codec].pop(key, None)
            elif not closed and channel in member.seen:
                channel.open[member.codec][key] = None
                caught_up += self._catch_up(member, channel, member.seen.pop(channel), sent_at)
        return caught_up

    def _catch_up(self, member: _Member[K], channel: Channel[K], seen: int, sent_at: int) -> list[bytes]:
        if seen == channel.sequence:
            return []
        messages: list[Message] = []
        if channel.subscription.slow_consumer is SlowConsumer.CONFLATE:
            self.conflated += channel.sequence - seen
        else:
            self.gaps += 1
            gap = Gap(
                timestamp=1.0,
                channel=channel.number,
                sequence=channel.sequence,
                from_sequence=seen + 1,
                to_sequence=channel.sequence,
                reason="slow consumer",
            )
            messages.append(gap)
        messages += channel.snapshot(self.latest)
        return [_stamped(message, member.codec, sent_at) for message in messages]

    def is_unforgiving(self, key: K) -> bool:
        """Whether a subscription asks for the connection to end when its reader is too slow."""
        member = self._members.get(key)
        return member is not None and any(
            subscription.slow_consumer is SlowConsumer.DISCONNECT for subscription in member.channels
        )

    # --- private messages ---

    def authenticate(
        self, key: K, subject: str, sent_at: int, session: str | None = None, resume_from: int | None = None
    ) -> list[bytes]:
        """Let a connection have the private messages from now on.

        With `resume_from`, the last private sequence that the client has of `session`, returns those that it has
        missed, after a GAP for what the log no longer holds.
        """
        member = self._members[key]
        member.subject = subject
        if resume_from is None:
            return []
        return [_stamped(message, member.codec, sent_at) for message in self.private.since(session, resume_from)]

    def deauthenticate(self, key: K) -> None:
        if key in self._members:
            self._members[key].subject = None

    # --- requests ---

    def receive(self, key: K, data: bytes, sent_at: int) -> list[bytes]:
        """Answer one frame of a connection: its replies, each with the request's id."""
        try:
            request = self._members[key].codec.decode_request(data)
        except MessageParseError as exc:
            return [self.misunderstood(key, exc, data, sent_at)]
        return self.answer(key, request, sent_at)

    def misunderstood(self, key: K, error: MessageParseError, data: bytes, sent_at: int) -> bytes:
        """The reply to a frame that did not decode."""
        return self.refusal(key, error, _request_id(data, self._members[key].codec), sent_at)

    def answer(self, key: K, request: Request, sent_at: int) -> list[bytes]:
        """What receive() returns, for a request that is decoded already."""
        member = self._members[key]
        try:
            replies = self._answer(key, member, request, sent_at)
        except WireError as exc:
            return [self.refusal(key, exc, request.id, sent_at)]
        return [_stamped(reply, member.codec, sent_at) for reply in replies]

    def refusal(self, key: K, error: WireError, request_id: str | None, sent_at: int) -> bytes:
        reply = Error(
            timestamp=1.0,
            id=request_id,
            error_type=ErrorType(error.wire_type),
            message=str(error),
            recoverable=error.recoverable,
            context=error.context,
            retry_after=error.retry_after,
        )
        return _stamped(reply, self._members[key].codec, sent_at)

    def _answer(self, key: K, member: _Member[K], request: Request, sent_at: int) -> list[Message]:
        match request:
            case Subscribe():
                return self._subscribe(key, member, request)
            case Unsubscribe():
                member.wanted.remove(request.symbols, request.data_types)
                self._replan(key, member)
                return [self._ack(request, f"Unsubscribed from {len(request.symbols)} symbols", member)]
            case Heartbeat():
                sequences = {channel.number: channel.sequence for channel in member.channels.values()}
                return [Ack(timestamp=1.0, id=request.id, message="Heartbeat", sequences=sequences)]
            case Ping():
                received_at = to_milliseconds(sent_at)
                return [Pong(timestamp=1.0, id=request.id, ping_timestamp=request.timestamp, received_at=received_at)]
            case _:
                raise ServerError(f"this server does not take {request.type} messages", context={"type": request.type})

    def _subscribe(self, key: K, member: _Member[K], request: Subscribe) -> list[Message]:
        self._check(request)
        member.wanted.add(request.symbols, request.data_types, request.frequency, request.slow_consumer)
        self._replan(key, member)
        ack = self._ack(request, f"Subscribed to {len(request.symbols)} symbols", member)
        # Asking again is how a client resynchronises, so channels it was in already send a snapshot as well.
        asked = set(request.symbols)
        channels = [one for one in member.channels.values() if not asked.isdisjoint(one.subscription.symbols)]
        return [ack, *(snapshot for channel in channels for snapshot in channel.snapshot(self.latest))]

    def _check(self, request: Subscribe) -> None:
        if len(request.symbols) > self.limits.max_symbols:
            raise SubscriptionFailed(
                f"field `symbols` has {len(request.symbols)} entries, at most {self.limits.max_symbols} are allowed",
                context={"field": "symbols", "limit": self.limits.max_symbols},
            )
        if self.symbols is None:
            return
        unknown = [symbol for symbol in request.symbols if symbol not in self.symbols]
        if unknown:
            some = ", ".join(self.symbols[:20]) + (", ..." if len(self.symbols) > 20 else "")
            raise SubscriptionFailed(
                f"field `symbols` names {', '.join(unknown)}, which this server does not have; it has {some}",
                context={"field": "symbols", "unknown": unknown},
            )

    def _ack(self, request: Request, message: str, member: _Member[K]) -> Ack:
        infos = [channel.info() for channel in member.channels.values()]
        return Ack(timestamp=1.0, id=request.id, message=message, channels=infos)

    def _replan(self, key: K, member: _Member[K]) -> None:
        """Bring the connection's channels in line with what it wants."""
        plan = member.wanted.plan()
        for subscription in member.channels.keys() - plan:
            self._part(key, member, member.channels[subscription])
        # Sorted, so that channel numbers do not depend on the order of a set.
        for subscription in sorted(plan - member.channels.keys()):
            self._enter(key, member, subscription)

    def _enter(self, key: K, member: _Member[K], subscription: Subscription) -> None:
        channel = self._channels.get(subscription)
        if channel is None:
            self._numbers += 1
            channel = self._channels[subscription] = make_channel(self._numbers, subscription)
            for symbol in subscription.symbols:
                self._by_symbol.setdefault(symbol, {})[channel] = None
        member.channels[subscription] = channel
        channel.size += 1
        readers = channel.open.setdefault(member.codec, {})
        if _is_closed(channel, member.backlog):
            member.seen[channel] = channel.sequence
        else:
            readers[key] = None

    def _part(self, key: K, member: _Member[K], channel: Channel[K]) -> None:
        del member.channels[channel.subscription]
        member.seen.pop(channel, None)
        channel.open[member.codec].pop(key, None)
        channel.size -= 1
        if channel.size:
            return
        del self._channels[channel.subscription]
        self._due.pop(channel, None)
        for symbol in channel.subscription.symbols:
            del self._by_symbol[symbol][channel]
            if not self._by_symbol[symbol]:
                del self._by_symbol[symbol]

    # --- the stream ---

    def publish(self, message: Message, at: int) -> None:
        """Take in one message of the source, due at `at`; poll() tells what has to be sent for it."""
        self.published += 1
        message = self._state.take_in(message)
        touched: dict[Channel[K], None] = {}
        if isinstance(message, Arbitrage):
            touched = self._by_symbol.get(message.symbol, {})
        elif isinstance(message, MarketData):
            for symbol in message.symbols:
                touched.update(self._by_symbol.get(symbol.symbol, {}))
        else:
            self._private.append(message)
            return
        for channel in touched:
            self._outbox += [(channel, prompt) for prompt in channel.change(message, at)]
            if channel.due is not None:
                self._due[channel] = None

    def restart(self, state: Iterable[Message], at: int, sent_at: int) -> list[Delivery[K]]:
        """Go on from another position of the source: forget all state, take in `state` instead.

        Returns a snapshot for each channel that has anything to tell. What waits for poll() is to be sent before.
        """
        self._state.clear()
        for message in state:
            self._state.take_in(message)
        self._due.clear()
        for channel in self._channels.values():
            self._outbox += [(channel, snapshot) for snapshot in channel.restart(self.latest, at)]
        return self.poll(at, sent_at)

    def next_time(self) -> int | None:
        """When poll() has something to send, in source time; None if nothing is waiting."""
        if self._outbox or self._private:
            return 0
        return min((channel.due for channel in self._due if channel.due is not None), default=None)

    def poll(self, at: int, sent_at: int, *, early: bool = False) -> list[Delivery[K]]:
        """Everything that is due by `at`; with `early` what waits for its channel's pace as well."""
        prompt, self._outbox = self._outbox, []
        for channel in list(self._due):
            prompt += [(channel, collected) for collected in channel.collect(self.latest, at, early=early)]
            if channel.due is None:
                del self._due[channel]
        deliveries: list[Delivery[K]] = []
        private, self._private = self._private, []
        for message in private:
            numbered = self.private.add(message)
            deliveries += self._deliver(numbered, sent_at, private=True)
        for channel, data in prompt:
            data.timestamp = to_milliseconds(sent_at)
            deliveries += [
                Delivery(codec.encode(data), codec, readers) for codec, readers in channel.open.items() if readers
            ]
        return deliveries

    def notify(self, message: Message, sent_at: int) -> list[Delivery[K]]:
        """A message to every connection, such as REPLAY_STATUS or SERVER_SHUTDOWN."""
        return self._deliver(message, sent_at, private=False)

    def _deliver(self, message: Message, sent_at: int, *, private: bool) -> list[Delivery[K]]:
        readers: dict[Codec, list[K]] = {}
        for key, member in self._members.items():
            if member.subject is not None or not private:
                readers.setdefault(member.codec, []).append(key)
        return [Delivery(_stamped(message, codec, sent_at), codec, keys) for codec, keys in readers.items()]


def _is_closed(channel: Channel[K], backlog: Backlog) -> bool:
    """State is skipped early, to spare a slow reader; events only where there is no room left."""
    if channel.subscription.slow_consumer is SlowConsumer.CONFLATE:
        return backlog is not Backlog.NONE
    return backlog is Backlog.FULL


class _Envelope(msgspec.Struct):
    id: str | None = None


def _request_id(data: bytes, codec: Codec) -> str | None:
    """The id of a request that did not decode, so that its sender can still tell which one it was."""
    module = msgspec.msgpack if codec.binary else msgspec.json
    try:
        envelope: _Envelope = module.decode(data, type=_Envelope)
        return envelope.id
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None


def _stamped(message: Message, codec: Codec, sent_at: int) -> bytes:
    message.timestamp = to_milliseconds(sent_at)
    return codec.encode(message)  # type: ignore[no-any-return]
