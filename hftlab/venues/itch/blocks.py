"""Blocks of an ITCH file's bytes, plain or gzip, and the day that its name gives."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from hftlab.instruments import NASDAQ, UNIT
from hftlab.venues.capture_file import Progress, check_readable
from hftlab.venues.content_stream import ContentStream
from hftlab.venues.progress_bar import progress_reporter

__all__ = ["Blocks", "as_day", "midnight", "midnight_before", "midnight_of"]

_BLOCK: Final = 1 << 20
_DAY: Final = 86_400 * UNIT
_LONGEST: Final = 2 + 0xFFFF  # a message with its length
_DAY_IN_NAME: Final = (  # 12302019.NASDAQ_ITCH50, 20191230.PSX_ITCH_50, S123019-v50.txt.gz, nasdaq-2019-12-30.itch
    (re.compile(r"(\d{8})[._]"), "%m%d%Y"),
    (re.compile(r"(\d{8})[._]"), "%Y%m%d"),
    (re.compile(r"S(\d{6})-v"), "%m%d%y"),
    (re.compile(r"(?:.*\D)?(\d{4}-\d{2}-\d{2})(?!\d)"), "%Y-%m-%d"),
)


class Blocks:
    """Blocks of a file as (array, valid bytes), in one reused buffer; the reader sets `used` to the bytes it took.

    What the reader left is moved to the buffer's front, and the next block joins it. `is_last` says that nothing comes
    behind a block. After it `rest` is what was left, and `is_torn` whether a gzip stream ended before its end. Raises
    CaptureError at once for a path that cannot be read, and from the iteration for a damaged gzip stream, after all
    that is whole before it.
    """

    def __init__(self, path: Path, progress: Progress | None) -> None:
        check_readable(path)
        self.path, self._progress = path, progress
        self.used = self.rest = 0
        self.is_torn = self.is_last = False

    def __iter__(self) -> Iterator[tuple[npt.NDArray[np.uint8], int]]:
        buffer = np.empty(_BLOCK + _LONGEST, np.uint8)
        view, filled = memoryview(buffer), 0  # type: ignore[arg-type]
        with (
            progress_reporter(self.path, self._progress) as progress,
            ContentStream(self.path, progress) as content,
        ):
            while count := content.readinto(view[filled : filled + _BLOCK]):
                filled += count
                self.used, self.is_last = 0, count < _BLOCK
                yield buffer, filled
                filled -= self.used
                buffer[:filled] = buffer[self.used : self.used + filled].copy()
            self.is_torn = content.is_torn
        if filled and not self.is_last:
            self.used, self.is_last = 0, True
            yield buffer, filled
            filled -= self.used
        self.rest = filled


def midnight_of(path: Path, date: dt.date | str | None) -> int:
    """Return the midnight (ns since 1970 UTC) from which the file's times count; 0 where no day is known.

    It is New York's. `date` takes precedence over the name, which has the day in the form of Nasdaq's own files, or as
    in 2019-12-30. Raises ValueError for text that is not an ISO date.
    """
    day = as_day(date) or _day_in(path.name)
    return 0 if day is None else midnight(day)


def as_day(date: dt.date | str | None) -> dt.date | None:
    """Return a date that may be given as ISO text."""
    return dt.date.fromisoformat(date) if isinstance(date, str) else date


def midnight(day: dt.date) -> int:
    """Return the ns since 1970 UTC at which a day begins in New York."""
    return int(dt.datetime.combine(day, dt.time(), ZoneInfo(NASDAQ.timezone)).timestamp()) * UNIT


def midnight_before(time: int) -> int:
    """Return the midnight in New York before a time; 0 for times of 1970-01-01 UTC, which are of no known day."""
    if 0 <= time < _DAY:
        return 0
    return midnight(dt.datetime.fromtimestamp(time // UNIT, ZoneInfo(NASDAQ.timezone)).date())


def _day_in(name: str) -> dt.date | None:
    for pattern, form in _DAY_IN_NAME:
        if (found := pattern.match(name)) is not None:
            try:
                day = dt.datetime.strptime(found[1], form).date()
            except ValueError:
                continue
            # strptime takes months of one digit as well; written out again, such a day looks different.
            if day.strftime(form) == found[1]:
                return day
    return None
