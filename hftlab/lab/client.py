"""The client of a notebook: hftlab.Client as plain calls that wait."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator
from ssl import SSLContext
from typing import Final, Literal, Self

from hftlab.calling import plainly
from hftlab.client import Client, LatencyHistogram, Metrics, diagnostics
from hftlab.client.arguments import Addresses, message_count, symbol_list, waiting_seconds
from hftlab.client.authentication import Token
from hftlab.client.batching import BATCH_DELAY, BATCH_SIZE
from hftlab.client.debug_log import WebSocketDebugLogger
from hftlab.client.histogram import LatencySummary
from hftlab.client.history import MessageHistory
from hftlab.forking import Home
from hftlab.html_table import facts_table
from hftlab.lab.background import background
from hftlab.lab.kept import kept
from hftlab.lab.replay import LabReplay
from hftlab.lab.trading import LabTrading
from hftlab.lab.views import ClientViews
from hftlab.lab.waits import closed, gathered, next_message, replay_ended, subscribed
from hftlab.protocol import Ack, ChannelInfo, MarketDataSymbol, Message
from hftlab.protocol.book import Book
from hftlab.protocol.symbol_argument import symbol_name

__all__ = ["LabClient", "clients", "connect"]

_clients: Final[dict[str, LabClient]] = kept("clients", dict)


def connect(
    url: Addresses,
    *,
    name: str | None = None,
    account: str | None = None,
    token: Token | None = None,
    refresh_token: str | None = None,
    ssl: SSLContext | None = None,
    encoding: Literal["json", "msgpack"] = "json",
    auto_reconnect: bool = True,
    max_reconnect_attempts: int | None = 10,
    reconnect_interval: float = 1.0,
    heartbeat_interval: float = 30.0,
    inbox_size: int | None = None,
    inbox_bytes: int | None = None,
    drop_policy: Literal["oldest", "newest", "disconnect"] = "oldest",
    keep_unread: bool = False,
    enable_performance_metrics: bool = True,
    busy_poll: bool = False,
    cancel_on_disconnect: bool = False,
) -> LabClient:
    """Connect to a server and return a client that is CONNECTED. Raises ConnectionFailed, AuthenticationFailed.

    Running the cell again is safe: a client of the same `name` is closed first, and a client without a name is closed
    as soon as nothing refers to it.

    `url`: the server's address, such as "ws://127.0.0.1:8081", "wss://..." for TLS, or the server of hl.serve() itself.
    A list of gateways' addresses is tried in turn, also when a connection is lost.
    `account`: whom to sign in as at a server that this user runs on this machine (default: the user's name).
    `token`: an access token, or a coroutine function that returns one. `refresh_token`: renews an expired one.
    `ssl`: whom to trust at a wss:// address, such as ssl.create_default_context(cafile="authority.pem").
    `encoding`: "json" or "msgpack".
    `auto_reconnect`, `max_reconnect_attempts` (tries in a row, None for no limit) and `reconnect_interval` (seconds):
    what happens after a connection is lost.
    `heartbeat_interval`: seconds between two signs of life.
    `inbox_size`, `inbox_bytes`: how much is kept of what messages() has not taken yet (default: 100,000 messages and
    64 MiB). `drop_policy`: what a full inbox drops, "oldest" or "newest", or "disconnect". `keep_unread`: keep messages
    from the start, also if nobody takes them; without it, and with none of these three, the first call finds those of
    the last ten seconds, at least the newest thousand.
    `enable_performance_metrics`: measure latencies. `busy_poll`: ask the socket again and again, which spends a core.
    `cancel_on_disconnect`: whether the server cancels this client's orders when its connection ends.

    All but `name` are hftlab.Client's, which says more about them.
    """
    if name in _clients:
        _clients.pop(name).close()
    client = Client(
        url,
        account=account,
        token=token,
        refresh_token=refresh_token,
        ssl=ssl,
        encoding=encoding,
        auto_reconnect=auto_reconnect,
        max_reconnect_attempts=max_reconnect_attempts,
        reconnect_interval=reconnect_interval,
        heartbeat_interval=heartbeat_interval,
        inbox_size=inbox_size,
        inbox_bytes=inbox_bytes,
        drop_policy=drop_policy,
        keep_unread=keep_unread,
        enable_performance_metrics=enable_performance_metrics,
        busy_poll=busy_poll,
        cancel_on_disconnect=cancel_on_disconnect,
    )
    background.run(client.connect())
    handle = LabClient(client)
    if name is not None:
        _clients[name] = handle
    return handle


def clients() -> list[LabClient]:
    """Return the clients that have a name, which this process keeps."""
    return list(_clients.values())


class LabClient(ClientViews):
    """A client on the background loop; a context manager that closes it.

    In a forked child it is a copy that raises HftlabError: the connection is the parent's.
    """

    def __init__(self, client: Client) -> None:
        self._client, self._home = client, Home()
        # The loop knows the inner client only, so that this handle can be garbage while the client still runs.
        self._finalizer = self._new_finalizer()

    def _new_finalizer(self) -> weakref.finalize[..., LabClient]:
        finalizer = weakref.finalize(self, _close_later, self._client, self._home)
        finalizer.atexit = False
        return finalizer

    @property
    def inner(self) -> Client:
        """The hftlab.Client."""
        self._home.check(f"the client of {self._client.url}", "hl.connect()")
        return self._client

    # --- subscriptions ---

    def subscribe(
        self,
        symbols: Iterable[str],
        *,
        data_types: Iterable[str] | None = None,
        frequency: int | None = None,
        slow_consumer: str | None = None,
        wait: float = 1.0,
    ) -> Ack:
        """Subscribe to symbols and return the server's acknowledgement; see hftlab.Client.subscribe.

        Waits up to `wait` seconds until there is state of each symbol and data type, so that the next line of a
        notebook finds it. Events (TRADES, ARBITRAGE) are not waited for.
        """
        wanted, wait = symbol_list(symbols), waiting_seconds("wait", wait) or 0.0
        terms = {"frequency": frequency, "slow_consumer": slow_consumer}
        return background.run(subscribed(self.inner, wanted, wait, data_types=data_types, **terms))

    def unsubscribe(self, symbols: Iterable[str], *, data_types: Iterable[str] | None = None) -> Ack | None:
        """End subscriptions; see hftlab.Client.unsubscribe."""
        return background.run(self.inner.unsubscribe(symbols, data_types=data_types))

    @property
    def symbols(self) -> list[str]:
        """The symbols that this client subscribes to."""
        return self.inner.symbols

    @property
    def offered_symbols(self) -> list[str]:
        """The symbols that the server has; empty if it does not say."""
        return self.inner.offered_symbols

    @property
    def channels(self) -> list[ChannelInfo]:
        """The streams that the server has named in this connection: their symbols, data types and frequency in ms."""
        return self.inner.channels

    # --- state ---

    def latest(self, symbol: str) -> MarketDataSymbol | None:
        """Return the newest state of a symbol, None before the first."""
        return self.inner.latest(symbol_name(symbol, "client.latest()"))

    def book(self, symbol: str) -> Book | None:
        """Return the newest order book of a symbol, None before the first levels: `.bids(10)`, `.asks(10)`."""
        return self.inner.book(symbol_name(symbol, "client.book()"))

    @property
    def url(self) -> str:
        """The server's address, without a password."""
        return self.inner.url

    @property
    def connection_status(self) -> str:
        """CONNECTING, CONNECTED, RECONNECTING, DISCONNECTED or ERROR."""
        return self.inner.connection_status

    @property
    def is_healthy(self) -> bool:
        """True while connected and the server answers heartbeats."""
        return self.inner.is_healthy

    @property
    def metrics(self) -> Metrics:
        """Counters and latency histograms of this client."""
        return self.inner.metrics

    @property
    def last_message(self) -> Message | None:
        """The message that was received last."""
        return self.inner.last_message

    @property
    def history(self) -> MessageHistory:
        """The newest thousand messages: `.recent(count)`, `.by_type(type, count)`."""
        return self.inner.history

    @property
    def debug_log(self) -> WebSocketDebugLogger:
        """State changes, losses and errors: `.logs(level)`, `.export()`."""
        return self.inner.debug_log

    # --- messages ---

    def messages(self, count: int | None = None, *, timeout: float = 30.0) -> list[Message]:
        """Take the messages that have arrived since the last call, oldest first.

        The first call finds those of the last ten seconds, and at least the newest thousand: see connect(keep_unread=).
        With `count` it waits until there are so many, and returns fewer after `timeout` seconds or when the connection
        has ended for good.
        """
        if count is None:
            return self.inner.messages()
        wanted, seconds = message_count(count) or 0, waiting_seconds("timeout", timeout)
        return background.run(gathered(self.inner, wanted, seconds))

    def next_message(self, timeout: float | None = None) -> Message | None:
        """Wait for the next message; None after `timeout` seconds, or when the connection has ended for good."""
        return background.run(next_message(self.inner, waiting_seconds("timeout", timeout)))

    def batches(self, size: int = BATCH_SIZE, delay: float = BATCH_DELAY) -> Iterator[list[Message]]:
        """Iterate over lists of at most `size` messages, each `delay` seconds after its first at the latest."""
        batches = self.inner.batches(size, delay)

        async def following() -> list[Message] | None:
            return await anext(batches, None)

        while batch := background.run(following()):
            yield batch

    def __iter__(self) -> Iterator[Message]:
        """Iterate over the messages, waiting for each, until the connection has ended for good."""
        while message := background.run(self.inner.next_message()):
            yield message

    def on(self, event: str, callback: Callable[..., object]) -> Callable[[], None]:
        """Call `callback` at each `event`; see hftlab.Client.on. It runs on the background loop and must be quick."""
        return plainly(lambda: self.inner.on(event, callback))

    def on_batch(
        self, callback: Callable[[list[Message]], object], *, size: int = BATCH_SIZE, delay: float = BATCH_DELAY
    ) -> Callable[[], None]:
        """Call `callback` with lists of messages; see hftlab.Client.on_batch.

        It runs on the background loop and must be quick. Returns a function that ends it.
        """
        end = background.call(lambda: self.inner.on_batch(callback, size=size, delay=delay))
        return lambda: background.call(end)

    def send_message(self, message: Message) -> None:
        """Send any message as it is; see hftlab.Client.send_message."""
        background.run(self.inner.send_message(message))

    # --- waiting and measuring ---

    def wait_connected(self, timeout: float | None = None) -> None:
        """Wait until CONNECTED, for example after a connection was lost; see hftlab.Client.wait_connected."""
        background.run(self.inner.wait_connected(waiting_seconds("timeout", timeout)))

    def wait_closed(self, timeout: float | None = None) -> bool:
        """Wait until the connection has ended for good; False if `timeout` seconds have passed before."""
        return background.run(closed(self.inner, waiting_seconds("timeout", timeout)))

    def wait_for_replay(self, timeout: float | None = None) -> bool:
        """Wait until the server says that its replayed source has ended.

        False if `timeout` seconds have passed before, or the connection has ended for good.
        """
        return background.run(replay_ended(self.inner, waiting_seconds("timeout", timeout)))

    def ping(self) -> float:
        """Measure the round trip of one PING in seconds."""
        return background.run(self.inner.ping())

    def check(self) -> diagnostics.Diagnosis:
        """Try each step of a connection to the same server; see hftlab.client.diagnostics."""
        return background.run(diagnostics.check(self.inner.address, ssl=self.inner.ssl))

    def measure_latency(self, count: int = 100) -> LatencySummary:
        """Measure `count` round trips of PING on a connection of their own, in nanoseconds (shown in microseconds)."""
        return background.run(diagnostics.measure_latency(self.inner.address, count, ssl=self.inner.ssl))

    @property
    def trading(self) -> LabTrading:
        """Orders, positions and fills: `.buy()`, `.sell()`, `.cancel()`, `.orders`, `.positions`, `.portfolio`."""
        return LabTrading(self)

    @property
    def replay(self) -> LabReplay:
        """Controls of a server's recorded source: pause, resume, step, seek and speed."""
        return LabReplay(self.inner.replay)

    # --- life ---

    def connect(self) -> Self:
        """Connect again after the connection has ended, with the subscriptions that it had; returns the client.

        Raises ConnectionFailed, AuthenticationFailed. While CONNECTED it does nothing.
        """
        background.run(self.inner.connect())
        if not self._finalizer.alive:
            self._finalizer = self._new_finalizer()
        return self

    def close(self) -> None:
        """Close the connection; closing again does nothing, and closing in a forked child leaves the parent's open."""
        self._finalizer.detach()
        if self._home.is_here:
            background.run(self._client.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        state = self._client.connection_status if self._home.is_here else "of the parent process"
        return f"<hftlab client of {self._client.url}, {state}>"

    def _repr_html_(self) -> str:
        metrics = self.metrics
        facts = {
            "state": self.connection_status,
            "symbols": ", ".join(self.symbols),
            "messages": f"{metrics.messages_received:,}",
            "lost": f"{metrics.messages_lost:,}",
            "network latency": _latency_text(metrics.latency["network"]),
        }
        return facts_table(f"Client of {self.url}", facts)


def _latency_text(histogram: LatencyHistogram) -> str:
    if not histogram.count:
        return "not measured yet"
    summary = histogram.summary()
    return f"p50 {summary['p50'] / 1000:,.0f} µs, p99 {summary['p99'] / 1000:,.0f} µs"


def _close_later(client: Client, home: Home) -> None:
    if home.is_here:
        background.start(client.close())
