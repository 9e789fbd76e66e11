"""Connections in a venue's own wire: what those of every venue do alike with their sockets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

from hftlab.log import AUDIT, get_logger
from hftlab.protocol.publishing.limits import ServerLimits
from hftlab.protocol.publishing.peer import Backlog
from hftlab.server.connection_info import ConnectionInfo
from hftlab.server.framing import Framer
from hftlab.server.reader_watch import watch_readers
from hftlab.server.server_socket import ServerSocket
from hftlab.venues.market_state.broadcast import Broadcast

if TYPE_CHECKING:
    from hftlab.server.stream import Stream

__all__ = ["POLICY", "NativeConnections"]

POLICY: Final = 1008
"""Close code: policy violation (RFC 6455, section 7.4.1)."""
_SERVICE_RESTART: Final = 1012

_audit = get_logger(AUDIT)


class Subscribing(Protocol):
    """State of one client: the number of its requests, and the names of what it has subscribed to."""

    received: int

    @property
    def names(self) -> list[str]: ...


Subscriber = TypeVar("Subscriber", bound=Subscribing)


class NativeConnections(Generic[Subscriber]):
    """Connections of one wire, each with its Subscriber; the sockets' SocketOwner.

    A venue's own class serves each socket: between opened() and forget(), with what its subscriber says.
    """

    def __init__(self, stream: Stream, framer: Framer, limits: ServerLimits, wire: str) -> None:
        self.before_change: Callable[[], object] = lambda: None
        """Called before streams get or lose readers."""
        self.aborted: Counter[str] = Counter()
        self.received = self.bytes_received = self.messages = self.bytes = 0
        self._stream, self._framer, self._limits, self._wire = stream, framer, limits, wire
        self._open: dict[ServerSocket, Subscriber] = {}

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[ServerSocket]:
        return iter(self._open)

    def info(self) -> list[ConnectionInfo]:
        """Describe each connection."""
        return [
            ConnectionInfo(
                id=socket.name,
                peer=socket.peer_address,
                state="open" if socket.is_open else "closing",
                subject=None,
                encoding="json",
                backlog=socket.backlog.name.lower(),
                buffered=socket.buffered,
                received=subscriber.received,
                channels=[],
                wire=self._wire,
                streams=subscriber.names,
            )
            for socket, subscriber in self._open.items()
        ]

    def announce_shutdown(self) -> None:
        """Send what goes before the end of the server, where the venue has such a message."""

    def _hear(self, data: str | bytes) -> None:
        self.received += 1
        self.bytes_received += len(data)

    def _opened(self, socket: ServerSocket, subscriber: Subscriber) -> None:
        socket.opened()
        socket.gather(self._stream.clock.unpaced)
        self._open[socket] = subscriber
        _audit.info("connected", connection=socket.name, peer=socket.peer_address, wire=self._wire)

    def _forget(self, socket: ServerSocket) -> None:
        self._open.pop(socket, None)
        self._stream.congested.discard(socket)
        self._stream.wake()
        _audit.info("disconnected", connection=socket.name, peer=socket.peer_address, reason=socket.expelled)

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
                    self._sent(socket)

    def _sent(self, socket: ServerSocket) -> None:
        """Note that a socket has got a message of a stream."""

    def _write(self, socket: ServerSocket, payload: bytes, *, urgent: bool = False) -> None:
        socket.write(self._framer.frame(payload, socket.window_bits, binary=False), urgent)

    def close_all(self, reason: str) -> None:
        """Close every connection, as a venue does that starts anew."""
        for socket in list(self._open):
            socket.expel(_SERVICE_RESTART, reason)

    @property
    def next_end(self) -> int | None:
        """Source time (ns) of the next end of a connection that is counted in that."""
        return None

    def end_lives(self, now: int) -> None:
        """End the connections whose life in the recording is over; `now` is source time in ns."""

    async def watch(self) -> None:
        """Abort readers that have stopped."""
        await watch_readers(self._open, self._limits.write_deadline, self.abort, lambda: self._stream.clock.unpaced)

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
        """Take note of a ping or a pong of a client."""
