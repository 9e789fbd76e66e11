"""Market of a client as it comes, in which a strategy trades without waiting for answers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any, Final, NamedTuple

from hftlab.backtest.engine import ACCOUNT, is_of_another
from hftlab.client import Client
from hftlab.clock import NANOSECONDS, from_milliseconds, wall_time
from hftlab.errors import WireError
from hftlab.lab.background import background
from hftlab.protocol import ConnectionState, MarketData, Message, NewOrder
from hftlab.protocol.order_messages import PRIVATE_MESSAGES
from hftlab.source import Timed

__all__ = ["LiveMarket"]

_HEARD: Final = (MarketData, *PRIVATE_MESSAGES)

_LOOK: Final = 0.05
"""Seconds after which an empty queue is looked at again: at timers, and at the connection."""
_REAL_TIME: Final = 60 * NANOSECONDS
"""A market whose time is not further from the wall time goes on by itself; another one stands between its messages."""
_OVER: Final = (ConnectionState.DISCONNECTED, ConnectionState.ERROR)


class _Refusal(NamedTuple):
    request: NewOrder
    reason: str


class LiveMarket:
    """Market that a client hears of, and is traded in (see hftlab.backtest.engine.TradedMarket).

    Its time is the source's, as the symbols of the messages have it; where that is about the wall time, it goes on
    between messages. What becomes of requests comes with the messages; `on_refused` gets the new orders that the server
    did not take, and why.
    """

    is_whole = False

    def __init__(self, client: Client, duration: int | None) -> None:
        self._client = client
        self.symbols: Sequence[str] = client.symbols
        self.known: list[Message] = []
        self.on_refused: Callable[[NewOrder, str], None] | None = None
        self._queue: SimpleQueue[tuple[Message | _Refusal, int]] = SimpleQueue()
        self._waiting: deque[Timed[Any]] = deque()
        self._heard_at: int | None = None
        """Wall time of the message that has set the time."""
        self.start = self._now = self._first_time()
        self.end: int | None = None if duration is None else self.start + duration
        self._forget = client.on("message", self._hear)

    def close(self) -> None:
        """Listen to the client no more."""
        self._forget()

    def next(self, until: int | None) -> Sequence[Timed[Any]]:
        """Return the next message, waiting for it until `until` at most; nothing if there is none.

        Raises EOFError at the end of the connection, or of the replay that the server streams.
        """
        while True:
            is_over = self._client.connection_status in _OVER or self._client.replay_ended
            if not self._waiting and not self._receive():
                limit = until if until is not None else self.end
                if limit is not None and self._estimate() >= limit:
                    self._now = max(self._now, limit)
                    return ()
                if is_over:  # what came before that was in the queue
                    raise EOFError
                continue
            if not self._waiting:
                continue
            if until is not None and self._waiting[0].at > until:
                return ()
            return (self._waiting.popleft(),)

    def handle(self, account: str, request: Any, at: int) -> list[Timed[Any]]:
        """Send a request without waiting for its answer."""
        del account, at  # the client's, and now
        background.start(self._send(request))
        return []

    async def _send(self, request: Any) -> None:
        try:
            await self._client.trading.request(request)
        except WireError as error:
            if isinstance(request, NewOrder) and not is_of_another(error):
                self._queue.put((_Refusal(request, str(error)), wall_time()))
            else:
                self._client.report(error)

    # --- messages ---

    def _hear(self, message: Message) -> None:
        if isinstance(message, _HEARD):
            self._queue.put((message, wall_time()))

    def _receive(self) -> bool:
        """Take one message from the queue; False if there is none for a moment."""
        try:
            message, received = self._queue.get(timeout=_LOOK)
        except Empty:
            return False
        if isinstance(message, _Refusal):
            if self.on_refused is not None:
                self.on_refused(*message)
            return True
        at = _source_time(message)
        if at is not None and at >= self._now:
            self._now, self._heard_at = at, received
        elif at is None:
            self._now = max(self._now, self._estimate())
        is_private = isinstance(message, PRIVATE_MESSAGES)
        self._waiting.append(Timed(self._now, message, ACCOUNT if is_private else None))
        return True

    def _estimate(self) -> int:
        """Return the source's time by now, as far as it is known."""
        if self._heard_at is None or abs(self._now - self._heard_at) > _REAL_TIME:
            return self._now
        return self._now + wall_time() - self._heard_at

    def _first_time(self) -> int:
        """Return the source's time at the start: that of the newest state, else the wall time."""
        states = [self._client.latest(symbol) for symbol in self.symbols]
        times = [from_milliseconds(state.timestamp) for state in states if state is not None]
        self._heard_at = wall_time()
        return max(times, default=self._heard_at)


def _source_time(message: Message) -> int | None:
    if isinstance(message, MarketData):
        return max((from_milliseconds(one.timestamp) for one in message.symbols), default=None)
    event = getattr(message, "ts_event", None)
    return None if event is None else from_milliseconds(event)
