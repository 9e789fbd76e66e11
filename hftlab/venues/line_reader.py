"""Base of the readers of line-by-line captures: lines in, batches of whole events out."""

from __future__ import annotations

import math
import re
from abc import abstractmethod
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Final

from hftlab.errors import CaptureError
from hftlab.events import EventBatch
from hftlab.instruments import UNIT, Instrument
from hftlab.venues.capture_file import Progress, bad_line, check_readable, read_lines
from hftlab.venues.level_batch_builder import BadNumber, LevelBatchBuilder
from hftlab.venues.progress_bar import progress_reporter

__all__ = ["LineReader"]

_NUMBER: Final = re.compile(r"[0-9]+(?:\.[0-9]+)?")


class LineReader(Iterator[EventBatch]):
    """Iterator over the batches of one capture, each of whole events and about `chunk` rows.

    A venue's reader implements `_take_line()`, which adds the rows of a line to `_rows`. The iterator raises damage
    after every whole event before it.
    """

    def __init__(self, path: Path, progress: Progress | None, chunk: int) -> None:
        if chunk < 1:
            raise ValueError(f"chunk must be 1 or more rows, got {chunk}")
        check_readable(path)
        self.path = path
        self._rows = LevelBatchBuilder()
        self._progress, self._chunk = progress, chunk
        self._batches = self._read()

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """Instruments met so far; a batch's instrument_id is the index."""
        return self._rows.instruments

    def __next__(self) -> EventBatch:
        return next(self._batches)

    @abstractmethod
    def _take_line(self, number: int, line: bytes) -> None:
        """Add the rows of a line. Raises CaptureError for a line of another form."""

    def _finish(self, batch: EventBatch) -> EventBatch:
        """Complete a batch before it is returned."""
        return batch

    def _check_end(self) -> None:
        """Raise CaptureError if the file turned out not to be a usable capture."""

    def _read(self) -> Iterator[EventBatch]:
        try:
            with progress_reporter(self.path, self._progress) as progress:
                for number, line in read_lines(self.path, progress=progress):
                    self._take_line(number, line)
                    if len(self._rows) >= self._chunk:
                        yield from self._flush()
        except CaptureError:
            yield from self._flush()
            raise
        yield from self._flush()
        self._check_end()

    def _flush(self) -> Iterator[EventBatch]:
        batch, bad = self._rows.take()
        if len(batch):
            yield self._finish(batch)
        if bad is not None:
            raise bad_line(self.path, bad.line, _advice(bad))


def _advice(bad: BadNumber) -> str:
    """Say what is wrong with a number, and what to do."""
    what = f"has the {bad.column} {bad.text!r}"
    if _NUMBER.fullmatch(bad.text) is None:
        return f"{what}, which is not a decimal number without a sign: fetch the capture again"
    number = Fraction(bad.text) * UNIT
    if number.denominator != 1:
        return f"{what}, which has more than the nine decimals that hftlab holds: cut the capture before this line"
    step = "tick" if bad.column == "price" else "lot"
    if number % bad.step == 0:
        unit = 1 if bad.column == "price" else bad.step
        return f"{what}, which is too large for int64 in steps of {_units(unit)}: cut the capture before this line"
    finer = _units(math.gcd(bad.step, int(number)))
    return (
        f"{what}, not a multiple of the {step} of {bad.symbol}, {_units(bad.step)}: pass an instrument with {step}="
        f"{finer}, or none, for one that holds every number of the file"
    )


def _units(step: int) -> str:
    return f"{(Decimal(step) / UNIT).normalize():f}"
