"""The market's time between two messages, and how fast it goes: live, or in a replay of any speed."""

from __future__ import annotations

import math
from collections import deque
from statistics import median
from typing import Final

from hftlab.clock import NANOSECONDS

__all__ = ["MarketClock", "round_step"]

READINGS: Final = 9
"""Rates of which the median is the clock's: a jump is one of them, a new speed soon most of them."""
SHORTEST: Final = 0.02
"""Seconds between two readings whose rate is taken."""
HELD: Final = 1.0
"""Seconds for which the time goes on without a new reading: then nothing is known of it."""
STEADY: Final = 0.8
"""A step lasts at least this part of what it should: rates are measured, and 1.02 is meant to be 1."""


class MarketClock:
    """The newest time (ns) that a market has shown, carried on at the rate at which it came."""

    def __init__(self) -> None:
        self.rate = 1.0
        """Seconds of the market a second."""
        self._rates: deque[float] = deque(maxlen=READINGS)
        self._at = math.nan
        self._reading = 0
        self._now = 0

    def read(self, now: float, reading: int, *, speed: float | None = None, stands: bool = False) -> int:
        """Return the market's time at `now` s of any steady timer; `reading` is the newest time known (ns).

        `speed` is the rate where it is known, as that of a replay; while the market `stands` its time does. A reading
        that is earlier than the one before sets the clock back.
        """
        if reading != self._reading:
            self._take(now, reading)
        if speed is not None:
            self.rate = speed
        passed = 0.0 if stands else min(now - self._at, HELD)
        estimate = self._reading + round(passed * self.rate * NANOSECONDS)
        self._now = max(self._now, estimate)
        return self._now

    def _take(self, now: float, reading: int) -> None:
        passed = now - self._at
        if reading < self._reading:
            self._now = reading
        elif passed >= SHORTEST and self._reading:
            self._rates.append((reading - self._reading) / NANOSECONDS / passed)
            self.rate = median(self._rates)
        self._at, self._reading = now, reading


def round_step(interval: float, rate: float) -> int:
    """Return the round number of nanoseconds (1, 2 or 5 and zeros) that the market takes in about `interval` s."""
    least = max(1.0, STEADY * interval * rate * NANOSECONDS)
    power = 10.0 ** math.floor(math.log10(least))
    return round(next(power * digit for digit in (1, 2, 5, 10) if power * digit >= least))
