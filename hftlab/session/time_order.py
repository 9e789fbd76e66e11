"""Times of a recording's rows in an order that holds, and the steps of the clock that they came from."""

from __future__ import annotations

from typing import Final, NamedTuple

from hftlab.clock import NANOSECONDS, in_words

__all__ = ["ClockStep", "TimeOrder"]

_BACK: Final = NANOSECONDS // 10
"""Nanoseconds that a clock may go back without a step: messages of several threads are this much out of order."""
_FORWARD: Final = NANOSECONDS
"""Nanoseconds that a clock must advance more than a steady clock for a step."""


class ClockStep(NamedTuple):
    """Step of a clock that was set, or of a machine that was suspended: its reading before and after (ns).

    `corrects` says that the clock only makes up for an earlier step back, so that no time is missing between the rows.
    """

    before: int
    after: int
    corrects: bool = False

    @property
    def detail(self) -> str:
        """Sentence for the control table."""
        seconds = abs(self.after - self.before) / NANOSECONDS
        way = "was set back" if self.after < self.before else "went forward, as after a suspension,"
        return f"the clock {way} by {seconds:,.3f} s: from {in_words(self.before)} to {in_words(self.after)}"


class TimeOrder:
    """Order of a recording's rows by times that never go back.

    A clock that is set back by a tenth of a second or more is followed from where it was: rows behind the step keep the
    time between them, also when it is set right again. A shorter way back is disorder among rows, and gets the time of
    the row before.
    """

    def __init__(self) -> None:
        self._latest = 0
        self._shift = 0
        self._clock: int | None = None
        self._steady: int | None = None

    def place(self, clock: int, steady: int | None = None) -> tuple[int, ClockStep | None]:
        """Return the time at which to store a row that the clock dates at `clock`, and the step before it if any.

        `steady` (ns) is a monotonic clock's reading at the same moment. It tells a step forward from a silence, and how
        long the step back took; without one the step takes no time.
        """
        before, elapsed = self._clock, self._elapsed(steady)
        self._clock = clock
        if before is None:
            self._latest = clock
            return clock, None
        expected, shift = before + (elapsed or 0), self._shift
        forward = elapsed is not None and clock - expected >= _FORWARD
        if forward:
            self._shift = max(0, shift - (clock - expected))
        # A clock that is set right may be a little behind where it was when it was set back.
        if self._latest - clock < (_BACK if shift >= _FORWARD else 1):
            self._shift = 0
        at, step = clock + self._shift, None
        if self._latest - at >= _BACK:
            step = ClockStep(expected, clock)
            at = self._latest + (elapsed or 0)
            self._shift = at - clock
        elif forward and at - (expected + shift) >= _FORWARD:
            step = ClockStep(expected + shift, clock)
        elif forward:
            step = ClockStep(expected, clock, corrects=True)
        self._latest = max(self._latest, at)
        return self._latest, step

    def _elapsed(self, steady: int | None) -> int | None:
        """Return the time since the row before by the steady clock, None if it is not known of both rows."""
        before, self._steady = self._steady, steady
        return None if before is None or steady is None else max(0, steady - before)
