"""Days in London, from whose midnight MITCH's times count."""

from __future__ import annotations

import datetime as dt
from typing import Final
from zoneinfo import ZoneInfo

from hftlab.instruments import LSE, UNIT

__all__ = ["as_midnight", "midnight_of"]

_ZONE: Final = ZoneInfo(LSE.timezone)


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
