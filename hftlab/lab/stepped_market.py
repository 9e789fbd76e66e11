"""Market that takes orders and stands still, which a strategy steps through from message to message."""

from __future__ import annotations

import time
import warnings
from collections import deque
from collections.abc import Coroutine, Sequence
from typing import Any, Final, TypeVar

from hftlab.backtest.engine import ACCOUNT
from hftlab.client import Client
from hftlab.clock import NANOSECONDS, from_milliseconds, in_words
from hftlab.errors import ArgumentError, NetworkError, ReplayMoved
from hftlab.lab.background import background
from hftlab.protocol import DataType, MarketData, Message, ReplayState, ReplayStatus
from hftlab.protocol.order_messages import PRIVATE_MESSAGES
from hftlab.source import Timed

__all__ = ["SteppedMarket"]

T = TypeVar("T")

_HEARD: Final = (MarketData, *PRIVATE_MESSAGES)

_DATA_TYPES: Final = (DataType.QUOTES, DataType.ORDER_BOOK, DataType.TRADES, DataType.STATISTICS)


class SteppedMarket:
    """Replay or stepped exchange at a server as a market that is traded in (see hftlab.backtest.engine.TradedMarket).

    It stands still but for the steps that it is asked for, so that what a strategy makes of it does not depend on the
    speed of anything. With a `speed` it waits as long as the recording has. `known` is what was there at the start.
    """

    is_whole = False

    def __init__(self, client: Client, speed: float | None, duration: int | None) -> None:
        self._client, self._speed = client, speed
        self.symbols: Sequence[str] = client.offered_symbols
        self.known: list[Message] = []
        self._heard: deque[Message] = deque()
        self._waiting: deque[Timed[Any]] = deque()
        self._forget = client.on("message", self._hear)
        try:
            self.start, self.end = self._limits(duration)
        except BaseException:  # the client would go on telling a market that nobody has
            self.close()
            raise
        self._now = self.start
        self._started = time.monotonic()

    def _limits(self, duration: int | None) -> tuple[int, int | None]:
        """Let the market stand still; returns its time, and the end of the run."""
        start, end = background.run(self._begin())
        if duration is not None:
            last = start + 1 + duration  # counted from the first message, as in a backtest: the start is before it
            return start, last if end is None else min(end, last)
        if end is None:
            raise ArgumentError("the exchange at the server goes on for ever: give duration, such as duration='5m'")
        return start, end

    def close(self) -> None:
        """Listen to the client no more."""
        self._forget()

    def next(self, until: int | None) -> Sequence[Timed[Any]]:
        """Return the next message that is due by `until`, or whenever it is for None; nothing if there is none."""
        if not self._waiting:
            self._run(self._step(until))
        self._pace()
        return (self._waiting.popleft(),) if self._waiting else ()

    def handle(self, account: str, request: Any, at: int) -> list[Timed[Any]]:
        """Send a request; returns the messages that follow at once. Raises the server's error."""
        del account, at  # the client's, and that of the replay, which stands still
        return self._run(self._ask(request))

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for work on the loop. Raises EOFError, with a warning, at the end of the connection."""
        try:
            return background.run(work)
        except NetworkError as exc:
            warnings.warn(f"the run ends at {in_words(self._now)}, before its end: {exc}", stacklevel=6)
            raise EOFError from exc

    # --- on the loop ---

    async def _begin(self) -> tuple[int, int | None]:
        """Let the replay stand still, and hear of each message from now on."""
        client = self._client
        await client.replay.pause()
        await client.subscribe(self.symbols, data_types=_DATA_TYPES, frequency=0)
        await client.replay.pause()  # a status behind the subscription, which starts a replay that waits
        self.known = self._take()
        status = self._status()
        return status.order_time or 0, None if status.end is None else from_milliseconds(status.end)

    async def _step(self, until: int | None) -> None:
        """Step to the next message that this client gets, as far as there is one by `until`."""
        while True:
            if (status := self._status()).order_time != self._now:
                raise self._moved(self._now)
            if until is None:
                await self._client.replay.step(1)
            else:
                await self._client.replay.step_to(until, 1)
            status = self._status()
            before, self._now = self._now, status.order_time or 0
            if self._now < before:
                raise self._moved(before)
            self._waiting.extend(self._timed(self._take()))
            is_over = status.state is ReplayState.ENDED or self._now == before
            if self._waiting or is_over or (until is not None and self._now >= until):
                return

    async def _ask(self, request: Any) -> list[Timed[Any]]:
        try:
            await self._client.trading.request(request)
        finally:
            await self._client.ping()  # behind all that follows from the request
            told = self._timed(self._take())
        return told

    # --- messages ---

    def _hear(self, message: Message) -> None:
        if isinstance(message, _HEARD):
            self._heard.append(message)

    def _take(self) -> list[Message]:
        heard = list(self._heard)
        self._heard.clear()
        return heard

    def _timed(self, messages: list[Message]) -> list[Timed[Any]]:
        return [Timed(self._now, one, ACCOUNT if isinstance(one, PRIVATE_MESSAGES) else None) for one in messages]

    def _status(self) -> ReplayStatus:
        status = self._client.replay.status
        assert status is not None, "the status of a replay comes before the answer to a control"
        return status

    def _moved(self, before: int) -> ReplayMoved:
        status = self._status()
        market = "exchange" if status.end is None else "replay"
        return ReplayMoved(
            f"another client has moved the {market} from {in_words(before)} to {in_words(status.order_time or 0)}, "
            f"unseen by the strategy: a run needs the {market} for itself, so serve one for each, and run again"
        )

    def _pace(self) -> None:
        if self._speed is not None:
            due = self._started + (self._now - self.start) / NANOSECONDS / self._speed
            time.sleep(max(0.0, due - time.monotonic()))
