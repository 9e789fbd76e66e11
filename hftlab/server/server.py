"""The streaming WebSocket server: a source on its clock, a publisher, and sockets."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from ssl import SSLContext
from types import TracebackType
from typing import Any, Final, Self

from websockets.exceptions import ConnectionClosed
from websockets.http11 import Response

from hftlab.clock import NANOSECONDS, to_milliseconds, wall_time
from hftlab.errors import ServerError
from hftlab.log import get_logger
from hftlab.protocol import (
    JSON,
    Limits,
    Message,
    ReplayControl,
    ReplayControls,
    ReplayStatus,
    ServerShutdown,
    decode,
    encode,
)
from hftlab.protocol.publisher import Backlog, Delivery
from hftlab.server.auth import Tokens
from hftlab.server.connection import OVERFLOW, Connection
from hftlab.server.desk import AuthMode, CountingPublisher, Desk
from hftlab.server.framing import Framer
from hftlab.server.limits import ServerLimits
from hftlab.server.listener import Listener, port_holder
from hftlab.server.monitor import Broadcasts, report
from hftlab.server.playback import Playback
from hftlab.server.queue_time import QueueTimes
from hftlab.server.stream import Stream, Tap
from hftlab.source import Source

__all__ = ["DEFAULT_PORT", "Server", "port_holder"]

DEFAULT_PORT: Final = 8081

_LOOK: Final = 1 / 12
"""Of the write deadline: how often readers are looked at. A spell is noticed one look late and ended one late, and a
third is for a loop that has much to do."""

_log = get_logger("hftlab.server")
_audit = get_logger("hftlab.audit")


class Server:
    """Serves one source to any number of clients; an asynchronous context manager.

    Without a source it sends what `publish()` is given. `port=0` takes any free port; `url` tells which. A recorded
    source waits for the first subscription, so that nobody misses its beginning; REPLAY_STATUS says when it starts, is
    controlled, and ends. Raises PortInUse.
    """

    def __init__(
        self,
        source: Source[Message] | None = None,
        host: str = "127.0.0.1",
        port: int = DEFAULT_PORT,
        *,
        limits: ServerLimits | None = None,
        auth: AuthMode = "public",
        key: bytes | str | None = None,
        origins: Sequence[str] = (),
        hosts: Sequence[str] = (),
        ssl: SSLContext | None = None,
    ) -> None:
        self.source, self.host, self.port = source, host, port
        self.limits = ServerLimits() if limits is None else limits
        self._auth, self._origins, self._hosts, self._ssl = auth, origins, hosts, ssl
        self._playback = Playback(source)
        self.clock = self._playback.clock
        self.session = uuid.uuid4().hex
        wire_limits = Limits(
            max_message_bytes=self.limits.message_bytes,
            max_symbols=self.limits.symbols,
            min_frequency=0,
            max_frequency=60_000,
        )
        symbols = None if source is None else list(source.symbols)
        self._publisher = CountingPublisher(session=self.session, limits=wire_limits, symbols=symbols)
        self._listener = Listener(self._handle, self._page, self.limits, key)
        self._stream = Stream(self._playback, self._publisher, self._send)
        self._congested = self._stream.congested
        self._desk = Desk(self._publisher, self.limits, self._listener.authenticator, auth, self._stream.control)
        self._broadcasts, self._queue_times = Broadcasts(), QueueTimes()
        self._framer = Framer()
        self._connections: dict[Connection, None] = {}
        self._counts: Counter[str] = Counter()
        self._aborted: Counter[str] = Counter()
        self._tasks: list[asyncio.Task[None]] = []

    # --- life ---

    async def start(self) -> Self:
        """Listen and start streaming."""
        await self._listener.open(
            self.host,
            self.port,
            trusted=self._auth == "required" and self._ssl is not None,
            origins=self._origins,
            hosts=self._hosts,
            ssl=self._ssl,
        )
        self.port = self._listener.port
        self._tasks = [
            asyncio.create_task(self._stream.run(), name=f"hftlab stream {self.port}"),
            asyncio.create_task(self._watch(), name=f"hftlab watch {self.port}"),
        ]
        _log.info("listening", url=self.url)
        return self

    async def stop(self) -> None:
        """Say SERVER_SHUTDOWN, close every connection with 1001 and free the port, within two seconds."""
        if not self._listener.is_open:
            return
        for task in self._tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        notice = ServerShutdown(timestamp=1.0, message="the server is shutting down")
        self._send(self._publisher.notify(notice, wall_time()))
        await self._listener.close(self._abort_at_shutdown)
        self._queue_times.close()
        _log.info("stopped", url=self.url)

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def url(self) -> str:
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        scheme = "ws" if self._ssl is None else "wss"
        return f"{scheme}://[{host}]:{self.port}" if ":" in host else f"{scheme}://{host}:{self.port}"

    @property
    def is_running(self) -> bool:
        return self._listener.is_open

    def stats(self) -> dict[str, Any]:
        """Counts since the start; `aborted` and `refused` by reason, `errors` by type, `lag_seconds` of this moment.

        `broadcast_seconds` is how long it takes to hand a batch to its readers, `queue_seconds` how long messages wait
        in a connection's buffer before the kernel takes them: `count`, `mean`, `p50`, `p99`, `max`.
        """
        publisher = self._publisher
        return {
            "connections": len(self._connections),
            "channels": len(publisher.channels),
            "published": publisher.published,
            "messages_sent": self._counts["messages"],
            "bytes_sent": self._counts["bytes"],
            "messages_received": self._counts["received"],
            "conflated": publisher.conflated,
            "gaps": publisher.gaps,
            "aborted": dict(self._aborted),
            "refused": {} if self._listener.door is None else dict(self._listener.door.refused),
            "errors": dict(publisher.errors),
            "lag_seconds": self._stream.lag(),
            "broadcast_seconds": self._broadcasts.histogram.summary(),
            "queue_seconds": self._queue_times.histogram.summary(),
        }

    def issue_tokens(self, subject: str) -> Tokens:
        """An access token for AUTH messages, and a refresh token for POST /api/auth/refresh."""
        return self._listener.authenticator.issue(subject, wall_time() / NANOSECONDS)

    def _page(self, path: str) -> Response | None:
        histograms = {"broadcast_seconds": self._broadcasts.histogram, "queue_seconds": self._queue_times.histogram}
        return report(path, self.stats(), histograms, ready=self.is_running)

    # --- the stream ---

    @property
    def taps(self) -> list[Tap]:
        """Called with every message that is streamed, and its source time in ns."""
        return self._stream.taps

    def publish(self, message: Message) -> None:
        """Stream one message by hand; call it on the server's loop. Raises MessageParseError if it is not valid."""
        self._stream.publish(decode(encode(message)))

    async def control(self, request: ReplayControl) -> ReplayStatus:
        """Do to a replayed source what REPLAY_CONTROL asks for; returns where it stands afterwards.

        Raises ServerError if the source is no recording, or fails, and MessageParseError for what is not valid.
        """
        if not self.is_running:
            raise ServerError(f"the server at {self.url} does not run: start it first")
        checked = JSON.decode_request(JSON.encode(request))
        assert isinstance(checked, ReplayControl)
        await self._stream.control(checked)
        return self.replay_status()

    @property
    def replay(self) -> ReplayControls:
        """Pause, resume, step, seek and set the speed of a replayed source."""
        return ReplayControls(self.control, self.replay_status)

    def replay_status(self) -> ReplayStatus:
        """Where a replayed source stands."""
        status = self._playback.status()
        status.timestamp = to_milliseconds(wall_time())
        return status

    def _send(self, deliveries: Sequence[Delivery[Connection]]) -> None:
        if not deliveries:
            return
        started = time.perf_counter()
        # Gathered on the way: a reader that falls behind by this very message is no longer in its channel afterwards.
        sampled: list[Connection] | None = [] if self._queue_times.is_due(started) else None
        for payload, codec, readers in deliveries:
            frames: dict[int | None, bytes] = {}
            messages = size = 0
            for connection in list(readers):
                bits = connection.window_bits
                frame = frames.get(bits)
                if frame is None:
                    frame = frames[bits] = self._framer.frame(payload, bits, binary=codec.binary)
                if connection.write(frame):
                    messages += 1
                    size += len(frame)
                    if sampled is not None:
                        sampled.append(connection)
            self._counts["messages"] += messages
            self._counts["bytes"] += size
        ended = time.perf_counter()
        self._broadcasts.add(ended - started)
        if sampled is not None:
            self._queue_times.written(sampled, ended)

    # --- connections ---

    async def _handle(self, connection: Connection) -> None:
        connection.opened(self._framer)
        connection.gather(self.clock.unpaced)
        connection.on_backlog = self._backlog
        connection.on_overflow = self._overflow
        self._connections[connection] = None
        self._desk.join(connection)
        connection.reply(self._publisher.join(connection, connection.codec, wall_time()))
        _audit.info("connected", connection=connection.name, peer=connection.peer_address)
        reason = "lost"
        try:
            while connection.expelled is None:
                self._receive(connection, await _received(connection))
        except ConnectionClosed as exc:
            reason = "lost" if exc.rcvd is None else f"closed with {exc.rcvd.code}"
        finally:
            self._desk.leave(connection)
            self._publisher.leave(connection)
            self._connections.pop(connection, None)
            self._congested.discard(connection)
            self._stream.wake()
            _audit.info(
                "disconnected",
                connection=connection.name,
                reason=connection.expelled or reason,
                received=connection.received,
            )

    def _receive(self, connection: Connection, data: bytes) -> None:
        self._counts["received"] += 1
        connection.received += 1
        self._desk.receive(connection, data)
        if self._playback.is_recorded and not connection.is_told and self._publisher.is_subscribed(connection):
            self._tell_position(connection)

    def _tell_position(self, connection: Connection) -> None:
        """The first subscription starts a replay that waits for it; who comes later is told where it stands."""
        if self._stream.begin():
            for one in self._connections:
                one.is_told = True
        elif not connection.is_told:
            connection.is_told = True
            connection.reply(connection.codec.encode(self.replay_status()))

    def _backlog(self, connection: Connection, backlog: Backlog) -> None:
        if backlog is Backlog.NONE:
            self._congested.discard(connection)
            self._stream.wake()
        else:
            self._congested.add(connection)
        if self.clock.unpaced and backlog is not Backlog.FULL:
            return
        if backlog is Backlog.FULL and self._publisher.is_unforgiving(connection):
            self._overflow(connection)
            return
        for payload in self._publisher.set_backlog(connection, backlog, wall_time()):
            connection.reply(payload)

    def _overflow(self, connection: Connection) -> None:
        """What may not be skipped does not fit any more: the client is to come back, and resume."""
        if connection.expelled is None:
            self._aborted["overflow"] += 1
            connection.expel(OVERFLOW, "slow consumer")

    async def _watch(self) -> None:
        """Abort readers that have stopped; they are looked at several times within their deadline."""
        deadline = self.limits.write_deadline
        while True:
            await asyncio.sleep(deadline * _LOOK)
            now = time.monotonic()
            for connection in list(self._connections):
                connection.gather(self.clock.unpaced)
                if connection.has_stopped(now, deadline * (1 - 3 * _LOOK)):
                    self._abort(connection, "slow consumer")

    def _abort_at_shutdown(self, connection: Connection) -> None:
        if connection in self._connections:
            self._abort(connection, "shutdown")
        else:
            connection.abort()

    def _abort(self, connection: Connection, reason: str) -> None:
        self._aborted[reason] += 1
        connection.expelled = reason
        _log.warning("aborted", connection=connection.name, reason=reason, buffered=connection.buffered)
        connection.abort()


async def _received(connection: Connection) -> bytes:
    data = await connection.recv()  # closes with 1007 on text that is no UTF-8 (RFC 6455 section 8.1)
    return data.encode() if isinstance(data, str) else bytes(data)
