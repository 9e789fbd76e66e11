"""The streaming WebSocket server: a source on its clock, a publisher, and sockets."""

from __future__ import annotations

import asyncio
import errno
import math
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self

import psutil
from websockets.asyncio.server import Server as WebSocketServer
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from hftlab.clock import Clock, to_milliseconds, wall_time
from hftlab.errors import PortInUse
from hftlab.log import get_logger
from hftlab.protocol import (
    CODECS,
    Limits,
    Message,
    ReplayState,
    ReplayStatus,
    ServerShutdown,
    decode,
    encode,
)
from hftlab.protocol.publisher import Backlog, Delivery, Publisher
from hftlab.server.connection import HIGH_WATER, Connection
from hftlab.server.framing import EXTENSIONS, Framer
from hftlab.source import Source

__all__ = ["DEFAULT_PORT", "Server", "port_holder"]

DEFAULT_PORT: Final = 8081

_SHUTDOWN: Final = 1.5
"""Seconds for the closing handshakes; after them connections are aborted."""
_SPIN: Final = 0.0015
"""Event loops wake up to a millisecond late, so the last stretch before a message is due is spun."""
_SLICE: Final = 0.001
"""Seconds of work before other tasks of the loop, clients in the same process among them, get a turn."""

_log = get_logger("hftlab.server")

Tap = Callable[[Message, int], None]


class Server:
    """Serves one source to any number of clients; an asynchronous context manager.

    Without a source it sends what `publish()` is given. `port=0` takes any free port; `url` tells which. A recorded
    source waits for the first subscription, so that nobody misses its beginning; it says REPLAY_STATUS when it starts
    and ends. Raises PortInUse.
    """

    def __init__(
        self,
        source: Source[Message] | None = None,
        host: str = "127.0.0.1",
        port: int = DEFAULT_PORT,
        *,
        max_message_bytes: int = 64 * 1024,
        max_symbols: int = 1000,
        write_deadline: float = 3.0,
    ) -> None:
        self.source, self.host, self.port = source, host, port
        self.clock = Clock() if source is None else source.clock
        self.taps: list[Tap] = []
        self.session = uuid.uuid4().hex
        self._write_deadline = write_deadline
        limits = Limits(
            max_message_bytes=max_message_bytes, max_symbols=max_symbols, min_frequency=0, max_frequency=60_000
        )
        symbols = None if source is None else list(source.symbols)
        self._publisher: Publisher[Connection] = Publisher(session=self.session, limits=limits, symbols=symbols)
        self._framer = Framer()
        self._connections: dict[Connection, None] = {}
        self._congested: set[Connection] = set()
        self._counts: Counter[str] = Counter()
        self._aborted: Counter[str] = Counter()
        self._wake = asyncio.Event()
        self._waiting = source is not None and source.recorded
        self._ended = False
        self._sockets: WebSocketServer | None = None
        self._stream_task: asyncio.Task[None] | None = None

    # --- life ---

    async def start(self) -> Self:
        """Listen and start streaming."""
        try:
            self._sockets = await serve(
                self._handle,
                self.host,
                self.port,
                create_connection=Connection,
                compression=None,
                extensions=EXTENSIONS,
                select_subprotocol=_select_subprotocol,
                max_size=self._publisher.limits.max_message_bytes,
                write_limit=(HIGH_WATER, HIGH_WATER // 4),
                close_timeout=_SHUTDOWN,
                server_header="hftlab",
                reuse_address=True,
            )
        except OSError as exc:
            if exc.errno == errno.EADDRINUSE:
                raise PortInUse(self.host, self.port, port_holder(self.port)) from None
            raise
        self.port = next(iter(self._sockets.sockets)).getsockname()[1]
        self._stream_task = asyncio.create_task(self._stream(), name=f"hftlab stream {self.port}")
        _log.info("listening", url=self.url)
        return self

    async def stop(self) -> None:
        """Say SERVER_SHUTDOWN, close every connection with 1001 and free the port, within two seconds."""
        if self._sockets is None:
            return
        sockets, self._sockets = self._sockets, None
        if self._stream_task is not None:
            self._stream_task.cancel()
            with suppress(asyncio.CancelledError):
                await self._stream_task
        notice = ServerShutdown(timestamp=1.0, message="the server is shutting down")
        self._send(self._publisher.notify(notice, wall_time()))
        sockets.close(code=1001)
        try:
            async with asyncio.timeout(_SHUTDOWN):
                await sockets.wait_closed()
        except TimeoutError:
            for connection in list(self._connections):
                self._drop(connection, "shutdown")
                connection.transport.abort()
            await sockets.wait_closed()
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
        return f"ws://[{host}]:{self.port}" if ":" in host else f"ws://{host}:{self.port}"

    @property
    def is_running(self) -> bool:
        return self._sockets is not None

    def stats(self) -> dict[str, Any]:
        """Counts since the start; `aborted` by reason."""
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
        }

    # --- the stream ---

    def publish(self, message: Message) -> None:
        """Stream one message by hand; call it on the server's loop. Raises MessageParseError if it is not valid."""
        self._accept(decode(encode(message)), self.clock.now())
        self._wake.set()

    def _accept(self, message: Message, at: int) -> None:
        for tap in self.taps:
            tap(message, at)
        self._publisher.publish(message, at)

    async def _stream(self) -> None:
        """Wait for whatever is due next, send it, and let others run in between."""
        turn = time.monotonic()
        while True:
            at = self._next_time()
            delay = math.inf if at is None else self.clock.seconds_until(at)
            if at is None or delay > 0:
                await self._sleep(delay)
                turn = time.monotonic()
                continue
            self.clock.reach(at)
            self._step(at)
            if self.clock.unpaced and self._congested:
                await self._drained()
            elif time.monotonic() - turn > _SLICE:
                await asyncio.sleep(0)
                turn = time.monotonic()

    def _next_time(self) -> int | None:
        times = [self._publisher.next_time()]
        if self.source is not None and not self._waiting:
            times.append(self.source.next_time())
        return min((at for at in times if at is not None), default=None)

    def _step(self, at: int) -> None:
        source = self.source
        if source is not None and not self._waiting:
            due = source.next_time()
            if due is not None and due <= at:
                for message in source.advance(at):
                    self._accept(message, due)
        self._send(self._publisher.poll(at, wall_time()))
        if source is not None and source.recorded and not self._ended and self._next_time() is None:
            self._ended = True
            self._send(self._publisher.notify(self._replay_status(), wall_time()))

    async def _sleep(self, delay: float) -> None:
        if delay <= _SPIN:
            await asyncio.sleep(0)
            return
        self._wake.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(None if math.isinf(delay) else delay - _SPIN / 2):
                await self._wake.wait()

    async def _drained(self) -> None:
        """Without a clock to keep, readers set the pace; one that does not read is aborted by its write deadline."""
        while self._congested:
            self._wake.clear()
            await self._wake.wait()

    def _send(self, deliveries: Iterable[Delivery[Connection]]) -> None:
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
            self._counts["messages"] += messages
            self._counts["bytes"] += size

    # --- connections ---

    async def _handle(self, connection: ServerConnection) -> None:
        assert isinstance(connection, Connection)
        connection.opened()
        connection.write_deadline = self._write_deadline
        connection.on_backlog = self._backlog
        connection.on_abort = self._drop
        self._connections[connection] = None
        connection.reply(self._framer, self._publisher.join(connection, connection.codec, wall_time()))
        _log.info("connected", connection=connection.name, peer=connection.remote_address)
        try:
            while True:
                self._receive(connection, await _received(connection))
        except ConnectionClosed as exc:
            _log.info("disconnected", connection=connection.name, code=exc.rcvd.code if exc.rcvd else None)
        finally:
            self._publisher.leave(connection)
            self._connections.pop(connection, None)
            self._congested.discard(connection)
            self._wake.set()

    def _receive(self, connection: Connection, data: bytes) -> None:
        self._counts["received"] += 1
        for payload in self._publisher.receive(connection, data, wall_time()):
            connection.reply(self._framer, payload)
        replayed = self.source is not None and self.source.recorded
        if replayed and not connection.is_told and self._publisher.is_subscribed(connection):
            connection.is_told = True
            self._start_replay(connection)

    def _start_replay(self, connection: Connection) -> None:
        """Start a replay that waits for its first subscriber, and tell this one where it stands."""
        if self._waiting:
            self._waiting = False
            self.clock.set(self._next_time() or self.clock.now())
        status = self._replay_status()
        status.timestamp = to_milliseconds(wall_time())
        connection.reply(self._framer, connection.codec.encode(status))
        self._wake.set()

    def _replay_status(self) -> ReplayStatus:
        state = ReplayState.ENDED if self._ended else ReplayState.PAUSED if self.clock.paused else ReplayState.PLAYING
        speed = None if self.clock.unpaced else self.clock.speed
        return ReplayStatus(timestamp=1.0, state=state, position=to_milliseconds(self.clock.now()), speed=speed)

    def _backlog(self, connection: Connection, backlog: Backlog) -> None:
        if backlog is Backlog.NONE:
            self._congested.discard(connection)
            self._wake.set()
        else:
            self._congested.add(connection)
        if self.clock.unpaced and backlog is not Backlog.FULL:
            return
        for payload in self._publisher.set_backlog(connection, backlog, wall_time()):
            connection.reply(self._framer, payload)

    def _drop(self, connection: Connection, reason: str) -> None:
        self._aborted[reason] += 1
        _log.warning("aborted", connection=connection.name, reason=reason, buffered=connection.buffered)


async def _received(connection: Connection) -> bytes:
    data = await connection.recv(decode=False)
    assert isinstance(data, bytes)
    return data


def _select_subprotocol(_: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """The client's first choice among ours; JSON without a subprotocol when none is asked for or none is known."""
    return next((name for name in offered if name in CODECS), None)


def port_holder(port: int) -> str | None:
    """Who listens on a TCP port, as far as the system tells an ordinary user."""
    try:
        for entry in psutil.net_connections("tcp"):
            if entry.status == psutil.CONN_LISTEN and entry.laddr.port == port and entry.pid:
                return f"{psutil.Process(entry.pid).name()} (process {entry.pid})"
    except (psutil.Error, OSError):
        pass
    return None
