"""Moves messages from the source to the publisher when they are due, and controls a replay in between."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterable
from contextlib import AbstractContextManager, nullcontext, suppress
from itertools import chain
from typing import Final

import msgspec

from hftlab.clock import NANOSECONDS, from_milliseconds, to_milliseconds, wall_time
from hftlab.credentials import is_subject, local_account
from hftlab.errors import RateLimitExceeded, ServerError, WireError
from hftlab.log import get_logger
from hftlab.protocol import Error, ErrorType, MarketData, Message, ReplayAction, ReplayControl, ReplayState
from hftlab.protocol.encoded_market_data import EncodedMarketData
from hftlab.protocol.order_messages import PRIVATE_MESSAGES
from hftlab.protocol.publishing.playback import Playback
from hftlab.protocol.publishing.publisher import Delivery, Publisher, is_private
from hftlab.server.follower import Follower
from hftlab.server.server_socket import ServerSocket
from hftlab.server.stream_timer import StreamTimer
from hftlab.source import Tap, Timed, undecorated
from hftlab.trading.broker import Broker, OrderRequest
from hftlab.trading.paper_source import PaperSource
from hftlab.trading.paper_trading import PaperTrading
from hftlab.trading.remote_broker import RemoteBroker
from hftlab.trading.stepped_source import SteppedSource

__all__ = ["Stream"]

_SLICE: Final = 0.001
"""Seconds of work after which other tasks of the loop get a turn, clients in the same process among them."""
_PATIENCE: Final = 0.002
"""Seconds that the loop waits for a source that reads ahead, before others get their turn: a thread costs more."""
_STEPS: Final = 256
"""Messages of a STEP that are sent in one turn of the loop."""
_NEVER: Final = 2**63 - 1
_MOST: Final = 100
"""Controls of a replay that may wait for earlier ones."""

_log = get_logger("hftlab.server")


class Stream:
    """Streams one source; `run()` alone touches it.

    `send` gets the deliveries, and when the work for them began (perf_counter); what it gets within `together` may be
    written at the end of that. The owner keeps the readers that are
    behind in `congested`, and calls `wake()` when they or the subscriptions have changed. With a `broker` the source
    takes orders; that of a PaperSource is its own.
    """

    def __init__(
        self,
        playback: Playback,
        publisher: Publisher[ServerSocket],
        send: Callable[[Iterable[Delivery[ServerSocket]], float], None],
        together: Callable[[], AbstractContextManager[None]],
        broker: Broker | None = None,
    ) -> None:
        self.playback, self.clock = playback, playback.clock
        self._paper = playback.source if isinstance(playback.source, PaperSource) else None
        self.broker: Broker | PaperTrading | None = broker if self._paper is None else self._paper.trading
        """Taker of orders: the broker, or the accounts of a replay."""
        remote = getattr(undecorated(playback.source), "remote_broker", None)
        self.remote_broker: RemoteBroker | None = remote if isinstance(remote, RemoteBroker) else None
        """Broker in another process, whose private messages the source yields."""
        self._has_venue_time = isinstance(playback.source, SteppedSource)
        """True if private messages say when things happened, by the clock that is stepped."""
        self.is_moving = False
        """True if a seek is under way, on another thread, which has the accounts and the follower until it is over."""
        self._has_moved = asyncio.Event()
        self._ended: list[Hashable] = []
        """Connections that have ended meanwhile, and whose orders are to be cancelled."""
        self.taps: list[Tap] = []
        self.failed_taps: Counter[str] = Counter()
        """Taps that have raised, by the type of the exception."""
        self.invalid = 0
        """Messages of the source that the wire cannot carry, and that were left out."""
        self.congested: set[ServerSocket] = set()
        self._publisher, self._send, self._together = publisher, send, together
        self._follower: Follower | None = None
        self._awake = asyncio.Event()
        self._controls: deque[tuple[ReplayControl, asyncio.Future[None]]] = deque()
        self._announced: tuple[ReplayState, float] | None = None
        self._changed = False
        self._sleeps_until: int | None = None
        """Source time of what `run()` sleeps until; None while it does not sleep."""

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
        self._follower = follower

    def wake(self) -> None:
        """Look again at what is due next."""
        self._awake.set()

    def publish(self, message: Message, account: str | None = None) -> None:
        """Stream one message from outside the source; a private one without `account` is this process's user's."""
        self.pass_on([Timed(self.clock.now(), message, account)])

    # --- orders ---

    def take_order(self, account: str, request: OrderRequest, entered_by: Hashable | None) -> list[Timed[Message]]:
        """Let the broker take a request of an account; pass_on() sends what it returns. Raises ServerError."""
        assert self.broker is not None
        if self.playback.failure is not None:
            raise ServerError(f"{self.playback.name} has failed and takes no orders: start the server again")
        if self.is_moving:
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
        if self.is_moving:
            self._ended.append(entered_by)
        else:
            self.pass_on(self.broker.disconnect(entered_by, self._order_time()))

    def account_state(self, account: str, *, with_finished: bool) -> list[Message]:
        """Return the messages that tell an account's state; none where nothing is traded. See Broker.snapshot().

        While a seek is under way there are none: all accounts get theirs at its end.
        """
        if self.broker is None or self.is_moving:
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
        for item in items:
            self._accept(item)
        # From here: waking the stream would cost as much as sending them.
        with self._together() if ahead else nullcontext():
            self._send(chain(ahead, self._publisher.poll(0, wall_time())), started)
        at = self._next_time()
        if self._sleeps_until is None or (at is not None and at < self._sleeps_until):
            self.wake()

    def lag(self) -> float:
        """Return the seconds that the stream is behind its clock because there is too much to do."""
        at = self._next_time()
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
            for _, done in self._controls:
                done.cancel()

    async def _run(self, timer: StreamTimer) -> None:
        turn = time.monotonic()
        while True:
            if not self.playback.is_ready(_PATIENCE):
                await asyncio.to_thread(self.playback.is_ready, None)
            # From the look at the controls to the sleep nothing else may run: it would miss a call of wake().
            while self._controls:
                await self._control(*self._controls.popleft())
            if self._changed:
                self._announce_changes()
            at = self._next_time()
            if at is None and (start := self.playback.start) is not None:
                await self._seek(start)
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
                await self._drained()
            elif time.monotonic() - turn > _SLICE:
                await asyncio.sleep(0)
                turn = time.monotonic()

    def _next_time(self) -> int | None:
        times = [self._publisher.next_time(), self.playback.next_time()]
        if self._follower is not None and not self.playback.is_waiting:
            times.append(self._follower.next_time())
        return min((at for at in times if at is not None), default=None)

    def _burst(self, at: int | None, turn: float) -> None:
        """Send what nothing paces until others get their turn: all of it together, which spares calls of the system."""
        encoded = not self.taps and self._publisher.prefers_encoded
        with self._together():
            while at is not None and self.clock.seconds_until(at) == 0:
                self.clock.reach(at)
                self._step(at, encoded=encoded)
                if self._controls or self._changed or time.monotonic() - turn > _SLICE or not self.playback.is_ready():
                    return
                at = self._next_time()

    def _step(self, at: int, *, encoded: bool = False) -> None:
        due = self.playback.advance(at, encoded=encoded)
        self._report_refused()
        started = time.perf_counter()
        for item in due:
            if isinstance(item.message, EncodedMarketData):
                self._accept_encoded(item)
            else:
                self._accept(item)
        # What paced channels collect at `at` may not be whole while the source is still reading: they wait for it.
        until = at if self.playback.is_ready() else at - 1
        self._send(self._publisher.poll(until, wall_time()), started)
        if self._follower is not None:
            self._follower.advance(at)

    def _accept_encoded(self, item: Timed[EncodedMarketData]) -> None:
        if self.taps:
            self._accept(Timed(item.at, item.message.decoded()))
            return
        received = to_milliseconds(item.at)
        self._publisher.publish_encoded(item.message.received(received) if received > 0 else item.message, item.at)

    def _accept(self, item: Timed[Message]) -> None:
        if item.account is None and is_private(item.message):
            item = item._replace(account=local_account())
        if item.account is not None and not is_subject(item.account):
            raise ServerError(
                f"{item.message.type} has the account {item.account!r}, which nobody can sign in as: give a "
                "printable name of 1 to 128 characters"
            )
        message = item.message
        if self._has_venue_time and isinstance(message, PRIVATE_MESSAGES):
            message.ts_event = message.timestamp
        for tap in tuple(self.taps):
            try:
                tap(item)
            except Exception as exc:
                self._drop(tap, exc)
        received = to_milliseconds(item.at)
        if self.playback.is_recorded and type(message) is MarketData and message.ts_recv is None and received > 0:
            # The first recording's time, which a recording of this replay keeps, and a replay of that one.
            message = msgspec.structs.replace(message, ts_recv=received)
        self._publisher.publish(message, item.at, item.account)

    def _drop(self, tap: Tap, error: Exception) -> None:
        """Remove a tap that has raised, so that it does not end the stream for everyone."""
        with suppress(ValueError):  # it may have taken itself off
            self.taps.remove(tap)
        self.failed_taps[type(error).__name__] += 1
        _log.error("a tap has failed and was removed", tap=repr(tap), exc_info=error)

    def _fail(self, error: Exception) -> None:
        """Go on without the source, and tell every client that it sends nothing more."""
        failed = self.playback.fail(error)
        _log.error("the source has failed", exc_info=error)
        notice = Error(timestamp=1.0, error_type=ErrorType.SERVER_ERROR, message=str(failed), recoverable=False)
        self._notify(notice)

    def _report_refused(self) -> None:
        """Tell every client of messages that were left out: of the first, second, fourth, eighth ..."""
        for error in self.playback.check_of_source.take_refused():
            self.invalid += 1
            if self.invalid & (self.invalid - 1) == 0:
                said = f"{self.playback.name} yields what cannot be streamed ({self.invalid:,} so far): {error}"
                _log.error("a message of the source was left out", reason=said)
                self._notify(
                    Error(
                        timestamp=1.0,
                        error_type=ErrorType.SERVER_ERROR,
                        message=said,
                        recoverable=True,
                        context=error.context,
                    )
                )

    async def _sleep(self, timer: StreamTimer, delay: float) -> None:
        if delay < timer.grain:
            await asyncio.sleep(0)
            return
        self._awake.clear()
        if delay < math.inf:
            timer.start(delay)
        await self._awake.wait()
        timer.stop()

    async def _drained(self) -> None:
        """Wait for slow readers, which set the pace of an unpaced clock; stopped ones are aborted in time."""
        while self.congested and not self._controls:
            self._awake.clear()
            await self._awake.wait()

    # --- replay control ---

    def begin(self) -> bool:
        """Start a recorded source that waits, and announce it; returns whether it was waiting."""
        if not self.playback.is_waiting:
            return False
        self.playback.begin()
        self._announce()
        self.wake()
        return True

    def control(self, request: ReplayControl) -> asyncio.Future[None]:
        """Queue a control of the replay behind earlier ones. Raises a WireError at once, or by the future."""
        self.playback.check(request)
        if len(self._controls) >= _MOST:
            raise RateLimitExceeded(
                f"{_MOST} replay controls wait already: send the next one after an answer", retry_after=1.0
            )
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._controls.append((request, done))
        self.wake()
        return done

    async def _control(self, request: ReplayControl, done: asyncio.Future[None]) -> None:
        try:
            await self._act(request)
        except asyncio.CancelledError:
            done.cancel()
            raise
        except Exception as exc:
            _log.exception("replay control failed", action=request.action)
            reason = exc if isinstance(exc, WireError) else ServerError(f"{request.action} failed: {exc}")
            if not done.cancelled():
                done.set_exception(reason)
        else:
            if not done.cancelled():
                done.set_result(None)

    async def _act(self, request: ReplayControl) -> None:
        match request.action:
            case ReplayAction.PAUSE:
                self.playback.pause()
            case ReplayAction.RESUME:
                if request.loop is not None:
                    self.playback.is_looping = request.loop
                self.clock.resume()
            case ReplayAction.SPEED:
                self.clock.speed = math.inf if request.speed is None else request.speed
            case ReplayAction.STEP:
                if request.until is not None:
                    await self._take_until(request.until, request.count)
                elif request.duration is not None:
                    await self._take_for(from_milliseconds(request.duration))
                else:
                    await self._take(1 if request.count is None else request.count)
            case ReplayAction.SEEK:
                if request.sequence is not None:
                    position = await asyncio.to_thread(self.playback.time_of, request.sequence)
                else:
                    assert request.position is not None
                    position = from_milliseconds(request.position)
                await self._seek(position)
                return
        self._announce()

    async def _take(self, count: int) -> None:
        self.playback.pause()
        while count > 0 and (taken := self.playback.take(min(count, _STEPS))):
            count -= len(taken)
            await self._send_taken(taken)

    async def _take_for(self, duration: int) -> None:
        self.playback.pause()
        await self._take_until(self.playback.position + duration, None)

    async def _take_until(self, until: int, count: int | None) -> None:
        self.playback.pause()
        until = self.playback.reachable(max(until, self.playback.position))
        left = math.inf if count is None else count
        while left > 0 and (taken := self.playback.take_until(until, int(min(left, _STEPS)))):
            left -= len(taken)
            await self._send_taken(taken)

    async def _send_taken(self, taken: list[Timed[Message]]) -> None:
        self._report_refused()
        for item in taken:
            started = time.perf_counter()
            self._accept(item)
            self._send(self._publisher.poll(item.at, wall_time()), started)
            if self._follower is not None:
                self._follower.advance(item.at - 1)  # more of that time may be to come
        if self._follower is not None:
            self._follower.advance(self.playback.position)
        await asyncio.sleep(0)
        await self._drained()

    async def _seek(self, position: int) -> None:
        playback = self.playback
        # Messages of the time before are sent before: they are numbered already, or trades that would be lost.
        self._flush()
        target = playback.reachable(position)
        self.is_moving = True
        self._has_moved.clear()
        try:
            state = await asyncio.to_thread(playback.seek, target)
            if self._follower is not None:
                await asyncio.to_thread(self._follower.seek, target)
            self.is_moving = False
        except asyncio.CancelledError:  # the thread goes on: what it has stays its own
            raise
        except BaseException:
            self.is_moving = False
            raise
        finally:
            self._has_moved.set()
        if self._follower is not None:
            self._follower.moved()
        self._report_refused()
        self._flush()
        if self._paper is not None:
            self.pass_on(self._paper.take_passed())
        playback.move(target)
        self._announce(reset=True)
        started = time.perf_counter()
        self._send(self._publisher.restart(state, target, wall_time()), started)
        if self._paper is not None:
            self._tell_accounts(self._paper.trading, target)

    async def settled(self) -> bool:
        """Wait until no seek is under way; returns False if the stream has ended in the middle of one."""
        while self.is_moving and not self._has_moved.is_set():
            await self._has_moved.wait()
        return not self.is_moving

    def _tell_accounts(self, trading: PaperTrading, position: int) -> None:
        """Take back what accounts have been told of after a position, and tell them how things are there."""
        publisher, started, valid = self._publisher, time.perf_counter(), trading.last_valid(position)
        forgotten = {name for name in publisher.accounts_with_readers if not publisher.remembers(name, valid)}
        self._send(publisher.withdraw(valid, wall_time()), started)
        for name in publisher.accounts_with_readers:
            state = trading.snapshot(name, position, with_finished=name in forgotten)
            self._send(publisher.state_of(name, [item.message for item in state], wall_time()), started)
        ended, self._ended = self._ended, []
        for connection in ended:
            self.cancel_orders(connection)

    def _flush(self) -> None:
        """Send the messages that wait for their channel's pace."""
        started = time.perf_counter()
        self._send(self._publisher.poll(self.clock.now(), wall_time(), early=True), started)
        if self._follower is not None:
            self._follower.flush()

    def _announce_changes(self) -> bool:
        """Announce the end, or another state or speed of the clock; returns False if that is announced already."""
        self._changed = False
        playback = self.playback
        if not playback.is_recorded or playback.is_waiting:
            return False
        if self.clock.paused:
            self._flush()  # readers have the state of this position then
        if self._next_time() is None:
            playback.is_ended = True
        if self._announced == (playback.state, self.clock.speed):
            return False
        self._announce()
        return True

    def _announce(self, *, reset: bool = False) -> None:
        """Send REPLAY_STATUS to everyone."""
        if self.clock.paused:
            self._flush()
        playback = self.playback
        if self._next_time() is None and not playback.is_waiting:
            playback.is_ended = True
        self._announced = (playback.state, self.clock.speed)
        self._notify(playback.status(reset=reset))

    def _notify(self, message: Message) -> None:
        started = time.perf_counter()
        self._send(self._publisher.notify(message, wall_time()), started)

    def _clock_has_changed(self) -> None:
        self._changed = True
        self.wake()


def _threadsafe(loop: asyncio.AbstractEventLoop, function: Callable[[], None]) -> None:
    with suppress(RuntimeError):  # a clock may outlive the loop
        loop.call_soon_threadsafe(function)
