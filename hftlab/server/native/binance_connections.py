"""Connections in Binance's wire: puts sockets and timers on their subscribers."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING, Final

from websockets.exceptions import ConnectionClosed

from hftlab.clock import NANOSECONDS, wall_time
from hftlab.protocol.publishing.limits import ServerLimits
from hftlab.server.framing import Framer
from hftlab.server.native.native_connections import POLICY, NativeConnections
from hftlab.server.native.native_limits import NativeLimits
from hftlab.server.server_socket import ServerSocket
from hftlab.venues.binance.api.keep_alive import Due, KeepAlive
from hftlab.venues.binance.api.stream_names import Route
from hftlab.venues.binance.api.stream_set import StreamSet
from hftlab.venues.binance.api.subscriber import Subscriber

if TYPE_CHECKING:
    from hftlab.server.stream import Stream

__all__ = ["BinanceConnections"]

_GOING_AWAY: Final = 1001
_END_OF_LIFE: Final = "the connection has reached its longest life"


class BinanceConnections(NativeConnections[Subscriber]):
    """Serves each socket through its Subscriber, from the handshake to the end."""

    def __init__(self, stream: Stream, framer: Framer, limits: ServerLimits, native: NativeLimits) -> None:
        super().__init__(stream, framer, limits, "binance")
        self._native = native
        self._ends: dict[ServerSocket, int] = {}
        """Source time at which connections end whose life is counted in that."""

    async def serve(self, socket: ServerSocket, streams: StreamSet[ServerSocket], route: Route, path: str) -> None:
        """Serve one client until its connection ends; `path` is what is behind the market's and the route's part."""
        native = self._native.of(streams.market)
        subscriber = Subscriber(streams.market, route, streams.writers, path, most=native.messages)
        self._opened(socket, subscriber)
        life = self._live(socket, native.lifetime)  # before its first subscription may start the replay
        alive = asyncio.create_task(self._keep_alive(socket, KeepAlive(native.ping, native.pong, time.monotonic())))
        try:
            await self._carry_out(socket, subscriber, streams)
            while socket.expelled is None:
                data = await socket.recv()
                self._hear(data)
                answer = subscriber.receive(data, time.monotonic())
                if answer is not None:
                    self._write(socket, answer, urgent=True)
                await self._carry_out(socket, subscriber, streams)
        except ConnectionClosed:
            pass
        finally:
            alive.cancel()
            if life is not None:
                life.cancel()
            for name in subscriber.streams.values():
                streams.remove(name, socket)
            self._ends.pop(socket, None)
            self._forget(socket)

    async def _carry_out(self, socket: ServerSocket, subscriber: Subscriber, streams: StreamSet[ServerSocket]) -> None:
        changed = subscriber.take_changed()
        if changed:
            if not await self._stream.settled():
                return
            self.before_change()
        for name in changed:
            if name.text in subscriber.streams and name.is_on(subscriber.route):
                streams.add(name, socket, combined=subscriber.combined)
            else:
                streams.remove(name, socket)
        if subscriber.close is not None:
            socket.expel(*subscriber.close)
            return
        if subscriber.streams:
            self._stream.begin()
        self._stream.wake()

    def announce_shutdown(self) -> None:
        """Send the event that goes before the end of a server of spot."""
        for socket, subscriber in self._open.items():
            notice = subscriber.shutdown_notice(self._stream.playback.position)
            if notice is not None:
                self._write(socket, notice, urgent=True)

    # --- timers ---

    async def _keep_alive(self, socket: ServerSocket, alive: KeepAlive) -> None:
        while True:
            await asyncio.sleep(max(0.0, alive.deadline - time.monotonic()))
            match alive.due(time.monotonic()):
                case Due.PING:
                    pong = await socket.ping(str(wall_time() // 1_000_000).encode())
                    asyncio.ensure_future(pong).add_done_callback(partial(_ponged, alive))
                case Due.NO_PONG:
                    socket.expel(POLICY, "Pong timeout", "keepalive timeout")
                    return

    def _live(self, socket: ServerSocket, lifetime: float) -> asyncio.TimerHandle | None:
        """Let a connection end after its life, of the wall clock or of the recording."""
        if self._native.lifetime_of == "recording":
            self._ends[socket] = self._stream.playback.position + round(lifetime * NANOSECONDS)
            return None
        return socket.loop.call_later(lifetime, socket.expel, _GOING_AWAY, _END_OF_LIFE, "end of life")

    @property
    def next_end(self) -> int | None:
        """Source time (ns) of the next end that is counted in that."""
        return min(self._ends.values(), default=None)

    def end_lives(self, now: int) -> None:
        """End the connections whose life in the recording is over; `now` is source time in ns."""
        for socket in [socket for socket, end in self._ends.items() if end <= now]:
            del self._ends[socket]
            socket.expel(_GOING_AWAY, _END_OF_LIFE, "end of life")

    def controlled(self, socket: ServerSocket) -> None:
        """Count a ping or a pong of a client among its messages."""
        subscriber = self._open.get(socket)
        if subscriber is not None and not subscriber.count(time.monotonic()) and subscriber.close is not None:
            socket.expel(*subscriber.close)


def _ponged(alive: KeepAlive, pong: asyncio.Future[float]) -> None:
    if not pong.cancelled() and pong.exception() is None:
        alive.ponged()
