"""The controls of a replay as plain calls."""

from __future__ import annotations

from datetime import datetime

from hftlab.clock import from_milliseconds, in_words, nanoseconds
from hftlab.lab.background import background
from hftlab.protocol import ReplayControls, ReplayStatus

__all__ = ["LabReplay"]

_nanoseconds = nanoseconds  # its name in 0.1, which programs of others import


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

    def resume(self, *, loop: bool | None = None) -> ReplayStatus | None:
        """Go on from where the replay was paused; with `loop` it begins again at its end, until `loop=False`."""
        return background.run(self._controls.resume(loop=loop))

    def step(self, count: int | str = 1, *, seconds: float | None = None) -> ReplayStatus | None:
        """Pause, and stream the next `count` messages, or those of the next `seconds` of source time.

        `count` may be a time as text: "250us", "10ms", "1s", "5m".
        """
        return background.run(self._controls.step(count, seconds=seconds))

    def step_to(self, until: int | datetime | str) -> ReplayStatus | None:
        """Pause, and stream the messages up to and including a time; it is given as for seek()."""
        return background.run(self._controls.step_to(nanoseconds(until)))

    def seek(self, position: int | datetime | str) -> ReplayStatus | None:
        """Go to a time, back or forward; the client has the state as of `position` when this returns.

        `position` is in nanoseconds, a datetime, or ISO 8601 text (both taken as UTC if they have no time zone).
        """
        return background.run(self._controls.seek(nanoseconds(position)))

    def seek_message(self, number: int) -> ReplayStatus | None:
        """Go to the time of the message with this number in the recording: the column `message` of its tables."""
        return background.run(self._controls.seek_message(number))

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
