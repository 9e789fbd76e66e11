"""Connections in Kraken's wire: puts sockets and heartbeats on their subscribers."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Final

from websockets.exceptions import ConnectionClosed

from hftlab.protocol.publishing.limits import ServerLimits
from hftlab.server.framing import Framer
from hftlab.server.native.native_connections import NativeConnections
from hftlab.server.server_socket import ServerSocket
from hftlab.venues.kraken.api.channel_set import ChannelSet
from hftlab.venues.kraken.api.subscriber import HEARTBEAT, Subscriber, status_message

if TYPE_CHECKING:
    from hftlab.server.stream import Stream

__all__ = ["KrakenConnections"]

_BEAT: Final = 1.0
"""Seconds after which a connection without other messages gets a heartbeat."""
_ID_BITS: Final = 64


class KrakenConnections(NativeConnections[Subscriber]):
    """Serves each socket through its Subscriber, from the handshake to the end."""

    def __init__(
        self, stream: Stream, framer: Framer, limits: ServerLimits, channels: ChannelSet[ServerSocket]
    ) -> None:
        super().__init__(stream, framer, limits, "kraken")
        self._channels = channels
        self._quiet: set[ServerSocket] = set()
        """Connections that have got nothing since their last beat."""

    async def serve(self, socket: ServerSocket) -> None:
        """Serve one client until its connection ends."""
        subscriber = Subscriber(self._channels.writers)
        self._opened(socket, subscriber)
        self._write(socket, status_message(secrets.randbits(_ID_BITS)))
        beat = asyncio.create_task(self._beat(socket, subscriber))
        try:
            while socket.expelled is None:
                data = await socket.recv()
                self._hear(data)
                for answer in subscriber.receive(data, self._stream.playback.position):
                    self._write(socket, answer)
                await self._carry_out(socket, subscriber)
        except ConnectionClosed:
            pass
        finally:
            beat.cancel()
            for subscription in subscriber.subscriptions.values():
                self._channels.remove(subscription, socket)
            self._quiet.discard(socket)
            self._forget(socket)

    async def _carry_out(self, socket: ServerSocket, subscriber: Subscriber) -> None:
        changed = subscriber.take_changed()
        if not changed:
            return
        # At once: what has been given up is told of no more, also where the end of a seek is waited for.
        for one in changed:
            if not one.is_added:
                self._channels.remove(one.subscription, socket)
        if not await self._stream.settled():
            return
        self.before_change()
        for one in changed:
            if not one.is_added:
                continue
            snapshot = self._channels.add(one.subscription, socket)
            if snapshot is not None and one.has_snapshot:
                self._write(socket, snapshot)
                self.messages += 1
                self._sent(socket)
        if subscriber.subscriptions:
            self._stream.begin()
        self._stream.wake()

    def _sent(self, socket: ServerSocket) -> None:
        self._quiet.discard(socket)

    async def _beat(self, socket: ServerSocket, subscriber: Subscriber) -> None:
        while True:
            self._quiet.add(socket)
            await asyncio.sleep(_BEAT)
            if socket in self._quiet and subscriber.subscriptions:
                self._write(socket, HEARTBEAT)
