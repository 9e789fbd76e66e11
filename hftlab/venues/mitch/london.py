"""Days in London, from whose midnight MITCH's times count."""

from __future__ import annotations

import datetime as dt
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from hftlab.instruments import LSE, UNIT

__all__ = ["Days", "as_midnight", "midnight_of"]

IntArray = npt.NDArray[np.int64]

_ZONE: Final = ZoneInfo(LSE.timezone)
_HOUR: Final = 3600 * UNIT


def as_midnight(date: dt.date | str | None) -> int | None:
    """Return the ns since 1970 UTC at which a day begins in London, None for none.

    Raises ValueError for text that is not an ISO date.
    """
    if date is None:
        return None
    day = dt.date.fromisoformat(date) if isinstance(date, str) else date
    return int(dt.datetime.combine(day, dt.time(), _ZONE).timestamp()) * UNIT


def midnight_of(moment: int) -> int:
    """Return the midnight in London before a moment (ns since 1970 UTC), 0 for one that is not known (0 or below)."""
    if moment <= 0:
        return 0
    day = dt.datetime.fromtimestamp(moment // UNIT, _ZONE).date()
    return int(dt.datetime.combine(day, dt.time(), _ZONE).timestamp()) * UNIT


class Days:
    """Midnights in London before the times of a capture: `fixed` for all, or those of each time's own day."""

    def __init__(self, fixed: int | None) -> None:
        self._fixed = fixed
        self._last = 0

    def midnights(self, times: IntArray) -> IntArray:
        """Return the midnight before each time; for one that is not known that before the last that is, or 0."""
        if self._fixed is not None or not len(times):
            return np.full(len(times), self._fixed or 0)
        # Days begin at whole hours.
        hours, which = np.unique(times // _HOUR, return_inverse=True)
        found = np.array([midnight_of(hour * _HOUR) for hour in hours.tolist()], np.int64)[which]
        known = np.maximum.accumulate(np.where(times > 0, np.arange(len(times)), -1))
        found = np.where(known < 0, self._last, found[known])
        self._last = int(found[-1])
        return found
