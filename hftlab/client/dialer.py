"""Dialer of a client: makes the connections to its server, one after another."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ssl import SSLContext

from hftlab.client.authentication import Authenticator
from hftlab.client.link import Link, Socket
from hftlab.client.metrics import Metrics
from hftlab.client.opening import open_socket
from hftlab.client.receiver import Receiver
from hftlab.client.reporter import Reporter
from hftlab.errors import ConnectionFailed
from hftlab.protocol import Codec
from hftlab.protocol.subscribing.client_protocol import ClientProtocol
from hftlab.protocol.subscribing.subscriber import Subscriber
from hftlab.transport.address import redacted
from hftlab.transport.clock_offset import ClockOffset

__all__ = ["Dialer"]


@dataclass(kw_only=True)
class Dialer:
    """Maker of connections to one of `addresses`, with what outlives them.

    Each attempt goes through all of them, and begins behind that of the last connection.
    """

    addresses: Sequence[str]
    ssl: SSLContext | None
    heartbeat_interval: float
    busy_poll: bool
    codec: Codec
    subscriber: Subscriber
    clock_offset: ClockOffset
    receiver: Receiver
    authenticator: Authenticator
    reporter: Reporter
    metrics: Metrics
    cancel_on_disconnect: bool = False
    opener: Callable[[str, Codec, SSLContext | None], Awaitable[Socket]] = open_socket

    def __post_init__(self) -> None:
        self.address = self.addresses[0]
        """That of the last connection, or attempt."""
        self._next = 0

    async def dial(self) -> Link:
        """Open a socket and put a protocol on it. Raises ConnectionFailed."""
        socket = await self._opened()
        url = redacted(self.address)
        protocol = ClientProtocol(
            url,
            self.codec,
            self.subscriber,
            self.reporter.recovery,
            self.clock_offset,
            now=asyncio.get_running_loop().time(),
            heartbeat_interval=self.heartbeat_interval,
            sign_in_is_optional=self.authenticator.is_optional,
            cancel_on_disconnect=self.cancel_on_disconnect,
        )
        return Link(
            url,
            socket,
            protocol,
            self.codec,
            self.receiver,
            self.authenticator,
            self.reporter,
            self.metrics,
            busy_poll=self.busy_poll,
        )

    async def _opened(self) -> Socket:
        """Open a socket to the first address that takes it."""
        failures: list[ConnectionFailed] = []
        for _ in self.addresses:
            self.address = self.authenticator.address = self.addresses[self._next]
            self._next = (self._next + 1) % len(self.addresses)
            try:
                return await self.opener(self.address, self.codec, self.ssl)
            except ConnectionFailed as exc:
                failures.append(exc)
        if len(failures) == 1:
            raise failures[0]
        waits = [failure.retry_after or 0.0 for failure in failures]
        raise ConnectionFailed("; ".join(map(str, failures)), retry_after=min(waits) or None)
