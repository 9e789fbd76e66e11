"""The client: a connection that is kept up, a subscriber, and whoever wants the messages."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Final, Self

from hftlab.client.arguments import codec_named, data_type, slow_consumer_policy, symbol_list
from hftlab.client.authentication import Authenticator, Token
from hftlab.client.batching import BATCH_DELAY, BATCH_SIZE, BatchProcessor, batches
from hftlab.client.conversation import Conversation
from hftlab.client.debug_log import WebSocketDebugLogger
from hftlab.client.health import Health
from hftlab.client.history import MessageHistory
from hftlab.client.inbox import Inbox
from hftlab.client.link import Link
from hftlab.client.metrics import Metrics
from hftlab.client.receiver import Receiver, Tap
from hftlab.client.reconnect import Backoff
from hftlab.client.recovery import Recovery
from hftlab.client.reporter import EVENTS, Reporter
from hftlab.clock import wall_time
from hftlab.errors import ConnectionFailed, NetworkError, RateLimitExceeded, WireError
from hftlab.protocol import (
    Ack,
    CancelOrder,
    ConnectionState,
    Heartbeat,
    MarketDataSymbol,
    Message,
    Ping,
    ReplayControl,
    ReplayControls,
    ReplayState,
    Subscribe,
    Unsubscribe,
)
from hftlab.protocol.book import Book
from hftlab.protocol.subscriber import Subscriber

__all__ = ["EVENTS", "Client"]

_URGENT: Final = (Heartbeat, CancelOrder)
"""What may not be kept back: without the one the connection ends, and the other only makes risks smaller."""


class Client:
    """Connects to a server, keeps subscriptions across reconnections and the newest state of each symbol.

    An asynchronous context manager and iterator: `async for message in client` yields what the server streams, and
    ends when the connection has ended for good. Times are in seconds; names and defaults are the reference document's
    useWebSocket options.

    `token` (or a coroutine function that gets one) and `refresh_token` sign in. The inbox holds `inbox_size` messages
    that nobody has taken; when it is full `drop_policy` lets the "oldest" or the "newest" go, counted in
    `metrics.dropped`, or ends the connection for good ("disconnect"). Callbacks run on the client's loop; see on().
    `busy_poll` spends a processor core on being told at once: the loop asks for bytes again and again and never sleeps.
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
        drop_policy: str = "oldest",
        token: Token | None = None,
        refresh_token: str | None = None,
        busy_poll: bool = False,
    ) -> None:
        self.url = url
        self.auto_reconnect = auto_reconnect
        self.metrics = Metrics()
        self._codec = codec_named(encoding)
        self._backoff = Backoff.scaled(reconnect_interval, max_reconnect_attempts)
        self._health = Health(heartbeat_interval)
        self._authenticator = Authenticator(url, token, refresh_token)
        self._subscriber = Subscriber()
        self._reporter = Reporter(url, self.metrics, measures=enable_performance_metrics)
        waits = self.metrics.latency["queue"] if enable_performance_metrics else None
        self._inbox = Inbox(inbox_size, drop_policy, waits)
        self._receiver = Receiver(
            self._codec,
            self._subscriber,
            self._inbox,
            self.metrics,
            self._reporter,
            self._health,
            measures=enable_performance_metrics,
        )
        self._busy_poll = busy_poll
        self._conversation: Conversation | None = None
        self._task: asyncio.Task[None] | None = None

    # --- life ---

    async def connect(self) -> Self:
        """Connect, and return when CONNECTED, signed in and with earlier subscriptions restored.

        Raises ConnectionFailed or AuthenticationFailed.
        """
        if self._task is not None and not self._task.done():
            return self
        self._inbox.open()
        self._reporter.become(ConnectionState.CONNECTING)
        try:
            first = self._attach(await Link.open(self.url, self._codec, self.metrics))
            self._task = asyncio.create_task(self._run(first), name=f"hftlab client {self.url}")
            await self._until_ready(first)
        except WireError as exc:
            await self._cancel()
            self._reporter.decide(exc)
            self._reporter.become(ConnectionState.ERROR, exc)
            raise
        return self

    async def close(self) -> None:
        """Close the connection and let the iteration end after what has been received."""
        if self._conversation is not None:
            self._reporter.become(ConnectionState.DISCONNECTING)
        await self._cancel()

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
        return self._reporter.on(event, callback)

    @property
    def connection_status(self) -> ConnectionState:
        return self._reporter.status

    @property
    def is_healthy(self) -> bool:
        return self.connection_status is ConnectionState.CONNECTED and self._health.is_healthy

    @property
    def heartbeat_interval(self) -> float:
        return self._health.interval

    @property
    def debug_log(self) -> WebSocketDebugLogger:
        """State changes, losses and errors: `.logs(level)`, `.export()`."""
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
        """Ask for symbols; returns when the server has acknowledged.

        `data_types` are among QUOTES, TRADES, ORDER_BOOK, STATISTICS, BOOK_DELTA, ARBITRAGE (default: all state, no
        events); `frequency` is the shortest time in ms between two messages, 0 for every change (default 100). While
        this client does not keep up, the server skips to the newest state ("CONFLATE", the default without events),
        skips and says so ("GAP", the default with them), or ends the connection ("DISCONNECT"). After RateLimitExceeded
        it waits until the server may be asked again. Raises SubscriptionFailed.
        """
        kinds = None if data_types is None else [data_type(kind) for kind in data_types]
        policy = None if slow_consumer is None else slow_consumer_policy(slow_consumer)
        request = Subscribe(
            timestamp=1.0,
            symbols=symbol_list(symbols),
            data_types=kinds,
            frequency=frequency,
            slow_consumer=policy,
        )
        reply = await self._request(request)
        self._subscriber.wanted.add(request.symbols, kinds, frequency, policy)
        return reply

    async def unsubscribe(self, symbols: Iterable[str], *, data_types: Iterable[str] | None = None) -> Ack:
        """End the subscriptions to symbols, or only those of some data types."""
        kinds = None if data_types is None else [data_type(kind) for kind in data_types]
        request = Unsubscribe(timestamp=1.0, symbols=symbol_list(symbols), data_types=kinds)
        self._subscriber.wanted.remove(request.symbols, kinds)
        reply = await self._request(request)
        self._subscriber.forget(request.symbols)
        return reply

    async def send_message(self, message: Message) -> None:
        """Send any message as it is, at once, stamped with the time.

        Raises NetworkError if there is no connection, and RateLimitExceeded while the server wants to be left alone: an
        order that waited for the end of that would be an old one. Cancellations are sent all the same.
        """
        link = self._connected().link
        seconds = self._reporter.held_for()
        if seconds and not isinstance(message, _URGENT):
            raise RateLimitExceeded(
                f"{self.url} has asked for a pause: send this again in {seconds:.1f} s", retry_after=seconds
            )
        await link.send(message)

    async def ping(self) -> float:
        """The round trip of one PING in seconds."""
        conversation = self._connected()
        await conversation.wait_ready()
        start = time.perf_counter()  # a loop's own time may have milliseconds only
        await conversation.request(Ping(timestamp=1.0))
        return time.perf_counter() - start

    @property
    def replay(self) -> ReplayControls:
        """Pause, resume, step, seek and set the speed of a server's recorded source; needs to be signed in."""
        return ReplayControls(self._control, lambda: self._subscriber.replay)

    async def _control(self, request: ReplayControl) -> None:
        await self._connected().request(request)

    async def _request(self, request: Subscribe | Unsubscribe) -> Ack:
        reply = await self._connected().request(request)
        assert isinstance(reply, Ack)
        return reply

    def _connected(self) -> Conversation:
        if self._conversation is None:
            raise NetworkError(f"not connected to {self.url}: wait for CONNECTED, it is {self.connection_status}")
        return self._conversation

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

    # --- messages ---

    @property
    def taps(self) -> list[Tap]:
        """Called with every message that decodes, and when it was received (wall time in ns), before anything else."""
        return self._receiver.taps

    @property
    def last_message(self) -> Message | None:
        return self._receiver.last_message

    @property
    def history(self) -> MessageHistory:
        """The newest thousand messages: `.recent(count)`, `.by_type(type, count)`."""
        return self._receiver.history

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

    def batches(self, size: int = BATCH_SIZE, delay: float = BATCH_DELAY) -> AsyncIterator[list[Message]]:
        """Iterate over lists of at most `size` messages, each `delay` seconds after its first at the latest."""
        return batches(self._inbox, size, delay)

    def on_batch(
        self, callback: Callable[[list[Message]], object], *, size: int = BATCH_SIZE, delay: float = BATCH_DELAY
    ) -> Callable[[], None]:
        """Call back with lists of what on("message") tells one by one; returns a function that flushes and ends it."""
        processor = BatchProcessor(callback, size=size, delay=delay)
        endings = ExitStack()  # the last is called first
        endings.callback(processor.flush)
        endings.callback(self.on("message", processor.add))
        return endings.close

    # --- the connection ---

    async def _run(self, conversation: Conversation) -> None:
        """Stay connected until closed, or until there is nobody to connect to."""
        following: Conversation | None = conversation
        failed = 0
        try:
            while following is not None:
                reason = await following.run()
                self._detach()
                failure = following.link.failure
                if failure is not None:
                    self._reporter.fail(failure)
                    self._reporter.become(ConnectionState.ERROR, failure)
                    return
                failed = 0 if self._was_good(following) else failed + 1
                self._reporter.become(ConnectionState.DISCONNECTED, reason)
                following = await self._reconnect(failed) if self.auto_reconnect else None
        except asyncio.CancelledError:
            self._detach()
            if self.connection_status is not ConnectionState.DISCONNECTED:
                self._reporter.become(ConnectionState.DISCONNECTED, "closed by the client")
            raise
        finally:
            self._inbox.close()

    def _was_good(self, ended: Conversation) -> bool:
        """Whether to try again at once: not with a server that takes this client in and turns it away at once."""
        return ended.lasted > (self._backoff.base if ended.link.was_turned_away else 0.0)

    async def _reconnect(self, failed: int) -> Conversation | None:
        """Try until there is a connection; `failed` tries have gone before."""
        recovery: Recovery | None = None
        asked = 0.0
        for attempt in range(failed, self._backoff.attempts):
            self._reporter.become(ConnectionState.RECONNECTING, attempt + 1)
            await asyncio.sleep(asked + self._backoff.delay(attempt, recovery))
            try:
                link = await Link.open(self.url, self._codec, self.metrics)
            except ConnectionFailed as exc:
                recovery, asked = self._reporter.fail(exc), exc.retry_after or 0.0
            else:
                self.metrics.reconnection_count += 1
                return self._attach(link)
        error = ConnectionFailed(
            f"gave up on {self.url} after {self._backoff.attempts} attempts: start the server and connect again"
        )
        self._reporter.become(ConnectionState.ERROR, error)
        return None

    def _attach(self, link: Link) -> Conversation:
        self._conversation = Conversation(
            link,
            self._receiver,
            self._subscriber,
            self._authenticator,
            self._reporter,
            self._health,
            busy_poll=self._busy_poll,
        )
        self.metrics.connected_at = wall_time()
        self._health.hear(asyncio.get_running_loop().time())
        self._reporter.become(ConnectionState.CONNECTED)
        return self._conversation

    def _detach(self) -> None:
        self._conversation = self.metrics.connected_at = None

    async def _until_ready(self, conversation: Conversation) -> None:
        try:
            await conversation.wait_ready()
        except NetworkError as exc:
            raise ConnectionFailed(f"the connection ended before it was of use ({exc})") from None

    async def _cancel(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
