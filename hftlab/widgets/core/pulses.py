"""Ages of what pages send, by the kernel's own clock.

A kernel that computes reads its pages' messages late, in the order in which they came. What is only right at once, such
as an order, must then not be done.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from itertools import count
from math import inf, isfinite, nan
from typing import Any, Final

__all__ = ["Pulses"]

KEPT: Final = 512
"""Pulses whose time is known: those of more than ten seconds at the highest rate."""


class Pulses:
    """The times of the newest signs of life that a widget sent to its pages."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._sent: deque[tuple[int, float]] = deque(maxlen=KEPT)

    def next(self, now: float) -> int:
        """Return the number of a pulse that is sent `now`, in seconds."""
        number = next(self._numbers)
        self._sent.append((number, now))
        return number

    def age(self, stamp: Any, now: float, wall: float) -> float:
        """Age of a page's message in seconds, at most a round trip too high; inf where nothing proves it.

        `stamp` is what the page's `panel.stamp()` made when the message was sent: `pulse`, the number of the newest
        pulse that it had heard; `since`, the seconds since then; `at`, its own time in ms since 1970 UTC, which tells
        when the page's computer slept in between. `wall` is the kernel's time in seconds since 1970 UTC.
        """
        if not isinstance(stamp, Mapping):
            return inf
        since, at = _time(stamp.get("since")), _time(stamp.get("at"))
        sent = next((at for number, at in self._sent if number == stamp.get("pulse")), -inf)
        return max(now - sent - max(0.0, since), wall - at / 1000) if isfinite(since) and isfinite(at) else inf


def _time(value: Any) -> float:
    try:
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else nan
    except OverflowError:  # an integer of hundreds of digits
        return nan
