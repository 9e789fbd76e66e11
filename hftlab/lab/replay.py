"""The controls of a replay as plain calls."""

from __future__ import annotations

from datetime import UTC, datetime

from hftlab.clock import NANOSECONDS, from_milliseconds, in_words
from hftlab.lab.background import background
from hftlab.protocol import ReplayControls, ReplayStatus

__all__ = ["LabReplay"]


class LabReplay:
    """Each call returns when it has been done, with where the replay stands then; see hftlab.protocol.ReplayControls.

    Positions are source time in nanoseconds.
    """

    def __init__(self, controls: ReplayControls) -> None:
        self._controls = controls

    def pause(self) -> ReplayStatus | None:
        return background.run(self._controls.pause())

    def resume(self) -> ReplayStatus | None:
        return background.run(self._controls.resume())

    def step(self, count: int = 1) -> ReplayStatus | None:
        """Pause, and stream the next `count` messages."""
        return background.run(self._controls.step(count))

    def seek(self, position: int | datetime) -> ReplayStatus | None:
        """Go to a time, back or forward: the state as of `position` is known when this returns.

        Nanoseconds, or a datetime, which is UTC if it does not say otherwise.
        """
        return background.run(self._controls.seek(_nanoseconds(position)))

    def set_speed(self, speed: float) -> ReplayStatus | None:
        """So many times real time; float("inf") is as fast as possible."""
        return background.run(self._controls.set_speed(speed))

    @property
    def status(self) -> ReplayStatus | None:
        """Where the replay stands, as last told; None if nothing has been."""
        return self._controls.status

    @property
    def position(self) -> int | None:
        """That in nanoseconds of source time."""
        return self._controls.position

    def __repr__(self) -> str:
        status = self.status
        if status is None:
            return "<hftlab replay, not told of yet>"
        at = in_words(from_milliseconds(status.position))
        return f"<hftlab replay, {status.state} at {at}, speed {status.speed or 'unpaced'}>"


def _nanoseconds(position: int | datetime) -> int:
    if not isinstance(position, datetime):
        return int(position)
    aware = position if position.tzinfo is not None else position.replace(tzinfo=UTC)
    since = aware - datetime.fromtimestamp(0, UTC)
    return (since.days * 86400 + since.seconds) * NANOSECONDS + since.microseconds * 1000
