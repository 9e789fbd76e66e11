"""Requests of a client's callers, sent through the open connection."""

from __future__ import annotations

import time
from typing import Final

from hftlab.client.link import Link
from hftlab.client.reporter import Reporter
from hftlab.client.supervisor import Supervisor
from hftlab.errors import NetworkError, RateLimitExceeded
from hftlab.protocol import Ack, CancelOrder, Heartbeat, Message, Ping, ReplayControl, Subscribe, Unsubscribe
from hftlab.protocol.subscribing.subscriber import Subscriber

__all__ = ["Commands"]

_URGENT: Final = (Heartbeat, CancelOrder)
"""Messages that are sent even while the server wants a pause: without heartbeats the connection would end, and a
cancellation only reduces risk."""


class Commands:
    """Commands to the server. They raise the error that it answers with, and NetworkError without an answer."""

    def __init__(self, url: str, supervisor: Supervisor, subscriber: Subscriber, reporter: Reporter) -> None:
        self._url, self._supervisor, self._subscriber, self._reporter = url, supervisor, subscriber, reporter

    async def subscribe(self, request: Subscribe) -> Ack:
        """Subscribe; the subscription is restored by later connections unless the server refuses it."""
        with self._subscriber.requesting(request):
            return await self._acknowledged(self._connected(), request)

    async def unsubscribe(self, request: Unsubscribe) -> Ack | None:
        """End subscriptions; None if there is no connection, or it ends meanwhile: they are not restored then."""
        with self._subscriber.requesting(request):
            link = self._supervisor.link
            if link is None:
                return None
            try:
                return await self._acknowledged(link, request)
            except NetworkError:
                if link.protocol.end is None:
                    raise
                return None

    async def send(self, message: Message) -> None:
        """Send a message at once. Raises RateLimitExceeded while the server wants a pause, unless it is urgent."""
        link = self._connected()
        seconds = self._reporter.held_for()
        if seconds and not isinstance(message, _URGENT):
            raise RateLimitExceeded(
                f"{self._url} has asked for a pause: send this again in {seconds:.1f} s", retry_after=seconds
            )
        await link.send(message)

    async def ping(self) -> float:
        """Measure the round trip of one PING, in seconds."""
        link = self._connected()
        await link.wait_ready()
        start = time.perf_counter()  # the loop's own time may be in whole milliseconds
        await link.request(Ping(timestamp=1.0))
        return time.perf_counter() - start

    async def control(self, request: ReplayControl) -> None:
        """Control the server's recorded source; returns when it has been done."""
        await self._connected().request(request)

    async def _acknowledged(self, link: Link, request: Subscribe | Unsubscribe) -> Ack:
        reply = await link.request(request)
        assert isinstance(reply, Ack)
        return reply

    def _connected(self) -> Link:
        self._supervisor.check_process()
        if self._supervisor.link is None:
            status = self._reporter.status
            raise NetworkError(f"not connected to {self._url}, it is {status}: `await client.wait_connected()` first")
        return self._supervisor.link
