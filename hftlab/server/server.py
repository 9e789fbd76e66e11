"""The streaming WebSocket server: a source on its clock, a publisher, and sockets."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from ssl import SSLContext
from types import TracebackType
from typing import Any, Final, Self, get_args

from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from hftlab.clock import NANOSECONDS, to_milliseconds, wall_time
from hftlab.credentials import is_subject
from hftlab.errors import ServerError
from hftlab.log import AUDIT, get_logger
from hftlab.port import DEFAULT_PORT
from hftlab.protocol import (
    JSON,
    Message,
    ReplayControl,
    ReplayControls,
    ReplayStatus,
    ServerShutdown,
    decode,
    encode,
)
from hftlab.protocol.publishing.authentication import Tokens
from hftlab.protocol.publishing.limits import ServerLimits
from hftlab.protocol.publishing.playback import Playback
from hftlab.protocol.publishing.publisher import Backlog, check_publishable
from hftlab.server.broadcaster import Broadcaster
from hftlab.server.connection import OVERFLOW, Connection
from hftlab.server.connection_info import ConnectionInfo
from hftlab.server.desk import AuthMode, CountingPublisher, Desk
from hftlab.server.http.monitor import report
from hftlab.server.listener import Listener
from hftlab.server.stream import Stream
from hftlab.source import Source, Tap

__all__ = ["Server"]

_LOOK: Final = 1 / 16
"""Of the write deadline: how often readers are looked at. A spell is noticed one look late and ended one late, and two
more are for what a full system still takes (progress.py) and for a loop that has much to do."""

_log = get_logger("hftlab.server")
_audit = get_logger(AUDIT)


class Server:
    """Serves one source to any number of clients; an asynchronous context manager.

    Without a source it sends what `publish()` is given. `port=0` takes any free port; `url` tells which. A recorded
    source waits for the first subscription, so that nobody misses its beginning; REPLAY_STATUS says when it starts, is
    controlled, and ends. A source that raises is left alone from then on: clients get a SERVER_ERROR, and `failure`
    says what it was. With `auth` "public" market data is open to all, with "required" nothing is. Raises PortInUse.
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
        if not isinstance(host, str) or not host:
            raise ValueError(f"host={host!r} is no address: give one such as '127.0.0.1', or '0.0.0.0' for all")
        if auth not in get_args(AuthMode):
            raise ValueError(f"auth={auth!r} is neither of " + " and ".join(map(repr, get_args(AuthMode))))
        self.source, self.host, self.port = source, host, port
        self.limits = ServerLimits() if limits is None else limits
        self._auth, self._origins, self._hosts, self._ssl = auth, origins, hosts, ssl
        self._playback = Playback(source)
        self.clock = self._playback.clock
        self.session = uuid.uuid4().hex
        symbols = None if source is None else list(source.symbols)
        self._publisher = CountingPublisher(
            session=self.session, limits=self.limits.to_wire(), symbols=symbols, public=auth == "public"
        )
        self._listener = Listener(self._handle, self._page, self.limits, key)
        self._broadcaster = Broadcaster()
        self._stream = Stream(self._playback, self._publisher, self._broadcaster.send)
        self._congested = self._stream.congested
        self._desk = Desk(self._publisher, self.limits, self._listener.authenticator, auth, self._stream.control)
        self._connections: dict[Connection, None] = {}
        self._counts: Counter[str] = Counter()
        self._aborted: Counter[str] = Counter()
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping: asyncio.Task[None] | None = None

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
        if self._stopping is None or self._stopping.done():
            if not self.is_running:
                return
            self._stopping = asyncio.create_task(self._stop(), name=f"hftlab stop {self.port}")
        await asyncio.shield(self._stopping)

    async def _stop(self) -> None:
        try:
            for task in self._tasks:
                task.cancel()
            for ended in await asyncio.gather(*self._tasks, return_exceptions=True):
                if isinstance(ended, Exception):
                    _log.error("a task had ended early", exc_info=ended)
            notice = ServerShutdown(timestamp=1.0, message="the server is shutting down")
            self._broadcaster.send(self._publisher.notify(notice, wall_time()), time.perf_counter())
        finally:
            await self._listener.close(self._abort_at_shutdown)
            self._broadcaster.queue_times.close()
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

    @property
    def failure(self) -> str | None:
        """What the source has raised, after which nothing more is streamed of it; None while all is well."""
        return self._playback.failure

    def connections(self) -> list[ConnectionInfo]:
        """Who is connected, and how far each reader is behind."""
        return [ConnectionInfo.of(one, self._desk.subject(one)) for one in self._connections]

    def stats(self) -> dict[str, Any]:
        """Counts since the start; `aborted` and `refused` by reason, `errors` by type, `failed_taps` by exception.

        `failure` and `lag_seconds` are of this moment. `broadcast_seconds` is how long a batch takes from its source to
        its last reader's socket, encoding included, `queue_seconds` how long messages wait in a connection's buffer
        before the kernel takes them: `count`, `mean`, `p50`, `p99`, `max`.
        """
        publisher = self._publisher
        return {
            "connections": len(self._connections),
            "channels": len(publisher.channels),
            "published": publisher.published,
            "messages_sent": self._broadcaster.messages,
            "bytes_sent": self._broadcaster.bytes,
            "messages_received": self._counts["received"],
            "bytes_received": self._counts["bytes received"],
            "conflated": publisher.conflated,
            "gaps": publisher.gaps,
            "aborted": dict(self._aborted),
            "refused": {} if self._listener.endpoints is None else dict(self._listener.endpoints.refused),
            "errors": dict(publisher.errors),
            "failed_taps": dict(self._stream.failed_taps),
            "failure": self.failure,
            "lag_seconds": self._stream.lag(),
            "broadcast_seconds": self._broadcaster.broadcasts.histogram.summary(),
            "queue_seconds": self._broadcaster.queue_times.histogram.summary(),
        }

    def issue_tokens(self, subject: str) -> Tokens:
        """An access token for AUTH messages, and a refresh token for POST /api/auth/refresh."""
        return self._listener.authenticator.issue(subject, wall_time() / NANOSECONDS)

    def _page(self, request: Request) -> Response | None:
        histograms = {
            "broadcast_seconds": self._broadcaster.broadcasts.histogram,
            "queue_seconds": self._broadcaster.queue_times.histogram,
        }
        trusted = self._auth == "public" or self._listener.authenticator.is_bearer(
            request.headers.get_all("Authorization"), wall_time() / NANOSECONDS
        )
        return report(request.path, self.stats, histograms, trusted=trusted)

    # --- the stream ---

    @property
    def taps(self) -> list[Tap]:
        """Called with every message that is streamed, as Timed: with its source time in ns, and its account."""
        return self._stream.taps

    def publish(self, message: Message, account: str | None = None) -> None:
        """Stream one message by hand; call it on the server's loop.

        A private message (ORDER_UPDATE, POSITION_UPDATE, PORTFOLIO_UPDATE) goes to the connections that are signed in
        as `account`, by default that of this process's user, and to no others. Raises MessageParseError if the message
        is not valid or of a type that servers do not stream, ValueError if the account cannot be one.
        """
        check_publishable(message)
        if account is not None and not is_subject(account):
            raise ValueError(f"account={account!r} is not a printable name of 1 to 128 characters")
        self._stream.publish(decode(encode(message)), account)

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

    # --- connections ---

    async def _handle(self, connection: Connection) -> None:
        connection.opened(self._broadcaster.framer, self._aborted)
        connection.gather(self.clock.unpaced)
        connection.on_backlog = self._backlog
        connection.on_overflow = self._overflow
        connection.on_too_big = self._desk.too_big
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
            subject = self._desk.leave(connection)
            self._publisher.leave(connection)
            self._connections.pop(connection, None)
            self._congested.discard(connection)
            self._stream.wake()
            _audit.info(
                "disconnected",
                connection=connection.name,
                peer=connection.peer_address,
                subject=subject,
                reason=connection.expelled or reason,
                received=connection.received,
            )

    def _receive(self, connection: Connection, data: bytes) -> None:
        self._counts["received"] += 1
        self._counts["bytes received"] += len(data)
        connection.received += 1
        self._desk.receive(connection, data)
        if self._playback.is_recorded and not connection.is_told and self._publisher.is_subscribed(connection):
            self._tell_position(connection)

    def _tell_position(self, connection: Connection) -> None:
        """The first subscription starts a replay that waits for it; who comes later is told where it stands."""
        if self._stream.begin():
            for one in self._connections:
                one.is_told = self._publisher.is_told(one)
        elif not connection.is_told:
            connection.is_told = True
            connection.reply(connection.codec.encode(self.replay_status()))

    def _backlog(self, connection: Connection, backlog: Backlog) -> None:
        if backlog is Backlog.NONE:
            self._congested.discard(connection)
            self._stream.wake()
        else:
            self._congested.add(connection)
        if backlog is Backlog.CONGESTED and self.clock.unpaced:
            return  # the stream waits for it instead; what ends a backlog is always passed on
        if backlog is Backlog.FULL and self._publisher.is_unforgiving(connection):
            self._overflow(connection, "disconnect")
            return
        for payload in self._publisher.set_backlog(connection, backlog, wall_time()):
            connection.reply(payload)

    def _overflow(self, connection: Connection, cause: str = "overflow") -> None:
        """What may not be skipped does not fit any more: the client is to come back, and resume."""
        connection.expel(OVERFLOW, "slow consumer", cause)

    async def _watch(self) -> None:
        """Abort readers that have stopped; they are looked at several times within their deadline."""
        deadline = self.limits.write_deadline
        while True:
            await asyncio.sleep(deadline * _LOOK)
            now = time.monotonic()
            for connection in list(self._connections):
                try:
                    connection.gather(self.clock.unpaced)
                    if connection.has_stopped(now, deadline * (1 - 4 * _LOOK)):
                        self._abort(connection, "slow consumer")
                except Exception:  # of one, and the others are to be looked at all the same
                    _log.exception("a connection cannot be watched", connection=connection.name)
                    self._abort(connection, "not watched")

    def _abort_at_shutdown(self, connection: Connection) -> None:
        if connection in self._connections:
            self._abort(connection, "shutdown")
        else:
            connection.abort()

    def _abort(self, connection: Connection, reason: str) -> None:
        _log.warning("aborted", connection=connection.name, reason=reason, buffered=connection.buffered)
        connection.drop(reason)


async def _received(connection: Connection) -> bytes:
    data = await connection.recv()  # closes with 1007 on text that is no UTF-8 (RFC 6455 section 8.1)
    return data.encode() if isinstance(data, str) else bytes(data)
