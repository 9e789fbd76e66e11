"""Moves messages from the source to the publisher when they are due, and takes orders in between."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from contextlib import nullcontext, suppress
from itertools import chain
from typing import Final

from hftlab.clock import NANOSECONDS, wall_time
from hftlab.errors import ServerError
from hftlab.log import get_logger
from hftlab.protocol import Error, ErrorType, Message, ReplayControl
from hftlab.protocol.encoded_market_data import EncodedMarketData
from hftlab.protocol.publishing.publisher import Delivery
from hftlab.server.follower import Follower
from hftlab.server.replay_controller import ReplayController
from hftlab.server.server_socket import ServerSocket
from hftlab.server.stream_output import StreamOutput
from hftlab.server.stream_timer import StreamTimer
from hftlab.source import Tap, Timed, undecorated
from hftlab.trading.broker import Broker, OrderRequest
from hftlab.trading.paper_source import PaperSource
from hftlab.trading.paper_trading import PaperTrading
from hftlab.trading.remote_broker import RemoteBroker

__all__ = ["Stream"]

_SLICE: Final = 0.001
"""Seconds of work after which other tasks of the loop get a turn, clients in the same process among them."""
_PATIENCE: Final = 0.002
"""Seconds that the loop waits for a source that reads ahead, before others get their turn: a thread costs more."""
_NEVER: Final = 2**63 - 1

_log = get_logger("hftlab.server")


class Stream:
    """Streams one source; `run()` alone touches it.

    The owner keeps the readers that are behind in `congested`, and calls `wake()` when they or the subscriptions have
    changed. With a `broker` the source takes orders; that of a PaperSource is its own.
    """

    def __init__(self, output: StreamOutput, broker: Broker | None = None) -> None:
        playback = self.playback = output.playback
        self.clock = playback.clock
        paper = playback.source if isinstance(playback.source, PaperSource) else None
        self.broker: Broker | PaperTrading | None = broker if paper is None else paper.trading
        """Taker of orders: the broker, or the accounts of a replay."""
        remote = getattr(undecorated(playback.source), "remote_broker", None)
        self.remote_broker: RemoteBroker | None = remote if isinstance(remote, RemoteBroker) else None
        """Broker in another process, whose private messages the source yields."""
        self._ended: list[Hashable] = []
        """Connections that have ended during a seek, and whose orders are to be cancelled."""
        self._awake = asyncio.Event()
        self._output = output
        self._controller = ReplayController(playback, output, self._awake)
        self.congested: set[ServerSocket] = output.congested
        self._publisher, self._send, self._together = output.publisher, output.send, output.together
        self._changed = False
        self._sleeps_until: int | None = None
        """Source time of what `run()` sleeps until; None while it does not sleep."""

    @property
    def taps(self) -> list[Tap]:
        """Callables that see each message before it is sent."""
        return self._output.taps

    @property
    def moved_taps(self) -> list[Callable[[], object]]:
        """Callables that are called behind a seek, and where a loop begins again; `playback.position` says where."""
        return self._output.moved_taps

    @property
    def notice_taps(self) -> list[Callable[[Message], object]]:
        """Callables that see each message for every client before it is sent."""
        return self._output.notice_taps

    @property
    def failed_taps(self) -> Counter[str]:
        """Taps that have raised, by the type of the exception."""
        return self._output.failed_taps

    @property
    def invalid(self) -> int:
        """Messages of the source that the wire cannot carry, and that were left out."""
        return self._output.invalid

    @property
    def is_stepped(self) -> bool:
        """True if it takes orders and can be stepped through: a replay, or an exchange whose clock stands still."""
        return self.broker is not None and self.playback.is_recorded

    @property
    def takes_orders(self) -> bool:
        """True if orders can be sent: to a broker here, or in another process."""
        return self.broker is not None or (self.remote_broker is not None and self.remote_broker.takes_orders)

    def follow(self, follower: Follower) -> None:
        """Take a follower along from now on, wherever the source goes."""
        self._output.follower = follower

    def wake(self) -> None:
        """Look again at what is due next."""
        self._awake.set()

    def publish(self, message: Message, account: str | None = None) -> None:
        """Stream one message from outside the source; a private one without `account` is this process's user's."""
        self.pass_on([Timed(self.clock.now(), message, account)])

    def notify(self, message: Message) -> None:
        """Send a message to every client, whatever it subscribes to."""
        self._output.notify(message)

    # --- orders ---

    def take_order(self, account: str, request: OrderRequest, entered_by: Hashable | None) -> list[Timed[Message]]:
        """Let the broker take a request of an account; pass_on() sends what it returns. Raises ServerError."""
        assert self.broker is not None
        if self.playback.failure is not None:
            raise ServerError(f"{self.playback.name} has failed and takes no orders: start the server again")
        if self.playback.is_moving:
            raise ServerError(f"{self.playback.name} is on its way to another time: send the order again behind it")
        try:
            told: list[Timed[Message]] = []
            told += self.broker.handle(account, request, self._order_time(), entered_by=entered_by)
            return told
        except ServerError:
            self.pass_on(self.broker.collect())  # what had happened before
            raise

    def cancel_orders(self, entered_by: Hashable) -> None:
        """Cancel the open orders of a connection that has ended."""
        if self.remote_broker is not None:
            self.remote_broker.disconnect(str(entered_by))
            return
        if self.broker is None or self.playback.failure is not None:
            return
        if self.playback.is_moving:
            self._ended.append(entered_by)
        else:
            self.pass_on(self.broker.disconnect(entered_by, self._order_time()))

    def account_state(self, account: str, *, with_finished: bool) -> list[Message]:
        """Return the messages that tell an account's state; none where nothing is traded. See Broker.snapshot().

        While a seek is under way there are none: all accounts get theirs at its end.
        """
        if self.broker is None or self.playback.is_moving:
            return []
        self.pass_on(self.broker.collect())  # what has happened goes before how things are
        state = self.broker.snapshot(account, self._order_time(), with_finished=with_finished)
        return [item.message for item in state]

    def _order_time(self) -> int:
        """Return the time of a request that has just come: where clients know the position, that."""
        return self.playback.order_time if self.playback.is_recorded else self.clock.now()

    def pass_on(self, items: Iterable[Timed[Message]], ahead: Iterable[Delivery[ServerSocket]] = ()) -> None:
        """Send messages at once that do not wait for an interval, behind what goes `ahead` and together with it."""
        started = time.perf_counter()
        accept = self._output.accept
        for item in items:
            accept(item)
        # From here: waking the stream would cost as much as sending them.
        with self._together() if ahead else nullcontext():
            self._send(chain(ahead, self._publisher.poll(0, wall_time())), started)
        at = self._output.next_time()
        if self._sleeps_until is None or (at is not None and at < self._sleeps_until):
            self.wake()

    def lag(self) -> float:
        """Return the seconds that the stream is behind its clock because there is too much to do."""
        at = self._output.next_time()
        if at is None or at == 0 or self.clock.unpaced or self.clock.paused:
            return 0.0
        return max(0.0, (self.clock.now() - at) / NANOSECONDS / self.clock.speed)

    # --- the loop ---

    async def run(self) -> None:
        """Wait for whatever is due next, send it, and let other tasks run in between."""
        loop = asyncio.get_running_loop()
        unwatch = self.clock.watch(lambda: _threadsafe(loop, self._clock_has_changed))
        unwatch_source = self.playback.watch(lambda: _threadsafe(loop, self.wake))
        timer = StreamTimer(self.wake)
        try:
            while True:
                try:
                    await self._run(timer)
                except Exception as exc:
                    if self.playback.failure is not None:  # it had failed before, so this is of our own making
                        _log.exception("the stream has ended")
                        return
                    self._fail(exc)
        finally:
            unwatch()
            unwatch_source()
            timer.close()
            self._controller.close()

    async def _run(self, timer: StreamTimer) -> None:
        turn = time.monotonic()
        while True:
            if not self.playback.is_ready(_PATIENCE):
                await asyncio.to_thread(self.playback.is_ready, None)
            # From the look at the controls to the sleep nothing else may run: it would miss a call of wake().
            while self._controller.waiting:
                await self._controller.act_on_next()
                self._cancel_orders_of_ended()
            if self._changed:
                self._announce_changes()
            at = self._output.next_time()
            if at is None and (start := self.playback.start) is not None:
                await self._controller.seek(start)
                self._cancel_orders_of_ended()
                continue
            delay = math.inf if at is None else self.clock.seconds_until(at)
            if at is None or delay > 0:
                if not self._announce_changes():
                    self._sleeps_until = _NEVER if at is None else at
                    await self._sleep(timer, delay)
                    self._sleeps_until = None
                turn = time.monotonic()
                continue
            self.clock.reach(at)
            if self.clock.unpaced:
                self._burst(at, turn)
            else:
                self._step(at)
            if self.clock.unpaced and self.congested:
                await self._controller.drained()
            elif time.monotonic() - turn > _SLICE:
                await asyncio.sleep(0)
                turn = time.monotonic()

    def _burst(self, at: int | None, turn: float) -> None:
        """Send what nothing paces until others get their turn: all of it together, which spares calls of the system."""
        encoded = not self.taps and self._publisher.prefers_encoded
        waiting, next_time = self._controller.waiting, self._output.next_time
        with self._together():
            while at is not None and self.clock.seconds_until(at) == 0:
                self.clock.reach(at)
                self._step(at, encoded=encoded)
                if waiting or self._changed or time.monotonic() - turn > _SLICE or not self.playback.is_ready():
                    return
                at = next_time()

    def _step(self, at: int, *, encoded: bool = False) -> None:
        output = self._output
        due = self.playback.advance(at, encoded=encoded)
        output.report_refused()
        started = time.perf_counter()
        for item in due:
            if isinstance(item.message, EncodedMarketData):
                output.accept_encoded(item)
            else:
                output.accept(item)
        # What paced channels collect at `at` may not be whole while the source is still reading: they wait for it.
        until = at if self.playback.is_ready() else at - 1
        self._send(self._publisher.poll(until, wall_time()), started)
        if output.follower is not None:
            output.follower.advance(at)

    def _fail(self, error: Exception) -> None:
        """Go on without the source, and tell every client that it sends nothing more."""
        failed = self.playback.fail(error)
        _log.error("the source has failed", exc_info=error)
        notice = Error(timestamp=1.0, error_type=ErrorType.SERVER_ERROR, message=str(failed), recoverable=False)
        self._output.notify(notice)

    async def _sleep(self, timer: StreamTimer, delay: float) -> None:
        if delay < timer.grain:
            await asyncio.sleep(0)
            return
        self._awake.clear()
        if delay < math.inf:
            timer.start(delay)
        await self._awake.wait()
        timer.stop()

    # --- replay control ---

    def begin(self) -> bool:
        """Start a recorded source that waits, and announce it; returns whether it was waiting."""
        if not self._controller.begin():
            return False
        self.wake()
        return True

    def control(self, request: ReplayControl) -> asyncio.Future[None]:
        """Queue a control of the replay behind earlier ones. Raises a WireError at once, or by the future."""
        return self._controller.control(request)

    @property
    def is_moving(self) -> bool:
        """True if a seek is under way on another thread, which has the source, its accounts and the follower."""
        return self.playback.is_moving

    async def settled(self) -> bool:
        """Wait until no seek is under way; returns False if the stream has ended in the middle of one."""
        return await self._controller.settled()

    def _cancel_orders_of_ended(self) -> None:
        """Cancel the orders of connections that have ended during a seek."""
        ended, self._ended = self._ended, []
        for connection in ended:
            self.cancel_orders(connection)

    def _announce_changes(self) -> bool:
        self._changed = False
        return self._controller.announce_changes()

    def _clock_has_changed(self) -> None:
        self._changed = True
        self.wake()


def _threadsafe(loop: asyncio.AbstractEventLoop, function: Callable[[], None]) -> None:
    with suppress(RuntimeError):  # a clock may outlive the loop
        loop.call_soon_threadsafe(function)
