"""The bytes of an ITCH file, plain or gzip, block by block, and the day that its name tells."""

from __future__ import annotations

import datetime as dt
import gzip
import re
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from hftlab.errors import CaptureError
from hftlab.instruments import NASDAQ, UNIT
from hftlab.venues.lines import Progress, check_readable

__all__ = ["Blocks", "midnight", "midnight_of"]

_BLOCK: Final = 1 << 20
_LONGEST: Final = 2 + 0xFFFF  # a message with its length
_SHOW_ABOVE: Final = 50_000_000
_GZIP_MAGIC: Final = b"\x1f\x8b"
_DAY_IN_NAME: Final = re.compile(r"(\d{8})[._]|S(\d{6})-v")  # 12302019.NASDAQ_ITCH50, 20190730.PSX_ITCH_50, S081321-v50


class Blocks:
    """Blocks of a file as (array, bytes that count), in one reused buffer; the reader sets `used` to what it took.

    What the reader left is moved to the buffer's front, and the next block joins it. After the last block `rest` is
    what was left, and `is_torn` whether a gzip stream ended before its end. Raises CaptureError for a damaged one.
    """

    def __init__(self, path: Path, progress: Progress | None) -> None:
        check_readable(path)
        self.path, self._progress = path, progress
        self.used = self.rest = 0
        self.is_torn = False

    def __iter__(self) -> Iterator[tuple[npt.NDArray[np.uint8], int]]:
        buffer = np.empty(_BLOCK + _LONGEST, np.uint8)
        view, filled = memoryview(buffer), 0  # type: ignore[arg-type]
        with self.path.open("rb", buffering=0) as file, _shown(self.path, self._progress) as progress:
            is_gzip = file.read(2) == _GZIP_MAGIC
            file.seek(0)
            source = gzip.GzipFile(fileobj=file) if is_gzip else file
            while count := self._fill(source, view[filled : filled + _BLOCK]):
                filled += count
                self.used = 0
                yield buffer, filled
                filled -= self.used
                buffer[:filled] = buffer[self.used : self.used + filled].copy()
                progress(file.tell())
        self.rest = filled

    def _fill(self, source: gzip.GzipFile | FileIO, view: memoryview) -> int:
        try:
            return source.readinto(view) or 0
        except EOFError:
            self.is_torn = True
            return 0
        except (OSError, zlib.error) as error:
            raise CaptureError(
                f"{self.path} is damaged ({error}): fetch the file again, or keep what was read before this",
                path=self.path,
            ) from error


def midnight_of(path: Path, date: dt.date | str | None) -> int:
    """The ns since 1970 UTC of the midnight before the file's times, in Nasdaq's zone; 0 where no day is known.

    `date` wins over the name, which tells the day as Nasdaq's own files do. Raises ValueError for text that is no ISO
    date.
    """
    day = dt.date.fromisoformat(date) if isinstance(date, str) else date or _day_in(path.name)
    return 0 if day is None else midnight(day)


def midnight(day: dt.date) -> int:
    return int(dt.datetime.combine(day, dt.time(), ZoneInfo(NASDAQ.timezone)).timestamp()) * UNIT


def _day_in(name: str) -> dt.date | None:
    match = _DAY_IN_NAME.match(name)
    if match is None:
        return None
    for form in ("%m%d%Y", "%Y%m%d", "%m%d%y"):
        try:
            return dt.datetime.strptime(match[1] or match[2], form).date()
        except ValueError:
            continue
    return None


@contextmanager
def _shown(path: Path, progress: Progress | None) -> Iterator[Callable[[int], object]]:
    """Where to report the bytes read: to the caller, else for a large file to a bar on the terminal."""
    total = path.stat().st_size
    if progress is not None or total <= _SHOW_ABOVE or not sys.stderr.isatty():
        yield progress or (lambda _: None)
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(f"reading {path.name}", total=total)
        yield lambda done: bar.update(task, completed=done)
