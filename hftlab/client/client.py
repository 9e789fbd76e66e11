"""The streaming client: it stays connected, keeps subscriptions, and hands on what the server streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import ExitStack
from ssl import SSLContext
from types import TracebackType
from typing import Self

from hftlab.client.arguments import (
    Addresses,
    Encoding,
    account_name,
    address_list,
    attempts,
    codec_named,
    data_type_list,
    heartbeat_seconds,
    interval,
    message_count,
    reconnect_seconds,
    slow_consumer_policy,
    symbol_list,
)
from hftlab.client.authentication import Authenticator, Token
from hftlab.client.batching import BATCH_DELAY, BATCH_SIZE, BatchProcessor, batches
from hftlab.client.commands import Commands
from hftlab.client.debug_log import WebSocketDebugLogger
from hftlab.client.dialer import Dialer
from hftlab.client.history import MessageHistory
from hftlab.client.inbox import INBOX_BYTES, INBOX_SIZE, DropPolicy, Inbox
from hftlab.client.metrics import Metrics
from hftlab.client.order_watch import OrderWatch
from hftlab.client.receiver import Receiver
from hftlab.client.reporter import EVENTS, Reporter
from hftlab.client.supervisor import Supervisor
from hftlab.client.trading import Trading
from hftlab.errors import HftlabError, NetworkError
from hftlab.protocol import (
    Ack,
    ChannelInfo,
    ConnectionState,
    DataType,
    MarketDataSymbol,
    Message,
    ReplayControls,
    ReplayState,
    Subscribe,
    Unsubscribe,
)
from hftlab.protocol.book import Book
from hftlab.protocol.subscribing.subscriber import Subscriber
from hftlab.source import Tap
from hftlab.transport.address import redacted
from hftlab.transport.backoff import Backoff
from hftlab.transport.clock_offset import ClockOffset
from hftlab.transport.recovery import ErrorRecovery

__all__ = ["EVENTS", "Client"]


class Client:
    """Client of one server: reconnects, restores subscriptions, and knows the newest state of each symbol.

    `url` is the address, or the server itself. With a list of addresses, of gateways that serve the same, it is
    connected to one of them, begins with the first, and goes on with the next when a connection is lost. It is an
    asynchronous context manager and iterator: `async for message in client` yields what the server streams, and ends
    when the connection has ended for good. Times are in seconds; names and defaults are the reference document's
    useWebSocket options. `max_reconnect_attempts` counts attempts in a row, None is no limit; a connection that does
    not last `reconnect_interval` counts as a failed attempt.

    A subscription lasts until unsubscribe(): each new connection asks for it again, and an "error" names the symbols
    that its server does not have.

    `token` (or a coroutine function that gets one) and `refresh_token` sign in. On a loopback address `account` signs
    in under that name, with the key of the server that the same user runs there; such a server is signed in to under
    the user's name if neither an account nor a token is given.

    The inbox holds at most `inbox_size` messages that have not been taken (default 100,000), and `inbox_bytes` of their
    payloads (default 64 MiB; decoded they need about three times as much memory). When it is full `drop_policy` drops
    the "oldest" or the "newest", counted in `metrics.dropped`, or ends the connection for good ("disconnect"). With
    `keep_unread=False`, and none of the three given, it keeps only the last ten seconds, and at least the newest
    thousand messages, until somebody takes the first: for a client that people only look at. Callbacks run on the
    client's loop; see on(). `ssl` says whom to trust at a wss:// address, such as
    ssl.create_default_context(cafile=...) for a certificate authority of your own. `busy_poll` saves the time that
    a sleeping processor takes to wake up, at the cost of one core: the loop polls for bytes and never sleeps. With
    `cancel_on_disconnect` the server cancels the orders that came over a connection when that ends.
    """

    def __init__(
        self,
        url: Addresses,
        *,
        auto_reconnect: bool = True,
        max_reconnect_attempts: int | None = 10,
        reconnect_interval: float = 1.0,
        heartbeat_interval: float = 30.0,
        enable_performance_metrics: bool = True,
        encoding: Encoding = "json",
        inbox_size: int | None = None,
        inbox_bytes: int | None = None,
        drop_policy: DropPolicy = "oldest",
        keep_unread: bool = True,
        token: Token | None = None,
        refresh_token: str | None = None,
        account: str | None = None,
        ssl: SSLContext | None = None,
        busy_poll: bool = False,
        cancel_on_disconnect: bool = False,
    ) -> None:
        self.addresses, self.ssl = address_list(url), ssl
        """Addresses that were given, with their passwords."""
        shown = " or ".join(map(redacted, self.addresses))
        self.enable_performance_metrics = enable_performance_metrics
        self.metrics = Metrics()
        codec = codec_named(encoding)
        backoff = Backoff.scaled(reconnect_seconds(reconnect_interval), attempts(max_reconnect_attempts))
        authenticator = Authenticator(
            self.addresses[0],
            token,
            refresh_token,
            ssl,
            account_name(account, has_token=token is not None or refresh_token is not None),
        )
        self._subscriber = Subscriber()
        recovery = ErrorRecovery(backoff.base, backoff.limit)
        self._reporter = Reporter(shown, self.metrics, recovery, measures=enable_performance_metrics)
        self._inbox = Inbox(
            INBOX_SIZE if inbox_size is None else inbox_size,
            drop_policy,
            size_bytes=INBOX_BYTES if inbox_bytes is None else inbox_bytes,
            metrics=self.metrics,
            measures=enable_performance_metrics,
            until_asked=not keep_unread and inbox_size is None and inbox_bytes is None and drop_policy == "oldest",
        )
        clock_offset, watch = ClockOffset(), OrderWatch()
        self._receiver = Receiver(
            codec,
            self._inbox,
            self.metrics,
            self._reporter,
            clock_offset,
            watch,
            measures=enable_performance_metrics,
        )
        self._dialer = Dialer(
            addresses=self.addresses,
            ssl=ssl,
            heartbeat_interval=heartbeat_seconds(heartbeat_interval),
            busy_poll=busy_poll,
            codec=codec,
            subscriber=self._subscriber,
            clock_offset=clock_offset,
            receiver=self._receiver,
            authenticator=authenticator,
            reporter=self._reporter,
            metrics=self.metrics,
            cancel_on_disconnect=cancel_on_disconnect,
        )
        self._inbox.close()  # nothing comes before connect()
        self._supervisor = Supervisor(
            shown,
            self._dialer.dial,
            self._reporter,
            self._inbox,
            self.metrics,
            backoff,
            auto_reconnect=auto_reconnect,
        )
        self._commands = Commands(shown, self._supervisor, self._subscriber, self._reporter)
        self.trading = Trading(shown, self._supervisor, self._commands, self._subscriber, self._reporter, watch)
        """Orders, positions and fills of the account that the client is signed in as."""

    @property
    def address(self) -> str:
        """Address of the server that it is, or was last, connected to, with its password if it has one."""
        return self._dialer.address

    @property
    def url(self) -> str:
        """The address without its password."""
        return redacted(self.address)

    # --- life ---

    async def connect(self) -> Self:
        """Connect; returns when CONNECTED: signed in, and with earlier subscriptions restored.

        Raises ConnectionFailed or AuthenticationFailed, and NetworkError if the client is closed meanwhile. A cancelled
        call leaves no connection behind; a second call waits for the same connection.
        """
        await self._supervisor.connect()
        return self

    async def wait_connected(self, timeout: float | None = None) -> None:
        """Wait until CONNECTED, after a connection has been lost for example.

        Raises the error that has ended the connection for good, and NetworkError before connect() and after `timeout`
        seconds.
        """
        try:
            async with asyncio.timeout(timeout):
                await self._supervisor.wait_connected()
        except TimeoutError:
            raise NetworkError(
                f"not connected to {self.url} after {timeout:g} s: it is {self.connection_status}"
            ) from None

    async def close(self) -> None:
        """Close the connection; the iteration ends after the messages received so far."""
        await self._supervisor.close()

    async def wait_closed(self) -> None:
        """Wait until the connection has ended for good."""
        await self._supervisor.wait_closed()

    async def __aenter__(self) -> Self:
        return await self.connect()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"Client({self.url!r}, {self.connection_status.lower()}, symbols: {len(self.symbols)})"

    def on(self, event: str, callback: Callable[..., object]) -> Callable[[], None]:
        """Call `callback` at each `event` (see EVENTS) with its message, Loss, Undecoded, attempt, reason or error.

        Returns a function that removes the callback. An exception of a callback is counted in `metrics.error_count`,
        and reported in `debug_log`, with its stack, and as an "error" (CallbackFailed); of one that fails repeatedly
        the first, second, fourth, eighth ... are reported. Raises TypeError for a coroutine function: nothing would
        await it.
        """
        return self._reporter.on(event, callback)

    @property
    def connection_status(self) -> ConnectionState:
        """State of the connection; see ConnectionState."""
        return self._reporter.status

    @property
    def is_healthy(self) -> bool:
        """True if the client is CONNECTED and has heard the server lately."""
        link = self._supervisor.link
        is_connected = self.connection_status is ConnectionState.CONNECTED
        return is_connected and link is not None and link.protocol.is_healthy

    @property
    def auto_reconnect(self) -> bool:
        """True if a lost connection is made again; may be set."""
        return self._supervisor.auto_reconnect

    @auto_reconnect.setter
    def auto_reconnect(self, value: bool) -> None:
        self._supervisor.auto_reconnect = value

    @property
    def max_reconnect_attempts(self) -> int | None:
        """Attempts in a row before the client gives up; None is no limit."""
        return self._supervisor.backoff.attempts

    @property
    def reconnect_interval(self) -> float:
        """Seconds from which the waits before reconnections grow."""
        return self._supervisor.backoff.base

    @property
    def heartbeat_interval(self) -> float:
        """Seconds between two heartbeats."""
        return self._dialer.heartbeat_interval

    @property
    def debug_log(self) -> WebSocketDebugLogger:
        """Log of state changes, losses and errors: `.logs(level)`, `.export()`."""
        return self._reporter.log

    # --- requests ---

    async def subscribe(
        self,
        symbols: Iterable[str],
        *,
        data_types: Iterable[str] | None = None,
        frequency: int | None = None,
        slow_consumer: str | None = None,
    ) -> Ack:
        """Subscribe to symbols; returns when the server has acknowledged.

        `data_types` are among QUOTES, TRADES, ORDER_BOOK, STATISTICS, BOOK_DELTA, ARBITRAGE (default: all state, no
        events); `frequency` is the shortest time in ms between two messages, 0 for every change (default 100).
        `slow_consumer` is what the server does while this client does not keep up: skip to the newest state
        ("CONFLATE", the default without events), declare what it skips ("GAP", the default with events), or end the
        connection ("DISCONNECT"). After RateLimitExceeded the next call waits until the server may be asked again.
        Raises SubscriptionFailed.
        """
        kinds = data_type_list(data_types)
        policy = None if slow_consumer is None else slow_consumer_policy(slow_consumer)
        request = Subscribe(
            timestamp=1.0,
            symbols=symbol_list(symbols),
            data_types=kinds,
            frequency=interval(frequency),
            slow_consumer=policy,
        )
        return await self._commands.subscribe(request)

    async def unsubscribe(self, symbols: Iterable[str], *, data_types: Iterable[str] | None = None) -> Ack | None:
        """End the subscriptions to symbols, or to some of their data types; if the server refuses, nothing changes.

        Without a connection this returns None, and the next connection does not ask for them.
        """
        request = Unsubscribe(timestamp=1.0, symbols=symbol_list(symbols), data_types=data_type_list(data_types))
        return await self._commands.unsubscribe(request)

    async def send_message(self, message: Message) -> None:
        """Send any message at once, stamped with the time.

        Raises NetworkError without a connection, and RateLimitExceeded while the server has asked for a pause: an order
        that waited for its end would be late. Cancellations and heartbeats are sent all the same.
        """
        await self._commands.send(message)

    async def ping(self) -> float:
        """Measure the round trip of one PING, in seconds."""
        return await self._commands.ping()

    @property
    def replay(self) -> ReplayControls:
        """Controls of a server's recorded source: pause, resume, step, seek, speed. They need a signed-in client."""
        return ReplayControls(self._commands.control, lambda: self._subscriber.replay)

    # --- state ---

    @property
    def account(self) -> str | None:
        """Account that the connection is signed in as; None while it is not, or where the server does not say."""
        link = self._supervisor.link
        return None if link is None else link.protocol.account

    @property
    def symbols(self) -> list[str]:
        """Symbols subscribed to."""
        return self._subscriber.wanted.symbols

    @property
    def subscriptions(self) -> dict[str, list[DataType]]:
        """Data types subscribed to, by symbol."""
        wanted = self._subscriber.wanted
        return {symbol: sorted(wanted.data_types(symbol)) for symbol in wanted.symbols}

    @property
    def channels(self) -> list[ChannelInfo]:
        """Channels that the server has named in this connection; empty with a server that has none."""
        return self._subscriber.channels

    @property
    def offered_symbols(self) -> list[str]:
        """Symbols that the server has; empty if it does not say."""
        return self._subscriber.offered_symbols

    @property
    def replay_ended(self) -> bool:
        """True if a replayed source has reached its end."""
        status = self._subscriber.replay
        return status is not None and status.state is ReplayState.ENDED

    def latest(self, symbol: str) -> MarketDataSymbol | None:
        """Return the newest state of a symbol, None before the first; `bids` and `asks` need ORDER_BOOK."""
        return self._subscriber.latest(symbol)

    def book(self, symbol: str) -> Book | None:
        """Return the newest book of a symbol, None before the first levels; `stale` while messages are missing."""
        return self._subscriber.book(symbol)

    # --- messages ---

    @property
    def taps(self) -> list[Tap]:
        """Functions called with every message that decodes, as a Timed: when it was received (wall time in ns), the
        account of a private message, and the bytes of a message that came as JSON."""
        return self._receiver.taps

    def report(self, error: HftlabError) -> None:
        """Report an error that a tap has met, such as a recording's full disk, as an "error" event; the tap goes on."""
        self._reporter.report(error)

    @property
    def last_message(self) -> Message | None:
        """Newest message received; None before the first."""
        return self._receiver.last_message

    @property
    def history(self) -> MessageHistory:
        """Newest thousand messages: `.recent(count)`, `.by_type(type, count)`."""
        return self._receiver.history

    def messages(self, count: int | None = None) -> list[Message]:
        """Take the messages that have arrived, oldest first, at most `count`; does not wait.

        With `keep_unread=False` the first call finds those of the last ten seconds, and at least the newest thousand.
        """
        return self._inbox.take(message_count(count))

    def keep_messages(self) -> None:
        """Keep all messages from now on, as the first call that takes some does."""
        self._inbox.ask()

    async def next_message(self) -> Message | None:
        """Wait for the next message and take it; None when the connection has ended for good."""
        return await self._inbox.get()

    async def gather(self, count: int) -> list[Message]:
        """Wait for the next `count` messages and take them; fewer when the connection has ended for good.

        A cancelled wait takes nothing.
        """
        return await self._inbox.gather(count)

    async def __aiter__(self) -> AsyncIterator[Message]:
        while (message := await self.next_message()) is not None:
            yield message

    def batches(self, size: int = BATCH_SIZE, delay: float = BATCH_DELAY) -> AsyncIterator[list[Message]]:
        """Iterate over lists of at most `size` messages, each `delay` seconds after its first at the latest."""
        return batches(self._inbox, size, delay)

    def on_batch(
        self, callback: Callable[[list[Message]], object], *, size: int = BATCH_SIZE, delay: float = BATCH_DELAY
    ) -> Callable[[], None]:
        """Call `callback` with lists of messages; returns a function that flushes and removes it."""
        processor = BatchProcessor(self._reporter.guarded("batch", callback), size=size, delay=delay)
        endings = ExitStack()  # the last is called first
        endings.callback(processor.flush)
        endings.callback(self.on("message", processor.add))
        return endings.close
