"""A ClientProtocol with a server that says what a test wants, and a clock that goes when the test says so."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from hftlab.protocol import JSON
from hftlab.protocol.subscribing.client_events import ClientEvent
from hftlab.protocol.subscribing.client_protocol import ClientProtocol
from hftlab.protocol.subscribing.subscriber import Subscriber
from hftlab.transport.clock_offset import ClockOffset
from hftlab.transport.recovery import ErrorRecovery

T = TypeVar("T")
WELCOME: dict[str, Any] = {"type": "ACK", "message": "welcome", "session": "s1", "version": "1.0"}
FAR = "ws://example.org:8081"
"""A server on another machine, whose clock is compared."""
NEAR = "ws://127.0.0.1:8081"


class Driver:
    """Does what the owner of a ClientProtocol does, and keeps all `events` and the requests `sent`."""

    def __init__(self, url: str = NEAR, subscriber: Subscriber | None = None, **options: Any) -> None:
        self.now = 1000.0
        self.subscriber = Subscriber() if subscriber is None else subscriber
        self.recovery, self.clock_offset = ErrorRecovery(), ClockOffset()
        self.protocol = ClientProtocol(
            url, JSON, self.subscriber, self.recovery, self.clock_offset, now=self.now, **options
        )
        self.events: list[ClientEvent] = []
        self.sent: list[dict[str, Any]] = []

    def hear(self, **message: Any) -> None:
        """Receive a message of the server."""
        data = json.dumps({"timestamp": 5000.0} | message).encode()
        self.take(self.protocol.receive(data, 5_000_000_000, self.now))

    def take(self, events: list[ClientEvent]) -> None:
        """Keep events, and send what there is to send."""
        self.events += events
        self.flush()

    def flush(self) -> None:
        self.sent += [json.loads(payload) for payload in self.protocol.data_to_send(7_000_000_000)]

    def wait(self, seconds: float) -> None:
        """Let time pass, from deadline to deadline."""
        end = self.now + seconds
        while (deadline := self.protocol.next_deadline()) is not None and deadline <= end:
            self.now = max(self.now, deadline)
            self.take(self.protocol.pass_deadlines(self.now))
        self.now = end

    def answer(self, **reply: Any) -> None:
        """Answer the newest request."""
        self.hear(id=self.sent[-1]["id"], **reply)

    def request(self, request: Any) -> str:
        number = self.protocol.request(request, self.now)
        self.flush()
        return number

    def connect(self, token: str | None = None, **success: Any) -> None:
        """Go on to ready, where there is nothing to restore."""
        self.hear(**WELCOME)
        self.take(self.protocol.authenticate(token, self.now))
        if token is not None:
            self.answer(type="AUTH_SUCCESS", **success)

    def types(self) -> list[str]:
        return [request["type"] for request in self.sent]

    def all(self, kind: type[T]) -> list[T]:
        """The events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]
