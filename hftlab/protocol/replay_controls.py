"""REPLAY_CONTROL as calls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from hftlab.clock import from_milliseconds, to_milliseconds
from hftlab.protocol.enums import ReplayAction
from hftlab.protocol.messages import ReplayControl, ReplayStatus

__all__ = ["ReplayControls"]


class ReplayControls:
    """Each call returns when it has been done, with where the replay stands then.

    `send` does what one REPLAY_CONTROL asks for, `status` knows where the replay stands. Positions are source time in
    nanoseconds; on the wire they have whole microseconds. Raises ServerError where the source is no recording.
    """

    def __init__(
        self, send: Callable[[ReplayControl], Awaitable[object]], status: Callable[[], ReplayStatus | None]
    ) -> None:
        self._send, self._status = send, status

    async def pause(self) -> ReplayStatus | None:
        return await self._do(ReplayAction.PAUSE)

    async def resume(self) -> ReplayStatus | None:
        return await self._do(ReplayAction.RESUME)

    async def step(self, count: int = 1) -> ReplayStatus | None:
        """Pause, and stream the next `count` messages."""
        return await self._do(ReplayAction.STEP, count=count)

    async def seek(self, position: int) -> ReplayStatus | None:
        """Go to a time, back or forward: the state as of `position` is known when this returns.

        What is between two microseconds goes to the later one; before the first message there is no state.
        """
        return await self._do(ReplayAction.SEEK, position=max(to_milliseconds(position + 999), 0.001))

    async def set_speed(self, speed: float) -> ReplayStatus | None:
        """So many times real time; float("inf") is as fast as possible."""
        return await self._do(ReplayAction.SPEED, speed=None if speed == float("inf") else speed)

    @property
    def status(self) -> ReplayStatus | None:
        """Where the replay stands, as last told; None if nothing has been."""
        return self._status()

    @property
    def position(self) -> int | None:
        """That in nanoseconds of source time."""
        status = self._status()
        return None if status is None else from_milliseconds(status.position)

    async def _do(
        self,
        action: ReplayAction,
        *,
        speed: float | None = None,
        position: float | None = None,
        count: int | None = None,
    ) -> ReplayStatus | None:
        await self._send(
            ReplayControl(timestamp=1.0, action=action, speed=speed, position=position, count=count),
        )
        return self._status()
