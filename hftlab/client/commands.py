"""Requests of a client's callers, sent through the open connection."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Final, TypeVar

from hftlab.calling import awaited
from hftlab.client.link import Link
from hftlab.client.reporter import Reporter
from hftlab.client.supervisor import Supervisor
from hftlab.errors import HftlabError, NetworkError, RateLimitExceeded, SubscriptionFailed
from hftlab.nearest import describe_unknown, meant
from hftlab.protocol import (
    Ack,
    CancelAll,
    CancelOrder,
    ConnectionState,
    Heartbeat,
    Limits,
    Message,
    Ping,
    ReplayControl,
    Subscribe,
    Unsubscribe,
)
from hftlab.protocol.subscribing.splitting import joined, split_request
from hftlab.protocol.subscribing.subscriber import Subscriber

__all__ = ["Commands"]

ErrorT = TypeVar("ErrorT", bound=HftlabError)

_URGENT: Final = (Heartbeat, CancelOrder, CancelAll)
"""Messages that are sent even while the server wants a pause: without heartbeats the connection would end, and a
cancellation only reduces risk."""
_PASSING: Final = (ConnectionState.CONNECTING, ConnectionState.CONNECTED, ConnectionState.RECONNECTING)
"""States without a connection that end by themselves."""


class Commands:
    """Commands to the server. They raise the error that it answers with, and NetworkError without an answer."""

    def __init__(self, url: str, supervisor: Supervisor, subscriber: Subscriber, reporter: Reporter) -> None:
        self._url, self._supervisor, self._subscriber, self._reporter = url, supervisor, subscriber, reporter

    async def subscribe(self, request: Subscribe) -> Ack:
        """Subscribe; the subscription is restored by later connections unless the server refuses it."""
        link = self.connected()
        parts = await self._parts(link, request)
        if len(parts) > 1:
            self._check(request, link.protocol.limits)
        acks = []
        for number, part in enumerate(parts):
            await self._pause(link, number)
            with self._subscriber.requesting(part):
                try:
                    acks.append(await self._granted(link, part, is_part=len(parts) > 1))
                except SubscriptionFailed as exc:
                    raise self.suggest(exc, part.symbols) from None
        return acks[0] if len(acks) == 1 else joined(acks, f"Subscribed to {len(request.symbols):,} symbols")

    async def unsubscribe(self, request: Unsubscribe) -> Ack | None:
        """End subscriptions; None if there is no connection, or it ends meanwhile: they are not restored then."""
        link = self._supervisor.link
        acks = []
        parts = [request] if link is None else split_request(request, link.protocol.limits)
        for number, part in enumerate(parts):
            await self._pause(link, number)
            with self._subscriber.requesting(part):
                if link is None:
                    continue
                try:
                    acks.append(await self._granted(link, part, is_part=len(parts) > 1))
                except NetworkError:
                    if link.protocol.end is None:
                        raise
                    link = None  # what is left is not asked for by the next connection
        if len(acks) < len(parts):
            return None
        return acks[0] if len(acks) == 1 else joined(acks, f"Unsubscribed from {len(request.symbols):,} symbols")

    async def send(self, message: Message) -> None:
        """Send a message at once. Raises RateLimitExceeded while the server wants a pause, unless it is urgent."""
        link = self.connected()
        seconds = self._reporter.held_for()
        if seconds and not isinstance(message, _URGENT):
            raise RateLimitExceeded(
                f"{self._url} has asked for a pause: send this again in {seconds:.1f} s", retry_after=seconds
            )
        await link.send(message)

    async def ping(self) -> float:
        """Measure the round trip of one PING, in seconds."""
        link = self.connected()
        await link.wait_ready()
        start = time.perf_counter()  # the loop's own time may be in whole milliseconds
        await link.request(Ping(timestamp=1.0))
        return time.perf_counter() - start

    async def control(self, request: ReplayControl) -> None:
        """Control the server's recorded source; returns when it has been done."""
        await self.connected().request(request)

    async def _parts(self, link: Link, request: Subscribe) -> list[Subscribe]:
        """Split a request as the server's limits want; the welcome tells them."""
        if link.protocol.limits is None:
            await link.wait_ready()
        return split_request(request, link.protocol.limits)

    def _check(self, request: Subscribe, limits: Limits | None) -> None:
        """Check a request of several parts as a whole, so that none is granted if one would be refused."""
        subscriber = self._subscriber
        offered = set(subscriber.offered_symbols)
        unknown = [symbol for symbol in request.symbols if symbol not in offered]
        if offered and unknown:
            error = SubscriptionFailed(
                f"{self._url} does not have {describe_unknown(unknown, subscriber.offered_symbols)}",
                context={"field": "symbols", "unknown": unknown},
            )
            raise self.suggest(error, unknown)
        most = None if limits is None else limits.max_subscriptions
        count = subscriber.wanted.count_with(request.symbols, request.data_types)
        if most is not None and count > most:
            raise SubscriptionFailed(
                f"this client would have {count:,} subscriptions (each of one symbol and one data type), and "
                f"{self._url} allows {most:,}: ask for fewer symbols or data types, or give it a higher limit",
                context={"field": "symbols", "limit": most},
            )

    def suggest(self, error: ErrorT, symbols: Iterable[str]) -> ErrorT:
        """Add to an error of the server the names that were probably meant by symbols that it does not have."""
        offered = self._subscriber.offered_symbols
        unknown = [symbol for symbol in symbols if symbol not in offered]
        if not unknown or not offered:
            return error
        # Several names in one text, such as "AAPL,MSFT", which is one symbol.
        parts = {name: name.replace(",", " ").split() for name in unknown}
        lists = {name: repr(names) for name, names in parts.items() if len(names) > 1 and set(names) <= set(offered)}
        return error.advise(instead=meant(unknown, offered) | lists)

    async def _pause(self, link: Link | None, number: int) -> None:
        """Wait as long as the server's rate wants before the part `number` of a request."""
        limits = None if link is None else link.protocol.limits
        rate = None if limits is None else limits.subscriptions
        if rate is not None and number >= rate.burst // 2:
            await asyncio.sleep(1 / rate.per_second)

    async def _granted(self, link: Link, request: Subscribe | Unsubscribe, *, is_part: bool) -> Ack:
        """Ask for something; a part of a larger request is asked for again when the server has wanted a pause."""
        while True:
            try:
                return await self._acknowledged(link, request)
            except RateLimitExceeded:
                if not is_part:
                    raise

    async def _acknowledged(self, link: Link, request: Subscribe | Unsubscribe) -> Ack:
        reply = await link.request(request)
        assert isinstance(reply, Ack)
        return reply

    def connected(self) -> Link:
        """Return the open connection. Raises NetworkError if there is none, and in a forked child."""
        self._supervisor.check_process()
        if self._supervisor.link is None:
            status = self._reporter.status
            call = awaited("client.wait_connected()" if status in _PASSING else "client.connect()")
            raise NetworkError(f"not connected to {self._url}, it is {status}: call {call} first").advise(call)
        return self._supervisor.link
