"""Pace of a stream that sends at most once in an interval."""

from __future__ import annotations

from typing import Final

__all__ = ["Pace"]

_TOLERANCE: Final = 4
"""Divisor of the interval that gives how early a message may be: updates that were recorded at the same interval are
then sent one for one, although their times of reception jitter."""


class Pace:
    """Generic cell rate algorithm (ITU-T I.371, annex A) in source time: one message an interval, with a tolerance."""

    def __init__(self, interval: int) -> None:
        self.interval = interval
        self._expected = 0

    @property
    def earliest(self) -> int:
        """Time from which on the next message may be sent."""
        return self._expected - self.interval // _TOLERANCE

    def sent(self, now: int) -> None:
        """Note that a message is sent."""
        self._expected = max(now, self._expected) + self.interval

    def restart(self) -> None:
        """Forget what was sent: the time has been moved."""
        self._expected = 0
