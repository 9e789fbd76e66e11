"""A client as plain calls."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Self

from hftlab.client import Client, Metrics, diagnostics
from hftlab.client.batching import BATCH_DELAY, BATCH_SIZE
from hftlab.client.debug_log import WebSocketDebugLogger
from hftlab.client.history import MessageHistory
from hftlab.html_table import facts_table
from hftlab.lab.background import background
from hftlab.lab.replay import LabReplay
from hftlab.lab.waits import closed, gathered, next_message, replay_ended, subscribed
from hftlab.protocol import Ack, MarketDataSymbol, Message
from hftlab.protocol.book import Book

__all__ = ["LabClient", "connect"]

_clients: dict[str, LabClient] = {}


def connect(url: str, *, name: str | None = None, **options: Any) -> LabClient:
    """Connect to a server; CONNECTED when it returns. `options` go to hftlab.Client.

    A client with the same name is closed first; one without a name when nothing refers to it any more. Raises
    ConnectionFailed.
    """
    if name in _clients:
        _clients.pop(name).close()
    client = Client(url, **options)
    background.run(client.connect())
    handle = LabClient(client)
    if name is not None:
        _clients[name] = handle
    return handle


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
        slow_consumer: str | None = None,
        wait: float = 1.0,
    ) -> Ack:
        """Ask for symbols; see hftlab.Client.subscribe.

        Waits up to `wait` seconds until there is state of each symbol and data type (events are not waited for), so
        that the next line of a notebook finds it.
        """
        wanted = [symbols] if isinstance(symbols, str) else list(symbols)
        terms = {"frequency": frequency, "slow_consumer": slow_consumer}
        return background.run(subscribed(self.inner, wanted, wait, data_types=data_types, **terms))

    def unsubscribe(self, symbols: Iterable[str], *, data_types: Iterable[str] | None = None) -> Ack | None:
        """End subscriptions; see hftlab.Client.unsubscribe."""
        return background.run(self.inner.unsubscribe(symbols, data_types=data_types))

    def wait_connected(self, timeout: float | None = None) -> None:
        """Wait until CONNECTED, after a connection has been lost for example; see hftlab.Client.wait_connected."""
        background.run(self.inner.wait_connected(timeout))

    def send_message(self, message: Message) -> None:
        background.run(self.inner.send_message(message))

    def ping(self) -> float:
        """The round trip of one PING in seconds."""
        return background.run(self.inner.ping())

    def latest(self, symbol: str) -> MarketDataSymbol | None:
        """The newest state of a symbol, None before the first."""
        return self.inner.latest(symbol)

    def book(self, symbol: str) -> Book | None:
        """The newest order book of a symbol: `.bids(10)`, `.asks(10)`; None before the first levels."""
        return self.inner.book(symbol)

    def messages(self, count: int | None = None, *, timeout: float = 30.0) -> list[Message]:
        """What has arrived and nobody has taken yet, oldest first.

        With `count`, waits until there are so many; what there is after `timeout` seconds, or at the connection's end.
        """
        if count is None:
            return self.inner.messages()
        return background.run(gathered(self.inner, count, timeout))

    def next_message(self, timeout: float | None = None) -> Message | None:
        """The next message, waiting for it; None after `timeout` seconds, or when the connection has ended for good."""
        return background.run(next_message(self.inner, timeout))

    def batches(self, size: int = BATCH_SIZE, delay: float = BATCH_DELAY) -> Iterator[list[Message]]:
        """Lists of at most `size` messages, each `delay` seconds after its first at the latest, until the end."""
        batches = self.inner.batches(size, delay)

        async def following() -> list[Message] | None:
            return await anext(batches, None)

        while batch := background.run(following()):
            yield batch

    def wait_closed(self, timeout: float | None = None) -> bool:
        """Wait until the connection has ended for good; False if `timeout` seconds have passed before."""
        return background.run(closed(self.inner, timeout))

    def __iter__(self) -> Iterator[Message]:
        """Message after message, waiting for the next, until the connection has ended for good."""
        while message := background.run(self.inner.next_message()):
            yield message

    def wait_for_replay(self, timeout: float | None = None) -> bool:
        """Wait until a replayed source has said that it is at its end.

        False if `timeout` seconds have passed before, or the connection has ended for good.
        """
        return background.run(replay_ended(self.inner, timeout))

    @property
    def replay(self) -> LabReplay:
        """Pause, resume, step, seek and set the speed of a server's recorded source."""
        return LabReplay(self.inner.replay)

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
        return background.run(diagnostics.check(self.inner.address, ssl=self.inner.ssl))

    def measure_latency(self, count: int = 100) -> dict[str, float]:
        """Round trips of PING on a connection of their own, in nanoseconds; see hftlab.client.diagnostics."""
        return background.run(diagnostics.measure_latency(self.inner.address, count, ssl=self.inner.ssl))

    def on_batch(
        self, callback: Callable[[list[Message]], object], *, size: int = BATCH_SIZE, delay: float = BATCH_DELAY
    ) -> Callable[[], None]:
        """See hftlab.Client.on_batch; `callback` runs on the background loop and must be quick."""
        end = background.call(lambda: self.inner.on_batch(callback, size=size, delay=delay))
        return lambda: background.call(end)

    @property
    def symbols(self) -> list[str]:
        """What is subscribed to."""
        return self.inner.symbols

    @property
    def offered_symbols(self) -> list[str]:
        """What the server has; empty if it does not tell."""
        return self.inner.offered_symbols

    def on(self, event: str, callback: Callable[..., object]) -> Callable[[], None]:
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
        background.run(self.inner.close())

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
        return facts_table(f"Client of {self.url}", facts)


def _close_later(client: Client) -> None:
    background.start(client.close())
