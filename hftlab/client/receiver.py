"""Delivery of received messages to taps, history, inbox and callbacks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from hftlab.client.history import MessageHistory
from hftlab.client.inbox import Inbox
from hftlab.client.metrics import Metrics
from hftlab.client.order_watch import OrderWatch
from hftlab.client.reporter import Reporter
from hftlab.clock import from_milliseconds
from hftlab.errors import NetworkError
from hftlab.protocol import JSON, Codec, MarketData, Message, Pong
from hftlab.protocol.codec import json_of
from hftlab.protocol.subscribing.client_events import DUPLICATE, STREAMED, ClientEvent, Received
from hftlab.source import Tap, Timed
from hftlab.transport.clock_offset import ClockOffset

__all__ = ["Receiver"]


class Receiver:
    """Delivers messages to taps, history, inbox and callbacks, and measures their latencies; outlives connections."""

    def __init__(
        self,
        codec: Codec,
        inbox: Inbox,
        metrics: Metrics,
        reporter: Reporter,
        clock_offset: ClockOffset,
        watch: OrderWatch,
        *,
        measures: bool,
    ) -> None:
        self.taps: list[Tap] = []
        self.history = MessageHistory()
        self.last_message: Message | None = None
        self._is_json = codec is JSON
        self._inbox, self._metrics, self._reporter, self._clock_offset = inbox, metrics, reporter, clock_offset
        self._watch, self._measures = watch, measures

    def tap(self, events: Iterable[ClientEvent], payload: bytes, received_at: int) -> None:
        """Show the taps a message that came as `payload`, before anything is done about it or what it shows is lost."""
        if not self.taps:
            return
        for event in events:
            if isinstance(event, Received):
                text = payload if self._is_json else json_of(payload, event.message)
                item = Timed(received_at, event.message, event.account, text)
                for tap in tuple(self.taps):  # a tap may remove itself
                    try:
                        tap(item)
                    except (Exception, asyncio.CancelledError) as exc:
                        self._reporter.blame("tap", tap, exc)

    def deliver(self, received: Received, length: int, received_at: int) -> NetworkError | None:
        """Hand on a message that came in `length` bytes, at `received_at` (wall time in ns).

        Returns the error at which the client has to end if the inbox is full and its policy is to disconnect.
        """
        message, kind = received.message, received.kind
        if kind is DUPLICATE:
            self._metrics.duplicates += 1
            return None
        if isinstance(message, MarketData):
            if self._measures and not message.snapshot:
                self._measure(message, received_at)
        elif isinstance(message, Pong):
            self._metrics.clock_offset = self._clock_offset.correction
        else:
            self._watch.receive(message)  # before the callbacks, which find an order as the message says
        self.last_message = message
        self.history.add(message)
        overflow = None
        if kind is STREAMED and not self._inbox.put(message, received_at, length):
            overflow = self._overflow()
        self._reporter.message(message)
        return overflow

    def _measure(self, message: MarketData, received_at: int) -> None:
        metrics = self._metrics
        sent_at = from_milliseconds(message.timestamp)
        metrics.latency["network"].record(received_at - sent_at + metrics.clock_offset)
        if message.ts_recv is None and message.symbols:
            newest = max([symbol.timestamp for symbol in message.symbols])
            metrics.latency["feed"].record(sent_at - from_milliseconds(newest))

    def _overflow(self) -> NetworkError | None:
        if self._inbox.policy != "disconnect":
            return None
        return NetworkError(
            f"the inbox is full ({len(self._inbox):,} messages, {self._inbox.bytes:,} bytes): take them "
            "faster, raise inbox_size and inbox_bytes, or choose another drop_policy"
        )
