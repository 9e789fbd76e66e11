"""Position of a replay at the moment, from the statuses that its server sends at changes only."""

from __future__ import annotations

from math import inf
from typing import Final

from hftlab.clock import NANOSECONDS, from_milliseconds
from hftlab.protocol.enums import ReplayState
from hftlab.protocol.messages import ReplayStatus

__all__ = ["Playhead"]

BEHIND: Final = 2.0
"""Real seconds by which messages may be older than the clock says before the clock is not believed."""
FRESH: Final = 1.0
"""Real seconds for which a message says where the replay stands."""


class Playhead:
    """The position of a replay in ns of source time; `now` is in real seconds of any clock.

    While it plays, the position goes on from the newest status at the replay's speed. A server that is slower than that
    shows it by the times of its messages, and one at full speed has no other clock.
    """

    def __init__(self) -> None:
        self._status: ReplayStatus | None = None
        self._since = 0.0
        self._newest: tuple[int, float] | None = None

    def take(self, status: ReplayStatus, now: float) -> None:
        """Take in a status at the time when it came."""
        self._status, self._since, self._newest = status, now, None

    def see(self, ts_event: int, now: float) -> int:
        """Take in the time of a message; return the position that it belongs to.

        Event times of another clock, as of a simulated day that was recorded in a minute, are not positions.
        """
        status = self._status
        if status is None:
            return ts_event
        if not _start(status) <= ts_event <= _end(status):
            return self.at(now)
        if self._newest is None or ts_event >= self._newest[0]:
            self._newest = ts_event, now
        return ts_event

    def at(self, now: float) -> int:
        """Return the position; 0 before the first status."""
        status = self._status
        if status is None:
            return 0
        position = from_milliseconds(status.position)
        if status.state != ReplayState.PLAYING:
            return position
        newest, seen = self._newest or (position, -inf)
        if status.speed is None:
            return max(position, newest)
        passed = (now - self._since) * status.speed * NANOSECONDS
        ahead = position + round(max(0.0, passed))
        if now - seen < FRESH and ahead - newest > BEHIND * status.speed * NANOSECONDS:
            ahead = max(position, newest)
        return min(ahead, max(position, _end(status)))


def _start(status: ReplayStatus) -> int:
    return 0 if status.start is None else from_milliseconds(status.start)


def _end(status: ReplayStatus) -> int:
    return 2**62 if status.end is None else from_milliseconds(status.end)
