"""What happens to each message that comes in."""

from __future__ import annotations

import asyncio

from hftlab.client.history import MessageHistory
from hftlab.client.inbox import Inbox
from hftlab.client.link import REPLIES, Link, wire_error
from hftlab.client.metrics import Metrics
from hftlab.client.reporter import Reporter
from hftlab.clock import from_milliseconds
from hftlab.errors import ConnectionFailed, MessageParseError, NetworkError, WireError
from hftlab.protocol import (
    JSON,
    Ack,
    AuthFailed,
    AuthSuccess,
    BookDelta,
    Codec,
    Error,
    Limits,
    MarketData,
    Message,
    Pong,
)
from hftlab.protocol.subscribing.private_stream import PRIVATE_CHANNEL, PRIVATE_MESSAGES, PrivateStream
from hftlab.protocol.subscribing.subscriber import Loss, Subscriber
from hftlab.source import Tap, Timed
from hftlab.transport.clock_offset import ClockOffset, Sample
from hftlab.transport.health import Health
from hftlab.transport.recovery import Action

__all__ = ["Receiver"]


class Receiver:
    """Outlives the connection; `connected()` gives it the next one. The path of each message is `receive()`."""

    def __init__(
        self,
        codec: Codec,
        subscriber: Subscriber,
        inbox: Inbox,
        metrics: Metrics,
        reporter: Reporter,
        health: Health,
        *,
        measures: bool,
    ) -> None:
        self.taps: list[Tap] = []
        self.history = MessageHistory()
        self.private = PrivateStream()
        self.last_message: Message | None = None
        self.limits: Limits | None = None
        self.version: str | None = None
        """The protocol version of the server's welcome."""
        self.refusal: str | None = None
        """What AUTH_FAILED of this connection has said."""
        self.account: str | None = None
        """The account that the connection is signed in as."""
        self.greeted = asyncio.Event()
        """Set with the first message of a connection."""
        self.lost = asyncio.Event()
        """Set when messages are missing."""
        self.rejected = asyncio.Event()
        """Set when the server says that the authentication is no longer good."""
        self._codec, self._subscriber, self._inbox = codec, subscriber, inbox
        self._metrics, self._reporter, self._health = metrics, reporter, health
        self._measures = measures
        self._offset = ClockOffset()
        self._link: Link | None = None

    def connected(self, link: Link) -> None:
        self._link = link
        self.limits = self.version = self.refusal = self.account = None
        for event in (self.greeted, self.lost, self.rejected):
            event.clear()

    def receive(self, data: bytes, received_at: int, now: float) -> None:
        """Take in one payload; `received_at` is wall time in ns, `now` steady time in seconds."""
        metrics = self._metrics
        metrics.messages_received += 1
        metrics.bytes_received += len(data)
        self._health.hear(now)
        try:
            message = self._codec.decode(data)
        except MessageParseError as exc:
            self._reporter.fail(exc)
            return
        if self.taps:
            account = self.account if isinstance(message, PRIVATE_MESSAGES) else None
            self._tap(Timed(received_at, message, account, data if self._codec is JSON else None))
        if isinstance(message, MarketData):
            for loss in self._subscriber.receive(message):
                self._lose(loss)
            if self._measures and not message.snapshot:
                self._measure(message, received_at)
            self._keep(message, received_at, len(data))
        elif isinstance(message, REPLIES):
            self._reply(message, received_at, len(data))
        elif message.channel == PRIVATE_CHANNEL and not isinstance(message, BookDelta):
            self._private(message, received_at, len(data))
        else:
            for loss in self._subscriber.receive(message):
                self._lose(loss)
            self._keep(message, received_at, len(data))

    def _tap(self, item: Timed[Message]) -> None:
        for tap in tuple(self.taps):  # one may take itself off
            try:
                tap(item)
            except (Exception, asyncio.CancelledError) as exc:
                self._reporter.blame("tap", tap, exc)

    def _keep(self, message: Message, received_at: int, length: int) -> None:
        """Hand a message over to whoever wants it."""
        self.last_message = message
        self.history.add(message)
        self.greeted.set()
        self._put(message, received_at, length)
        self._reporter.message(message)

    def _private(self, message: Message, received_at: int, length: int) -> None:
        is_new, losses = self.private.receive(message)
        for loss in losses:
            self._reporter.lose(loss)
        if is_new:
            self._keep(message, received_at, length)
        else:
            self._metrics.duplicates += 1

    def _reply(self, message: Message, received_at: int, length: int) -> None:
        self.last_message = message
        self.history.add(message)
        if isinstance(message, Ack):
            self._acknowledged(message)
        elif isinstance(message, Pong):
            self._synchronise(message, received_at)
        elif isinstance(message, AuthFailed):
            self.refusal = message.message
        elif isinstance(message, AuthSuccess):
            self.account = message.subject
            self._subscriber.receive(message)
        self.greeted.set()
        is_answer = self._link is not None and self._link.answer(message)
        if isinstance(message, Error) and not is_answer:
            self._complaint(wire_error(message))
        elif not is_answer and not isinstance(message, Ack):
            self._put(message, received_at, length)
        self._reporter.message(message)

    def _complaint(self, error: WireError) -> None:
        """An error that answers no request."""
        if isinstance(error, ConnectionFailed) and not error.recoverable and self._link is not None:
            self._link.fail(error)  # the server does not want this client back; it is told at the connection's end
        elif self._reporter.fail(error).action is Action.REFRESH_AUTH:
            self.rejected.set()

    def _acknowledged(self, message: Ack) -> None:
        for loss in self._subscriber.receive(message):
            self._lose(loss)
        for loss in self.private.advance((message.sequences or {}).get(PRIVATE_CHANNEL)):
            self._reporter.lose(loss)
        if message.session is not None:
            self.limits, self.version = message.limits, message.version
            self.private.welcome(message.session)

    def _synchronise(self, pong: Pong, received_at: int) -> None:
        if pong.ping_timestamp is None or pong.received_at is None:
            return
        sent, there, back = map(from_milliseconds, (pong.ping_timestamp, pong.received_at, pong.timestamp))
        self._offset.add(Sample.of(sent, there, back, received_at))
        self._metrics.clock_offset = self._offset.correction

    def _measure(self, message: MarketData, received_at: int) -> None:
        metrics = self._metrics
        sent_at = from_milliseconds(message.timestamp)
        metrics.latency["network"].record(received_at - sent_at + metrics.clock_offset)
        if message.ts_recv is None and message.symbols:
            newest = max([symbol.timestamp for symbol in message.symbols])
            metrics.latency["feed"].record(sent_at - from_milliseconds(newest))

    def _lose(self, loss: Loss) -> None:
        self.lost.set()
        self._reporter.lose(loss)

    def _put(self, message: Message, received_at: int, length: int) -> None:
        if self._inbox.put(message, received_at, length):
            return
        if self._inbox.policy == "disconnect" and self._link is not None:
            self._link.fail(
                NetworkError(
                    f"the inbox is full ({len(self._inbox):,} messages, {self._inbox.bytes:,} bytes): take them "
                    "faster, raise inbox_size and inbox_bytes, or choose another drop_policy"
                )
            )
