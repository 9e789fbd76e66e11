"""Dialer of a client: makes the connections to its server, one after another."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from ssl import SSLContext

from hftlab.client.authentication import Authenticator
from hftlab.client.link import Link, Socket
from hftlab.client.metrics import Metrics
from hftlab.client.opening import open_socket
from hftlab.client.receiver import Receiver
from hftlab.client.reporter import Reporter
from hftlab.protocol import Codec
from hftlab.protocol.subscribing.client_protocol import ClientProtocol
from hftlab.protocol.subscribing.subscriber import Subscriber
from hftlab.transport.address import redacted
from hftlab.transport.clock_offset import ClockOffset

__all__ = ["Dialer"]


@dataclass(kw_only=True)
class Dialer:
    """Maker of connections to `address`, with what outlives them."""

    address: str
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

    async def dial(self) -> Link:
        """Open a socket and put a protocol on it. Raises ConnectionFailed."""
        url = redacted(self.address)
        socket = await self.opener(self.address, self.codec, self.ssl)
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
