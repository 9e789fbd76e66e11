"""Plain calls for notebooks and scripts: one background I/O loop, and handles on what runs there.

A cell that computes or sleeps does not stop the stream, and the kernel's own loop is left to the user. A call that
waits can be interrupted; what runs on the loop goes on.
"""

from __future__ import annotations

import asyncio
import atexit
import signal
import threading
import weakref
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self, TypeVar

from hftlab.card import card
from hftlab.client import Client, Metrics, diagnostics
from hftlab.client.batching import BATCH_DELAY, BATCH_SIZE
from hftlab.client.debug_log import WebSocketDebugLogger
from hftlab.client.history import MessageHistory
from hftlab.loop import new_loop
from hftlab.protocol import Ack, MarketData, MarketDataSymbol, Message
from hftlab.protocol.book import Book
from hftlab.recorder import Recording, Session, describe, tap
from hftlab.server import DEFAULT_PORT, Server
from hftlab.simulator import RandomWalk
from hftlab.source import Source

__all__ = ["LabClient", "LabRecording", "LabServer", "connect", "enable_nested", "record", "serve"]

T = TypeVar("T")


class _Loop:
    """One daemon thread with an event loop of its own, uvloop where there is one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine there and wait for its result; an interrupt cancels it and waits for its end."""
        if self._is_current():
            coroutine.close()
            raise RuntimeError(
                "a callback runs on the background loop and cannot wait for it: let the callback only take note, "
                "for example in a queue.Queue, and wait in the main thread"
            )
        ended = threading.Event()
        future = asyncio.run_coroutine_threadsafe(_ending(coroutine, ended), self._running())
        try:
            return future.result()
        except BaseException:
            if future.cancel():
                ended.wait()
            raise

    def start(self, coroutine: Coroutine[Any, Any, object]) -> None:
        """Run a coroutine there without waiting."""
        asyncio.run_coroutine_threadsafe(coroutine, self._running())

    def call(self, function: Callable[[], T]) -> T:
        """The result of a function that does not wait, run there."""
        if self._is_current():
            return function()

        async def called() -> T:
            return function()

        return self.run(called())

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                _let_interrupts_through()
                self._loop = new_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="hftlab I/O", daemon=True)
                self._thread.start()
            return self._loop

    def _is_current(self) -> bool:
        return threading.current_thread() is self._thread


async def _ending(coroutine: Coroutine[Any, Any, T], ended: threading.Event) -> T:
    try:
        return await coroutine
    finally:
        ended.set()


def _let_interrupts_through() -> None:
    """Let SIGINT end a wait, as Python does: since polars is loaded the wait would go on (pola-rs/polars#21739)."""
    if hasattr(signal, "siginterrupt"):  # not on Windows
        signal.siginterrupt(signal.SIGINT, True)


_loop = _Loop()
_servers: dict[str, LabServer] = {}
_clients: dict[str, LabClient] = {}
_recordings: dict[Path, LabRecording] = {}


def serve(
    source: Source[Message] | None = None,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    *,
    name: str | None = None,
    **options: Any,
) -> LabServer:
    """Serve a source (default: the simulator) from this process; listening when it returns.

    A server that this process runs under the same name, or without one on the same port, is stopped first, so that a
    cell can be run again. `options` go to hftlab.Server. Raises PortInUse.
    """
    key = name or f"{host}:{port}"
    if (name or port) and key in _servers:
        _servers[key].stop()
    server = Server(RandomWalk() if source is None else source, host, port, **options)
    _loop.run(server.start())
    handle = LabServer(server, name or server.url)
    _servers[name or f"{host}:{server.port}"] = handle
    return handle


def connect(url: str, *, name: str | None = None, **options: Any) -> LabClient:
    """Connect to a server; CONNECTED when it returns. `options` go to hftlab.Client.

    A client with the same name is closed first; one without a name when nothing refers to it any more. Raises
    ConnectionFailed.
    """
    if name in _clients:
        _clients.pop(name).close()
    client = Client(url, **options)
    _loop.run(client.connect())
    handle = LabClient(client)
    if name is not None:
        _clients[name] = handle
    return handle


def record(target: LabClient | LabServer, path: Path | str, *, overwrite: bool = False) -> LabRecording:
    """Record all that a client receives, or a server publishes, into a session folder, until stopped.

    A context manager. With `overwrite` a session that is there is replaced, and a recording of this process into that
    folder is stopped first, so that a cell can be run again. Raises SessionExists without it, or if the folder holds
    anything else.
    """
    running = _recordings.pop(Path(path).resolve(), None) if overwrite else None
    if running is not None:
        running.stop()
    return LabRecording(target, path, overwrite=overwrite)


def enable_nested() -> None:
    """Let asyncio.run() be called inside a running loop, for code that insists on it; changes the whole process."""
    import nest_asyncio2

    nest_asyncio2.apply()


class LabServer:
    """A server on the background loop; a context manager that stops it."""

    def __init__(self, server: Server, name: str) -> None:
        self.inner, self.name = server, name

    @property
    def url(self) -> str:
        return self.inner.url

    @property
    def port(self) -> int:
        return self.inner.port

    @property
    def is_running(self) -> bool:
        return self.inner.is_running

    def stats(self) -> dict[str, Any]:
        """Counts since the start."""
        return _loop.call(self.inner.stats)

    def publish(self, message: Message) -> None:
        """Stream one message by hand. Raises MessageParseError if it is not valid."""
        _loop.call(lambda: self.inner.publish(message))

    def stop(self) -> None:
        """Close every connection and free the port; stopping again is no error."""
        for key in [key for key, handle in _servers.items() if handle is self]:
            del _servers[key]
        _loop.run(self.inner.stop())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<hftlab server at {self.url}, {'running' if self.is_running else 'stopped'}>"

    def _repr_html_(self) -> str:
        source = self.inner.source
        facts = {
            "state": "running" if self.is_running else "stopped",
            "source": "by hand" if source is None else source.name,
        }
        return card(f"Server {self.url}", facts | {name: value for name, value in self.stats().items() if value})


class LabClient:
    """A client on the background loop; a context manager that closes it."""

    def __init__(self, client: Client) -> None:
        self.inner = client
        # The loop knows the inner client only, so that this handle can be garbage while the client still runs.
        self._finalizer = weakref.finalize(self, _close_later, client)
        self._finalizer.atexit = False

    def subscribe(
        self,
        symbols: Iterable[str],
        *,
        data_types: Iterable[str] | None = None,
        frequency: int | None = None,
        wait: float = 1.0,
    ) -> Ack:
        """Ask for symbols; see hftlab.Client.subscribe.

        Waits up to `wait` seconds for the first data, so that the next line of a notebook finds some.
        """
        wanted = [symbols] if isinstance(symbols, str) else list(symbols)
        return _loop.run(_subscribed(self.inner, wanted, data_types, frequency, wait))

    def unsubscribe(self, symbols: Iterable[str], *, data_types: Iterable[str] | None = None) -> Ack:
        return _loop.run(self.inner.unsubscribe(symbols, data_types=data_types))

    def send_message(self, message: Message) -> None:
        _loop.run(self.inner.send_message(message))

    def ping(self) -> float:
        """The round trip of one PING in seconds."""
        return _loop.run(self.inner.ping())

    def latest(self, symbol: str) -> MarketDataSymbol | None:
        """The newest state of a symbol, None before the first."""
        return self.inner.latest(symbol)

    def book(self, symbol: str) -> Book | None:
        """The newest order book of a symbol: `.bids(10)`, `.asks(10)`."""
        return self.inner.book(symbol)

    def messages(self, count: int | None = None, *, timeout: float = 30.0) -> list[Message]:
        """What has arrived and nobody has taken yet, oldest first.

        With `count`, waits until there are so many; what there is after `timeout` seconds, or at the connection's end.
        """
        if count is None:
            return self.inner.messages()
        return _loop.run(_gathered(self.inner, count, timeout))

    def __iter__(self) -> Iterator[Message]:
        """Message after message, waiting for the next, until the connection has ended for good."""
        while message := _loop.run(self.inner.next_message()):
            yield message

    def wait_for_replay(self, timeout: float | None = None) -> bool:
        """Wait until a replayed source has said that it is at its end.

        False if `timeout` seconds have passed before, or the connection has ended for good.
        """
        return _loop.run(_replay_ended(self.inner, timeout))

    @property
    def url(self) -> str:
        return self.inner.url

    @property
    def connection_status(self) -> str:
        return self.inner.connection_status

    @property
    def last_message(self) -> Message | None:
        return self.inner.last_message

    @property
    def metrics(self) -> Metrics:
        return self.inner.metrics

    @property
    def is_healthy(self) -> bool:
        return self.inner.is_healthy

    @property
    def history(self) -> MessageHistory:
        """The newest thousand messages: `.recent(count)`, `.by_type(type, count)`."""
        return self.inner.history

    @property
    def debug_log(self) -> WebSocketDebugLogger:
        """State changes, losses and errors: `.logs(level)`, `.export()`."""
        return self.inner.debug_log

    def check(self) -> diagnostics.Diagnosis:
        """Try each step of a connection to the same server; see hftlab.client.diagnostics."""
        return _loop.run(diagnostics.check(self.url))

    def measure_latency(self, count: int = 100) -> dict[str, float]:
        """Round trips of PING on a connection of their own, in nanoseconds; see hftlab.client.diagnostics."""
        return _loop.run(diagnostics.measure_latency(self.url, count))

    def on_batch(
        self, callback: Callable[[list[Message]], object], *, size: int = BATCH_SIZE, delay: float = BATCH_DELAY
    ) -> Callable[[], None]:
        """See hftlab.Client.on_batch; `callback` runs on the background loop and must be quick."""
        end = _loop.call(lambda: self.inner.on_batch(callback, size=size, delay=delay))
        return lambda: _loop.call(end)

    @property
    def symbols(self) -> list[str]:
        """What is subscribed to."""
        return self.inner.symbols

    @property
    def offered_symbols(self) -> list[str]:
        """What the server has; empty if it does not tell."""
        return self.inner.offered_symbols

    def on(self, event: str, callback: Callable[..., None]) -> Callable[[], None]:
        """See hftlab.Client.on; `callback` runs on the background loop and must be quick."""
        return self.inner.on(event, callback)

    def ladder(self, symbol: str, **options: Any) -> Any:
        """A live order-book ladder; see hftlab.widgets.Ladder."""
        from hftlab.widgets import Ladder

        return Ladder(self, symbol, **options)

    def latency_panel(self, **options: Any) -> Any:
        """A live latency histogram; see hftlab.widgets.LatencyPanel."""
        from hftlab.widgets import LatencyPanel

        return LatencyPanel(self, **options)

    def close(self) -> None:
        """Close the connection; closing again is no error."""
        self._finalizer.detach()
        _loop.run(self.inner.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<hftlab client of {self.url}, {self.connection_status}>"

    def _repr_html_(self) -> str:
        metrics = self.metrics
        network = metrics.latency["network"].summary()
        facts = {
            "state": self.connection_status,
            "symbols": ", ".join(self.symbols),
            "messages": f"{metrics.messages_received:,}",
            "lost": f"{metrics.messages_lost:,}",
            "network latency": f"p50 {network['p50'] / 1000:,.0f} µs, p99 {network['p99'] / 1000:,.0f} µs",
        }
        return card(f"Client of {self.url}", facts)


class LabRecording:
    """A recording in progress; leaving its `with` block, or `stop()`, finishes the session."""

    def __init__(self, target: LabClient | LabServer, path: Path | str, *, overwrite: bool) -> None:
        self._recording = Recording(path, source=describe(target.inner), overwrite=overwrite)
        self._target = target  # a client that nobody else refers to must not be closed under it
        self._detach: Callable[[], None] | None = _loop.call(lambda: tap(target.inner, self._recording))
        self._key = self.folder.resolve()
        _recordings[self._key] = self

    @property
    def folder(self) -> Path:
        return self._recording.folder

    @property
    def recorded(self) -> int:
        """Messages that are safe on disk."""
        return self._recording.recorded

    def stop(self) -> Session:
        """Write what is left and return the session; stopping again returns it again."""
        detach, self._detach = self._detach, None
        if detach is not None:
            _loop.call(detach)
        session = self._recording.close()
        if _recordings.get(self._key) is self:
            del _recordings[self._key]
        return session

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = "recording" if self._detach else "finished"
        return f"<hftlab recording in {str(self.folder)!r}, {state}, {self.recorded} messages>"


async def _subscribed(
    client: Client, symbols: list[str], data_types: Iterable[str] | None, frequency: int | None, wait: float
) -> Ack:
    missing = {symbol for symbol in symbols if client.latest(symbol) is None}
    arrived = asyncio.Event()

    def arrive(message: Message) -> None:
        if isinstance(message, MarketData):
            missing.difference_update(symbol.symbol for symbol in message.symbols)
            if not missing:
                arrived.set()

    end = client.on("message", arrive)
    try:
        ack = await client.subscribe(symbols, data_types=data_types, frequency=frequency)
        if missing and wait > 0:
            await _within(arrived.wait(), wait)
        return ack
    finally:
        end()


async def _gathered(client: Client, count: int, timeout: float) -> list[Message]:
    try:
        async with asyncio.timeout(timeout):
            return await client.gather(count)
    except TimeoutError:
        return client.messages(count)


async def _replay_ended(client: Client, timeout: float | None) -> bool:
    ended = asyncio.Event()
    end = client.on("message", lambda _: ended.set() if client.replay_ended else None)
    closed = asyncio.ensure_future(client.wait_closed())
    closed.add_done_callback(lambda _: ended.set())
    try:
        if not client.replay_ended:
            await _within(ended.wait(), timeout)
        return client.replay_ended
    finally:
        end()
        closed.cancel()


async def _within(awaitable: Coroutine[Any, Any, object], seconds: float | None) -> None:
    """Wait for it, but no longer than so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            await awaitable
    except TimeoutError:
        pass


def _close_later(client: Client) -> None:
    _loop.start(client.close())


@atexit.register
def _stop_everything() -> None:
    """Finish recordings first: what they hold must not be lost. One that fails does not keep the others from it."""
    with ExitStack() as last_first:
        for server in _servers.values():
            last_first.callback(server.stop)
        for recording in _recordings.values():
            last_first.callback(recording.stop)
