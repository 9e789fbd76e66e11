"""Times as Kraken's WebSocket API v2 writes them, such as 2023-10-06T17:35:55.440295Z (RFC 3339, in UTC)."""

from __future__ import annotations

import re
from calendar import timegm
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from hftlab.instruments import UNIT
from hftlab.venues.stamps import BadStamp

__all__ = ["to_nanoseconds", "to_rfc3339"]

_TIME: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?Z", re.ASCII)
_FIRST: Final = 2001
_LAST: Final = 2262
"""Years in which int64 ns hold every moment, as of all stamps of captures."""


def to_nanoseconds(text: str) -> int:
    """Convert a time to ns since 1970. Raises BadStamp for another form, and for years that no capture is of."""
    found = _TIME.fullmatch(text)
    if found is None:
        raise BadStamp(f"{text[:40]!r} is not a time such as 2023-10-06T17:35:55.440295Z")
    return _seconds(found[1]) * UNIT + int((found[2] or "").ljust(9, "0"))


@lru_cache(16)
def _seconds(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadStamp(f"{text!r} is not a time ({error})") from None
    if not _FIRST <= moment.year < _LAST:
        raise BadStamp(f"{text!r} is not a time from 2001 on that int64 ns can hold")
    return timegm(moment.timetuple())


def to_rfc3339(moment: int) -> str:
    """Write ns since 1970, cut to microseconds."""
    seconds, rest = divmod(moment, UNIT)
    return f"{_second_text(seconds)}.{rest // 1000:06d}Z"


@lru_cache(16)
def _second_text(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
