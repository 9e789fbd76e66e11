"""Controls of a replay, one after the other: REPLAY_CONTROL acted on, REPLAY_STATUS announced."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from typing import Final

from hftlab.clock import from_milliseconds, wall_time
from hftlab.errors import RateLimitExceeded, ServerError, WireError
from hftlab.log import get_logger
from hftlab.protocol import Message, ReplayAction, ReplayControl, ReplayState
from hftlab.protocol.publishing.playback import Playback
from hftlab.server.stream_output import StreamOutput
from hftlab.source import Timed
from hftlab.trading.paper_source import PaperSource
from hftlab.trading.paper_trading import PaperTrading

__all__ = ["ReplayController"]

_STEPS: Final = 256
"""Messages of a STEP that are sent in one turn of the loop."""
_PROGRESS: Final = 1.0
"""Seconds after which a STEP that is still under way announces its position: clients wait for as long as it does."""
_MOST: Final = 100
"""Controls of a replay that may wait for earlier ones."""

_log = get_logger("hftlab.server")


class ReplayController:
    """Controller of one stream's replay; the task of that stream alone calls `act_on_next()` and `seek()`.

    `awake` is set when a control is queued, and by the owner when readers that were behind have caught up.
    """

    def __init__(self, playback: Playback, output: StreamOutput, awake: asyncio.Event) -> None:
        self._playback, self._output, self._awake = playback, output, awake
        self._paper = playback.source if isinstance(playback.source, PaperSource) else None
        self.waiting: deque[tuple[ReplayControl, asyncio.Future[None]]] = deque()
        """Controls that have not been acted on yet, and their answers."""
        self._has_moved = asyncio.Event()
        self._announced: tuple[ReplayState, float] | None = None
        self._announced_at = 0.0
        """Monotonic time of the newest REPLAY_STATUS, or of the beginning of a STEP."""

    def begin(self) -> bool:
        """Start a recorded source that waits, and announce it; returns whether it was waiting."""
        if not self._playback.is_waiting:
            return False
        self._playback.begin()
        self._announce()
        return True

    def control(self, request: ReplayControl) -> asyncio.Future[None]:
        """Queue a control of the replay behind earlier ones. Raises a WireError at once, or by the future."""
        self._playback.check(request)
        if len(self.waiting) >= _MOST:
            raise RateLimitExceeded(
                f"{_MOST} replay controls wait already: send the next one after an answer", retry_after=1.0
            )
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.append((request, done))
        self._awake.set()
        return done

    async def act_on_next(self) -> None:
        """Do what the control that has waited longest asks for, and answer it."""
        request, done = self.waiting.popleft()
        try:
            await self._act(request)
        except asyncio.CancelledError:
            _refuse(request, done)
            raise
        except Exception as exc:
            _log.exception("replay control failed", action=request.action)
            reason = exc if isinstance(exc, WireError) else ServerError(f"{request.action} failed: {exc}")
            if not done.cancelled():
                done.set_exception(reason)
        else:
            if not done.cancelled():
                done.set_result(None)

    def close(self) -> None:
        """Refuse the controls that still wait: the stream has ended."""
        while self.waiting:
            _refuse(*self.waiting.popleft())

    async def _act(self, request: ReplayControl) -> None:
        playback = self._playback
        match request.action:
            case ReplayAction.PAUSE:
                playback.pause()
            case ReplayAction.RESUME:
                if request.loop is not None:
                    playback.is_looping = request.loop
                playback.clock.resume()
            case ReplayAction.SPEED:
                playback.clock.speed = math.inf if request.speed is None else request.speed
            case ReplayAction.STEP:
                self._announced_at = time.monotonic()
                if request.until is not None:
                    await self._take_until(request.until, request.count)
                elif request.duration is not None:
                    await self._take_for(from_milliseconds(request.duration))
                else:
                    await self._take(1 if request.count is None else request.count)
            case ReplayAction.SEEK:
                if request.sequence is not None:
                    position = await asyncio.to_thread(playback.time_of, request.sequence)
                else:
                    assert request.position is not None
                    position = from_milliseconds(request.position)
                await self.seek(position)
                return
        self._announce()

    # --- STEP ---

    async def _take(self, count: int) -> None:
        self._playback.pause()
        while count > 0 and (taken := self._playback.take(min(count, _STEPS))):
            count -= len(taken)
            await self._send_taken(taken)

    async def _take_for(self, duration: int) -> None:
        self._playback.pause()
        await self._take_until(self._playback.position + duration, None)

    async def _take_until(self, until: int, count: int | None) -> None:
        self._playback.pause()
        until = self._playback.reachable(max(until, self._playback.position))
        left = math.inf if count is None else count
        while left > 0 and (taken := self._playback.take_until(until, int(min(left, _STEPS)))):
            left -= len(taken)
            await self._send_taken(taken)

    async def _send_taken(self, taken: list[Timed[Message]]) -> None:
        output = self._output
        output.report_refused()
        for item in taken:
            started = time.perf_counter()
            output.accept(item)
            output.send(output.publisher.poll(item.at, wall_time()), started)
            if output.follower is not None:
                output.follower.advance(item.at - 1)  # more of that time may be to come
        if output.follower is not None:
            output.follower.advance(self._playback.position)
        await asyncio.sleep(0)
        await self.drained()
        if time.monotonic() - self._announced_at >= _PROGRESS:
            self._announce()

    async def drained(self) -> None:
        """Wait for slow readers, which set the pace of an unpaced clock; stopped ones are aborted in time."""
        while self._output.congested and not self.waiting:
            self._awake.clear()
            await self._awake.wait()

    # --- SEEK ---

    async def seek(self, position: int) -> None:
        """Take the stream to the nearest position that its source can reach, and send how things are there."""
        playback, output = self._playback, self._output
        # Messages of the time before are sent before: they are numbered already, or trades that would be lost.
        output.flush()
        target = playback.reachable(position)
        playback.is_moving = True
        self._has_moved.clear()
        moving = asyncio.ensure_future(self._move(target))
        try:
            state = await asyncio.shield(moving)
        except asyncio.CancelledError:  # the thread goes on: what it has stays its own until it is done
            moving.add_done_callback(lambda _: self._let_go())
            raise
        except BaseException:
            playback.is_moving = False
            raise
        finally:
            self._has_moved.set()
        playback.is_moving = False
        if output.follower is not None:
            output.follower.moved()
        output.report_refused()
        output.flush()
        if self._paper is not None:
            self._send_passed(self._paper.take_passed())
        playback.move(target)
        self._announce(reset=True)
        started = time.perf_counter()
        output.send(output.publisher.restart(state, target, wall_time()), started)
        for moved in output.moved_taps:
            moved()
        if self._paper is not None:
            self._tell_accounts(self._paper.trading, target)

    async def _move(self, target: int) -> list[Message]:
        """Take the source and the follower to a position on another thread; returns the messages of the state there."""
        state = await asyncio.to_thread(self._playback.seek, target)
        if self._output.follower is not None:
            await asyncio.to_thread(self._output.follower.seek, target)
        return state

    def _let_go(self) -> None:
        """Let a stream that has been started again have the source, which the seek of an earlier one has had."""
        self._playback.is_moving = False
        self._awake.set()

    async def settled(self) -> bool:
        """Wait until no seek is under way; returns False if the stream has ended in the middle of one."""
        while self._playback.is_moving and not self._has_moved.is_set():
            await self._has_moved.wait()
        return not self._playback.is_moving

    def _send_passed(self, passed: list[Timed[Message]]) -> None:
        """Send the private messages of what a seek has passed."""
        started = time.perf_counter()
        for item in passed:
            self._output.accept(item)
        self._output.send(self._output.publisher.poll(0, wall_time()), started)

    def _tell_accounts(self, trading: PaperTrading, position: int) -> None:
        """Take back what accounts have been told of after a position, and tell them how things are there."""
        publisher, send = self._output.publisher, self._output.send
        started, valid = time.perf_counter(), trading.last_valid(position)
        forgotten = {name for name in publisher.accounts_with_readers if not publisher.remembers(name, valid)}
        send(publisher.withdraw(valid, wall_time()), started)
        for name in publisher.accounts_with_readers:
            state = trading.snapshot(name, position, with_finished=name in forgotten)
            send(publisher.state_of(name, [item.message for item in state], wall_time()), started)

    # --- REPLAY_STATUS ---

    def announce_changes(self) -> bool:
        """Announce the end, or another state or speed of the clock; returns False if that is announced already."""
        playback = self._playback
        if not playback.is_recorded or playback.is_waiting:
            return False
        if playback.clock.paused:
            self._output.flush()  # readers have the state of this position then
        if self._output.next_time() is None:
            playback.is_ended = True
        if self._announced == (playback.state, playback.clock.speed):
            return False
        self._announce()
        return True

    def _announce(self, *, reset: bool = False) -> None:
        """Send REPLAY_STATUS to everyone."""
        playback = self._playback
        if playback.clock.paused:
            self._output.flush()
        if self._output.next_time() is None and not playback.is_waiting:
            playback.is_ended = True
        self._announced, self._announced_at = (playback.state, playback.clock.speed), time.monotonic()
        self._output.notify(playback.status(reset=reset))


def _refuse(request: ReplayControl, done: asyncio.Future[None]) -> None:
    if not done.cancelled():
        done.set_exception(ServerError(f"the server has stopped, and {request.action} is not done"))
