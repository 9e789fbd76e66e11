"""What is asked of the server, through the connection that there is."""

from __future__ import annotations

import time
from typing import Final

from hftlab.client.link import Link
from hftlab.client.reporter import Reporter
from hftlab.client.supervisor import Supervisor
from hftlab.errors import NetworkError, RateLimitExceeded
from hftlab.protocol import Ack, CancelOrder, Heartbeat, Message, Ping, ReplayControl, Subscribe, Unsubscribe
from hftlab.protocol.subscribing.subscriber import Subscriber

__all__ = ["Requests"]

_URGENT: Final = (Heartbeat, CancelOrder)
"""What may not be kept back: without the one the connection ends, and the other only makes risks smaller."""


class Requests:
    """Raises what the server answers with, and NetworkError without a connection or an answer."""

    def __init__(self, url: str, supervisor: Supervisor, subscriber: Subscriber, reporter: Reporter) -> None:
        self._url, self._supervisor, self._subscriber, self._reporter = url, supervisor, subscriber, reporter

    async def subscribe(self, request: Subscribe) -> Ack:
        with self._subscriber.asking(request):
            return await self._acknowledged(self._connected(), request)

    async def unsubscribe(self, request: Unsubscribe) -> Ack | None:
        """None if the end of the connection has granted it."""
        with self._subscriber.asking(request):
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
        """At once, or not: RateLimitExceeded while the server wants to be left alone, unless it is urgent."""
        link = self._connected()
        seconds = self._reporter.held_for()
        if seconds and not isinstance(message, _URGENT):
            raise RateLimitExceeded(
                f"{self._url} has asked for a pause: send this again in {seconds:.1f} s", retry_after=seconds
            )
        await link.send(message)

    async def ping(self) -> float:
        link = self._connected()
        await link.wait_ready()
        start = time.perf_counter()  # a loop's own time may have milliseconds only
        await link.request(Ping(timestamp=1.0))
        return time.perf_counter() - start

    async def control(self, request: ReplayControl) -> None:
        await self._connected().request(request)

    async def _acknowledged(self, link: Link, request: Subscribe | Unsubscribe) -> Ack:
        reply = await link.request(request)
        assert isinstance(reply, Ack)
        return reply

    def _connected(self) -> Link:
        if self._supervisor.link is None:
            status = self._reporter.status
            raise NetworkError(f"not connected to {self._url}, it is {status}: `await client.wait_connected()` first")
        return self._supervisor.link
