"""The client: a connection that is kept up, a subscriber, and whoever wants the messages."""

from __future__ import annotations

import asyncio
import functools
import itertools
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.typing import Subprotocol

from hftlab.client.health import Health
from hftlab.client.inbox import Inbox
from hftlab.client.metrics import Metrics
from hftlab.client.reconnect import Backoff
from hftlab.clock import from_milliseconds, to_milliseconds, wall_time
from hftlab.errors import (
    ConnectionFailed,
    HftlabError,
    MessageParseError,
    NetworkError,
    SubscriptionFailed,
    WireError,
)
from hftlab.log import get_logger
from hftlab.protocol import (
    JSON,
    MSGPACK,
    Ack,
    Codec,
    ConnectionState,
    DataType,
    Error,
    Heartbeat,
    MarketData,
    MarketDataSymbol,
    Message,
    Ping,
    Pong,
    ReplayState,
    Subscribe,
    Unsubscribe,
)
from hftlab.protocol.book import Book
from hftlab.protocol.subscriber import Loss, Subscriber

__all__ = ["EVENTS", "Client"]

EVENTS: Final = ("connecting", "connected", "disconnected", "reconnecting", "error", "message", "loss")
"""The reference document's six lifecycle events, and "loss" with a Loss when messages did not arrive."""

_REPLY_TIMEOUT: Final = 10.0
_WELCOME_TIMEOUT: Final = 1.0

_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")

_log = get_logger("hftlab.client")
_Request = Subscribe | Unsubscribe | Ping | Heartbeat
Tap = Callable[[Message, int], None]


class Client:
    """Connects to a server, keeps subscriptions across reconnections and the newest state of each symbol.

    An asynchronous context manager and iterator: `async for message in client` yields what the server streams, and
    ends when the connection has ended for good. Times are in seconds; names and defaults are the reference document's
    useWebSocket options. Raises ConnectionFailed if the first connection cannot be made.

    `on(event, callback)` calls back on the client's loop for the events in EVENTS.
    """

    def __init__(
        self,
        url: str,
        *,
        auto_reconnect: bool = True,
        max_reconnect_attempts: int = 10,
        reconnect_interval: float = 1.0,
        heartbeat_interval: float = 30.0,
        enable_performance_metrics: bool = True,
        encoding: str = "json",
        inbox_size: int = 100_000,
    ) -> None:
        self.url = url
        self.auto_reconnect = auto_reconnect
        self.heartbeat_interval = heartbeat_interval
        self.enable_performance_metrics = enable_performance_metrics
        self.connection_status = ConnectionState.DISCONNECTED
        self.last_message: Message | None = None
        self.metrics = Metrics()
        self.taps: list[Tap] = []
        self._codec = _codec(encoding)
        self._backoff = Backoff(base=reconnect_interval, attempts=max_reconnect_attempts)
        self._health = Health(heartbeat_interval)
        self._subscriber = Subscriber()
        self._inbox = Inbox(inbox_size)
        self._callbacks: defaultdict[str, list[Callable[..., None]]] = defaultdict(list)
        self._pending: dict[str, asyncio.Future[Message]] = {}
        self._numbers = itertools.count(1)
        self._socket: ClientConnection | None = None
        self._welcomed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    # --- life ---

    async def connect(self) -> Self:
        """Connect, and return when CONNECTED. Raises ConnectionFailed."""
        if self._task is not None and not self._task.done():
            return self
        self._inbox.open()
        self._become(ConnectionState.CONNECTING)
        try:
            socket = await self._open()
        except ConnectionFailed as exc:
            self._become(ConnectionState.ERROR, exc)
            raise
        self._attach(socket)
        self._task = asyncio.create_task(self._run(socket), name=f"hftlab client {self.url}")
        # The welcome says what the server has; one that sends none is used all the same.
        with suppress(TimeoutError):
            async with asyncio.timeout(_WELCOME_TIMEOUT):
                await self._welcomed.wait()
        return self

    async def close(self) -> None:
        """Close the connection and let the iteration end after what has been received."""
        if self._task is None:
            return
        task, self._task = self._task, None
        if self._socket is not None:
            self._become(ConnectionState.DISCONNECTING)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    async def wait_closed(self) -> None:
        """Wait until the connection has ended for good."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def __aenter__(self) -> Self:
        return await self.connect()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def on(self, event: str, callback: Callable[..., None]) -> Callable[[], None]:
        """Call `callback` at each `event` with what it carries: a message, a Loss, an attempt, a reason or an error.

        Returns a function that ends it.
        """
        if event not in EVENTS:
            raise ValueError(f"no event is called {event!r}; there are {', '.join(EVENTS)}")
        self._callbacks[event].append(callback)
        return functools.partial(self._callbacks[event].remove, callback)

    @property
    def is_healthy(self) -> bool:
        return self.connection_status is ConnectionState.CONNECTED and self._health.is_healthy

    # --- requests ---

    async def subscribe(
        self, symbols: Iterable[str], *, data_types: Iterable[str] | None = None, frequency: int | None = None
    ) -> Ack:
        """Ask for symbols; returns when the server has acknowledged.

        `data_types` are among QUOTES, TRADES, ORDER_BOOK, STATISTICS (default: all state, no TRADES); `frequency` is
        the shortest time in ms between two messages, 0 for every change (default 100). Raises SubscriptionFailed.
        """
        kinds = None if data_types is None else [_data_type(kind) for kind in data_types]
        request = Subscribe(timestamp=1.0, symbols=_symbols(symbols), data_types=kinds, frequency=frequency)
        reply = await self._request(request)
        self._subscriber.wanted.add(request.symbols, kinds, frequency)
        return reply

    async def unsubscribe(self, symbols: Iterable[str], *, data_types: Iterable[str] | None = None) -> Ack:
        """End the subscriptions to symbols, or only those of some data types."""
        kinds = None if data_types is None else [_data_type(kind) for kind in data_types]
        request = Unsubscribe(timestamp=1.0, symbols=_symbols(symbols), data_types=kinds)
        self._subscriber.wanted.remove(request.symbols, kinds)
        reply = await self._request(request)
        self._subscriber.forget(request.symbols)
        return reply

    async def send_message(self, message: Message) -> None:
        """Send any message as it is, stamped with the time. Raises NetworkError if there is no connection."""
        message.timestamp = to_milliseconds(wall_time())
        data = self._codec.encode(message)
        if self._socket is None:
            raise NetworkError(f"not connected to {self.url}: wait for CONNECTED, it is {self.connection_status}")
        try:
            await self._socket.send(data, text=not self._codec.binary)
        except ConnectionClosed:
            raise NetworkError(f"the connection to {self.url} closed while sending; it will be made again") from None
        self.metrics.messages_sent += 1
        self.metrics.bytes_sent += len(data)

    async def ping(self) -> float:
        """The round trip of one PING in seconds."""
        start = time.perf_counter()  # a loop's own time may have milliseconds only
        await self._exchange(Ping(timestamp=1.0))
        return time.perf_counter() - start

    async def _request(self, request: _Request) -> Ack:
        reply = await self._exchange(request)
        assert isinstance(reply, Ack)
        return reply

    async def _exchange(self, request: _Request) -> Message:
        """Send a request and wait for the reply that carries its id; an ERROR is raised."""
        request.id = f"req_{next(self._numbers)}"
        self._pending[request.id] = answer = asyncio.get_running_loop().create_future()
        try:
            await self.send_message(request)
            async with asyncio.timeout(_REPLY_TIMEOUT):
                reply: Message = await answer
        except TimeoutError:
            raise NetworkError(
                f"{self.url} has not answered {request.type} for {_REPLY_TIMEOUT:g} s: is it an hftlab server?"
            ) from None
        finally:
            self._pending.pop(request.id, None)
        if isinstance(reply, Error):
            raise WireError.of(reply.error_type, reply.message, reply.context)
        return reply

    # --- state ---

    @property
    def symbols(self) -> list[str]:
        """What is subscribed to."""
        return self._subscriber.wanted.symbols

    @property
    def offered_symbols(self) -> list[str]:
        """What the server has; empty if it does not tell."""
        return self._subscriber.offered

    @property
    def replay_ended(self) -> bool:
        """Whether a replayed source has said that it is at its end."""
        status = self._subscriber.replay
        return status is not None and status.state is ReplayState.ENDED

    def latest(self, symbol: str) -> MarketDataSymbol | None:
        """The newest state of a symbol, None before the first; `bids` and `asks` if ORDER_BOOK is subscribed."""
        return self._subscriber.latest(symbol)

    def book(self, symbol: str) -> Book | None:
        """The newest order book of a symbol; it is `stale` while messages are missing."""
        return self._subscriber.book(symbol)

    def messages(self, count: int | None = None) -> list[Message]:
        """Take what has arrived and nobody has taken yet, oldest first, at most `count`; does not wait."""
        return self._inbox.take(count)

    async def next_message(self) -> Message | None:
        """The next message, waiting for it; None when the connection has ended for good."""
        return await self._inbox.get()

    async def gather(self, count: int) -> list[Message]:
        """The next `count` messages, waiting for them; fewer when the connection has ended for good.

        None is taken if the wait is cancelled.
        """
        taken: list[Message] = []
        try:
            while len(taken) < count and (message := await self.next_message()) is not None:
                taken.append(message)
        except asyncio.CancelledError:
            self._inbox.put_back(taken)
            raise
        return taken

    async def __aiter__(self) -> AsyncIterator[Message]:
        while (message := await self.next_message()) is not None:
            yield message

    # --- the connection ---

    async def _open(self) -> ClientConnection:
        try:
            return await connect(
                self.url,
                subprotocols=[Subprotocol(self._codec.subprotocol)],
                max_size=16 * 1024 * 1024,
                close_timeout=1.0,
                open_timeout=5.0,
                proxy=None,
                # On one machine bytes cost less than the time to compress them.
                compression=None if urlsplit(self.url).hostname in _LOOPBACK else "deflate",
            )
        except InvalidURI:
            raise ConnectionFailed(f"{self.url!r} is no WebSocket address, such as ws://127.0.0.1:8081") from None
        except (OSError, InvalidHandshake, TimeoutError) as exc:
            reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc) or "no answer in 5 s"
            raise ConnectionFailed(
                f"cannot connect to {self.url} ({reason}): check that a server runs there and the port is right"
            ) from None

    async def _run(self, socket: ClientConnection) -> None:
        """Stay connected until closed, or until there is nobody to connect to."""
        connection: ClientConnection | None = socket
        try:
            while connection is not None:
                reason = await self._converse(connection)
                self._become(ConnectionState.DISCONNECTED, reason)
                connection = await self._reconnect() if self.auto_reconnect else None
        except asyncio.CancelledError:
            if self.connection_status is not ConnectionState.DISCONNECTED:
                self._become(ConnectionState.DISCONNECTED, "closed by the client")
            raise
        finally:
            self._inbox.close()

    def _attach(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._health.hear(asyncio.get_running_loop().time())
        self.metrics.connected_at = wall_time()
        self._become(ConnectionState.CONNECTED)

    async def _converse(self, socket: ClientConnection) -> str:
        """Read one connection to its end; returns why it ended."""
        heartbeat = asyncio.create_task(self._heartbeat(socket))
        try:
            for request in self._subscriber.connected():
                await self.send_message(request)
            while True:
                data = await socket.recv(decode=False)
                assert isinstance(data, bytes)
                self._receive(data, wall_time())
        except (ConnectionClosed, NetworkError) as exc:
            return _reason(exc)
        finally:
            heartbeat.cancel()
            self._socket = None
            self._welcomed.set()
            self._subscriber.disconnected()
            for answer in self._pending.values():
                if not answer.done():
                    answer.set_exception(NetworkError(f"the connection to {self.url} closed before it answered"))
            await socket.close()

    async def _reconnect(self) -> ClientConnection | None:
        for attempt in range(self._backoff.attempts):
            self._become(ConnectionState.RECONNECTING, attempt + 1)
            await asyncio.sleep(self._backoff.delay(attempt))
            try:
                socket = await self._open()
            except ConnectionFailed as exc:
                self._emit("error", exc)
            else:
                self.metrics.reconnection_count += 1
                self._attach(socket)
                return socket
        error = ConnectionFailed(
            f"gave up on {self.url} after {self._backoff.attempts} attempts: start the server and connect again"
        )
        self._become(ConnectionState.ERROR, error)
        return None

    async def _heartbeat(self, socket: ClientConnection) -> None:
        loop = asyncio.get_running_loop()
        for tick in itertools.count(1):
            await asyncio.sleep(self.heartbeat_interval / 2)
            self._health.check(loop.time())
            if not self._health.is_healthy:
                await socket.close(1002, "no sign of life")
                return
            if tick % 2 == 0:
                with suppress(NetworkError):
                    await self.send_message(Heartbeat(timestamp=1.0))

    def _receive(self, data: bytes, received_at: int) -> None:
        metrics = self.metrics
        metrics.messages_received += 1
        metrics.bytes_received += len(data)
        self._health.hear(asyncio.get_running_loop().time())
        try:
            message = self._codec.decode(data)
        except MessageParseError as exc:
            self._fail(exc)
            return
        for tap in self.taps:
            tap(message, received_at)
        for loss in self._subscriber.receive(message):
            self._lose(loss)
        if self.enable_performance_metrics and isinstance(message, MarketData) and not message.snapshot:
            self._measure(message, received_at)
        self._hand_over(message)

    def _hand_over(self, message: Message) -> None:
        self.last_message = message
        self._welcomed.set()
        answer = self._pending.get(message.id) if message.id is not None else None
        if answer is not None and isinstance(message, Ack | Error | Pong):
            if not answer.done():
                answer.set_result(message)
        elif isinstance(message, Error):
            self._fail(WireError.of(message.error_type, message.message, message.context))
        elif not isinstance(message, Ack):
            self._inbox.put(message)
            self.metrics.dropped = self._inbox.dropped
        self._emit("message", message)

    def _measure(self, message: MarketData, received_at: int) -> None:
        sent_at = from_milliseconds(message.timestamp)
        self.metrics.latency["network"].record(received_at - sent_at)
        if message.ts_recv is None and message.symbols:
            newest = max(symbol.timestamp for symbol in message.symbols)
            self.metrics.latency["feed"].record(sent_at - from_milliseconds(newest))

    def _lose(self, loss: Loss) -> None:
        if loss.reason == "conflated":
            self.metrics.conflated += loss.messages
        else:
            self.metrics.gaps += 1
            self.metrics.messages_lost += loss.messages
        self._emit("loss", loss)

    def _fail(self, error: HftlabError) -> None:
        self.metrics.error_count += 1
        self._emit("error", error)

    def _become(self, state: ConnectionState, *what: Any) -> None:
        self.connection_status = state
        _log.debug("state", url=self.url, state=state.value)
        if state is not ConnectionState.DISCONNECTING:
            self._emit(state.value.lower(), *what)

    def _emit(self, event: str, *what: Any) -> None:
        for callback in tuple(self._callbacks[event]):
            try:
                callback(*what)
            except Exception:
                _log.exception("callback failed", event_name=event, url=self.url)


def _codec(encoding: str) -> Codec:
    codecs = {"json": JSON, "msgpack": MSGPACK}
    if encoding not in codecs:
        raise ValueError(f"no encoding is called {encoding!r}; there are json and msgpack")
    return codecs[encoding]


def _symbols(symbols: Iterable[str]) -> list[str]:
    """A list; one string is taken as one symbol, not as its letters."""
    return [symbols] if isinstance(symbols, str) else list(symbols)


def _data_type(name: str) -> DataType:
    try:
        return DataType(name.upper())
    except ValueError:
        known = ", ".join(DataType)
        raise SubscriptionFailed(f"no data type is called {name!r}; there are {known}") from None


def _reason(error: Exception) -> str:
    if isinstance(error, ConnectionClosed) and error.rcvd is not None:
        return f"closed by the server with {error.rcvd.code} {error.rcvd.reason}".rstrip()
    return "the connection broke" if isinstance(error, ConnectionClosed) else str(error)
