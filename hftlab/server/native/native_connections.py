"""Connections in a venue's own wire: puts sockets and timers on their subscribers."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Final

from websockets.exceptions import ConnectionClosed

from hftlab.clock import NANOSECONDS, wall_time
from hftlab.log import AUDIT, get_logger
from hftlab.protocol.publishing.limits import ServerLimits
from hftlab.protocol.publishing.peer import Backlog
from hftlab.server.framing import Framer
from hftlab.server.native.native_limits import NativeLimits
from hftlab.server.server_socket import ServerSocket
from hftlab.venues.binance.api.keep_alive import Due, KeepAlive
from hftlab.venues.binance.api.stream_names import Route
from hftlab.venues.binance.api.stream_set import Broadcast, StreamSet
from hftlab.venues.binance.api.subscriber import POLICY, Subscriber

if TYPE_CHECKING:
    from hftlab.server.stream import Stream

__all__ = ["NativeConnections"]

_LOOK: Final = 1 / 16
"""Looks at slow readers in a write deadline."""
_GOING_AWAY: Final = 1001
_SERVICE_RESTART: Final = 1012
_END_OF_LIFE: Final = "the connection has reached its longest life"

_audit = get_logger(AUDIT)


class NativeConnections:
    """Serves each socket through its Subscriber, from the handshake to the end; the sockets' SocketOwner."""

    def __init__(self, stream: Stream, framer: Framer, limits: ServerLimits, native: NativeLimits) -> None:
        self.before_change: Callable[[], object] = lambda: None
        """Called before streams get or lose readers."""
        self.aborted: Counter[str] = Counter()
        self.received = self.messages = self.bytes = 0
        self._stream, self._framer, self._limits, self._native = stream, framer, limits, native
        self._open: dict[ServerSocket, Subscriber] = {}
        self._ends: dict[ServerSocket, int] = {}
        """Source time at which connections end whose life is counted in that."""

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[ServerSocket]:
        return iter(self._open)

    async def serve(self, socket: ServerSocket, streams: StreamSet[ServerSocket], route: Route, path: str) -> None:
        """Serve one client until its connection ends; `path` is what is behind the market's and the route's part."""
        socket.opened()
        socket.gather(self._stream.clock.unpaced)
        native = self._native.of(streams.market)
        subscriber = Subscriber(streams.market, route, streams.writers, path, most=native.messages)
        self._open[socket] = subscriber
        life = self._live(socket, native.lifetime)  # before its first subscription may start the replay
        self._carry_out(socket, subscriber, streams)
        alive = asyncio.create_task(self._keep_alive(socket, KeepAlive(native.ping, native.pong, time.monotonic())))
        _audit.info("connected", connection=socket.name, peer=socket.peer_address, wire="binance")
        try:
            while socket.expelled is None:
                data = await socket.recv()
                self.received += 1
                answer = subscriber.receive(data, time.monotonic())
                if answer is not None:
                    self._write(socket, answer, urgent=True)
                self._carry_out(socket, subscriber, streams)
        except ConnectionClosed:
            pass
        finally:
            alive.cancel()
            if life is not None:
                life.cancel()
            self._forget(socket, subscriber, streams)
            _audit.info("disconnected", connection=socket.name, peer=socket.peer_address, reason=socket.expelled)

    def _carry_out(self, socket: ServerSocket, subscriber: Subscriber, streams: StreamSet[ServerSocket]) -> None:
        changed = subscriber.take_changed()
        if changed:
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

    def _forget(self, socket: ServerSocket, subscriber: Subscriber, streams: StreamSet[ServerSocket]) -> None:
        for name in subscriber.streams.values():
            streams.remove(name, socket)
        self._open.pop(socket, None)
        self._ends.pop(socket, None)
        self._stream.congested.discard(socket)
        self._stream.wake()

    def send(self, broadcasts: Iterator[Broadcast[ServerSocket]]) -> None:
        """Write payloads, each framed once for all its readers."""
        for payload, readers in broadcasts:
            frames: dict[int | None, bytes] = {}
            for socket in readers:
                frame = frames.get(socket.window_bits)
                if frame is None:
                    frame = self._framer.frame(payload, socket.window_bits, binary=False)
                    frames[socket.window_bits] = frame
                if socket.write(frame):
                    self.messages += 1
                    self.bytes += len(frame)

    def _write(self, socket: ServerSocket, payload: bytes, *, urgent: bool = False) -> None:
        socket.write(self._framer.frame(payload, socket.window_bits, binary=False), urgent)

    def close_all(self, reason: str) -> None:
        """Close every connection, as a venue does that starts anew."""
        for socket in list(self._open):
            socket.expel(_SERVICE_RESTART, reason)

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

    async def watch(self) -> None:
        """Abort readers that have stopped."""
        deadline = self._limits.write_deadline
        while True:
            await asyncio.sleep(deadline * _LOOK)
            now = time.monotonic()
            for socket in list(self._open):
                socket.gather(self._stream.clock.unpaced)
                if socket.has_stopped(now, deadline * (1 - 4 * _LOOK)):
                    self.abort(socket, "slow consumer")

    def abort(self, socket: ServerSocket, reason: str) -> None:
        """Drop a connection with all that waits in it."""
        if socket in self._open:
            socket.drop(reason)
        else:
            socket.abort()

    # --- what sockets report ---

    def backlog_changed(self, socket: ServerSocket, backlog: Backlog) -> None:
        """Let an unpaced replay wait for a slow reader; disconnect one for which too much waits."""
        if backlog is Backlog.NONE:
            self._stream.congested.discard(socket)
            self._stream.wake()
            return
        self._stream.congested.add(socket)
        if backlog is Backlog.FULL:
            self.overflowed(socket)

    def overflowed(self, socket: ServerSocket) -> None:
        """Disconnect a reader for which too much waits."""
        socket.expel(POLICY, "slow consumer")

    def too_big(self, socket: ServerSocket, reason: str) -> bytes | None:  # noqa: ARG002 - as for other owners
        """Say nothing more to a client whose message is too big."""
        return None

    def ended(self, socket: ServerSocket, cause: str) -> None:  # noqa: ARG002 - as for other owners
        """Count a connection that the server has ended."""
        self.aborted[cause] += 1

    def controlled(self, socket: ServerSocket) -> None:
        """Count a ping or a pong of a client among its messages."""
        subscriber = self._open.get(socket)
        if subscriber is not None and not subscriber.count(time.monotonic()) and subscriber.close is not None:
            socket.expel(*subscriber.close)


def _ponged(alive: KeepAlive, pong: asyncio.Future[float]) -> None:
    if not pong.cancelled() and pong.exception() is None:
        alive.ponged()
