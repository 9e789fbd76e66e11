"""Replay controls: REPLAY_CONTROL messages as calls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from numbers import Integral
from typing import Any

from hftlab.clock import check_speed, duration, from_milliseconds, to_milliseconds
from hftlab.errors import ArgumentError
from hftlab.protocol.enums import ReplayAction
from hftlab.protocol.messages import ReplayControl, ReplayStatus

__all__ = ["ReplayControls"]


class ReplayControls:
    """Controls of a replay. Each call returns the replay's status once the command has been done.

    `send` carries out one REPLAY_CONTROL, `status` returns the newest REPLAY_STATUS. Positions are source time in
    nanoseconds, and whole microseconds on the wire. Calls raise ServerError if the source is not a recording.
    """

    def __init__(
        self, send: Callable[[ReplayControl], Awaitable[object]], status: Callable[[], ReplayStatus | None]
    ) -> None:
        self._send, self._status = send, status

    async def pause(self) -> ReplayStatus | None:
        """Pause."""
        return await self._do(ReplayAction.PAUSE)

    async def resume(self, *, loop: bool | None = None) -> ReplayStatus | None:
        """Go on after a pause; with `loop` again from the start at each end, None leaves that as it was set."""
        return await self._do(ReplayAction.RESUME, loop=loop)

    async def step(self, count: int | str = 1, *, seconds: float | None = None) -> ReplayStatus | None:
        """Stream the next `count` messages, or those of the next `seconds` of source time, and pause.

        `count` may be such a time as text: "250us", "10ms", "1s", "5m". Raises ValueError for other text.
        """
        if seconds is None and not isinstance(count, str | float):
            if not isinstance(count, Integral) or isinstance(count, bool) or count < 1:
                raise ArgumentError(f"count is a number of messages above 0, or a time such as '10ms'; got {count!r}")
            return await self._do(ReplayAction.STEP, count=int(count))
        return await self._do(
            ReplayAction.STEP, duration=to_milliseconds(duration(count if seconds is None else seconds))
        )

    async def step_to(self, until: int, count: int | None = None) -> ReplayStatus | None:
        """Stream the messages up to and including a time (ns), at most the next `count`, and pause."""
        return await self._do(ReplayAction.STEP, until=until, count=count)

    async def seek(self, position: int) -> ReplayStatus | None:
        """Go to a time, back or forward; when this returns the state as of `position` has been received.

        Positions are rounded up to microseconds. Before the first message there is no state.
        """
        return await self._do(ReplayAction.SEEK, position=max(to_milliseconds(position + 999), 0.001))

    async def seek_message(self, number: int) -> ReplayStatus | None:
        """Go to the time of the message with this number in the recording: the column `message` of its tables."""
        if not isinstance(number, Integral) or isinstance(number, bool) or number < 0:
            raise ArgumentError(f"a message of a recording has a whole number, 0 or above; got {number!r}")
        return await self._do(ReplayAction.SEEK, sequence=int(number))

    async def set_speed(self, speed: float) -> ReplayStatus | None:
        """Set the speed as a multiple of real time; float("inf") is as fast as possible. Raises ArgumentError."""
        checked = check_speed(speed)
        return await self._do(ReplayAction.SPEED, speed=None if checked == float("inf") else checked)

    @property
    def status(self) -> ReplayStatus | None:
        """Newest status of the replay; None before the first."""
        return self._status()

    @property
    def position(self) -> int | None:
        """Position in nanoseconds of source time, as of the newest status; None before the first."""
        status = self._status()
        return None if status is None else from_milliseconds(status.position)

    async def _do(self, action: ReplayAction, **fields: Any) -> ReplayStatus | None:
        await self._send(ReplayControl(timestamp=1.0, action=action, **fields))
        return self._status()
