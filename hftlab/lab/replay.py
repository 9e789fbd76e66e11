"""The controls of a replay as plain calls."""

from __future__ import annotations

from datetime import UTC, datetime

from hftlab.clock import NANOSECONDS, from_milliseconds, in_words
from hftlab.lab.background import background
from hftlab.protocol import ReplayControls, ReplayStatus

__all__ = ["LabReplay"]


class LabReplay:
    """Pause, resume, step, seek and speed of a replayed source; see hftlab.protocol.ReplayControls.

    Each call returns once the server has done it, with the replay's new status. Positions are source time in int64
    nanoseconds UTC.
    """

    def __init__(self, controls: ReplayControls) -> None:
        self._controls = controls

    def pause(self) -> ReplayStatus | None:
        """Pause the replay."""
        return background.run(self._controls.pause())

    def resume(self) -> ReplayStatus | None:
        """Go on from where the replay was paused."""
        return background.run(self._controls.resume())

    def step(self, count: int = 1) -> ReplayStatus | None:
        """Pause, and stream the next `count` messages."""
        return background.run(self._controls.step(count))

    def seek(self, position: int | datetime) -> ReplayStatus | None:
        """Go to a time, back or forward; the client has the state as of `position` when this returns.

        `position` is in nanoseconds, or a datetime (taken as UTC if it has no time zone).
        """
        return background.run(self._controls.seek(_nanoseconds(position)))

    def set_speed(self, speed: float) -> ReplayStatus | None:
        """Set the speed in multiples of real time; float("inf") is as fast as possible."""
        return background.run(self._controls.set_speed(speed))

    @property
    def status(self) -> ReplayStatus | None:
        """The newest status that the server has sent; None before the first."""
        return self._controls.status

    @property
    def position(self) -> int | None:
        """The source time of the newest status, in nanoseconds; None before the first."""
        return self._controls.position

    def __repr__(self) -> str:
        status = self.status
        if status is None:
            return "<hftlab replay, no status yet>"
        at = in_words(from_milliseconds(status.position))
        return f"<hftlab replay, {status.state} at {at}, speed {status.speed or 'unpaced'}>"


def _nanoseconds(position: int | datetime) -> int:
    if not isinstance(position, datetime):
        return int(position)
    aware = position if position.tzinfo is not None else position.replace(tzinfo=UTC)
    since = aware - datetime.fromtimestamp(0, UTC)
    return (since.days * 86400 + since.seconds) * NANOSECONDS + since.microseconds * 1000
