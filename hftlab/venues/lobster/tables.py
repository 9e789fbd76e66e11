"""Lines of a LOBSTER file as rows of numbers, up to the first that is damaged."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.venues.capture_file import LONGEST_LINE, Damage, Progress, bad_line, strip_line

__all__ = ["Table", "TableReader"]

Floats = npt.NDArray[np.float64]

_STRAY: Final = (b"\0", b" ", b"\t", b"\v", b"\f", b"\x1a", b"\xef\xbb\xbf")
"""Characters that editors, Windows tools and tapes leave around a line; the numbers of LOBSTER have none of it."""


class Table(NamedTuple):
    """One of the two files: its path for errors, and a function that reads its bytes."""

    path: Path
    blocks: Callable[[Progress | None], Iterator[bytes]]


class TableReader(Iterator[Floats]):
    """Iterator over the lines of a table as rows of numbers, `chunk` at a time; blank lines are passed over.

    Every number that LOBSTER writes is exact in a double. `columns` is how many there must be, or None for as many as
    in the first line; `progress` is as in `progress_reporter()`. The iterator raises CaptureError at the first line
    that is not such a row, after every whole line before it.
    """

    def __init__(self, table: Table, columns: int | None, chunk: int, progress: Progress | None = None) -> None:
        self._path, self._columns = table.path, columns
        self._blanks: list[int] = []  # the numbers of the blank lines
        self._rows = self._read(table.blocks(progress), chunk)

    def __next__(self) -> Floats:
        return next(self._rows)

    def line_of(self, row: int) -> int:
        """Return the number, from 1, of the line that holds a row, also of the row behind the last."""
        line = row + 1
        for blank in self._blanks:
            if blank > line:
                break
            line += 1
        return line

    def _read(self, blocks: Iterator[bytes], chunk: int) -> Iterator[Floats]:
        done = 0
        try:
            for text in filter(None, _cut(self._lines(blocks), chunk)):
                columns = self._columns or text[: text.find(b"\n")].count(b",") + 1
                self._columns = columns
                rows, bad = _parsed(text, columns)
                if len(rows):
                    yield rows
                done += len(rows)
                if bad is not None:
                    what = f"has {bad!r}, not {columns} numbers: it is cut off, or not a LOBSTER file"
                    raise bad_line(self._path, self.line_of(done), what)
        except (Damage, OSError) as damage:
            raise bad_line(self._path, self.line_of(done), str(damage)) from damage

    def _lines(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """Yield blocks of whole lines, without blank ones and what is around a line. Raises Damage after them."""
        rest, number = b"", 1
        for block in blocks:
            end = block.rfind(b"\n") + 1
            if not end:
                rest += block
                if len(rest) > LONGEST_LINE:
                    raise Damage(f"is longer than {LONGEST_LINE >> 20} MiB: this is not a text file")
                continue
            text, rest = rest + block[:end], block[end:]
            yield self._stripped(text, number)
            number += text.count(b"\n")
        if rest:
            yield self._stripped(rest + b"\n", number)

    def _stripped(self, text: bytes, number: int) -> bytes:
        text = text.replace(b"\r", b"")
        if not text.startswith(b"\n") and b"\n\n" not in text and not any(stray in text for stray in _STRAY):
            return text
        lines = [strip_line(line) for line in text.split(b"\n")[:-1]]
        self._blanks += [number + place for place, line in enumerate(lines) if not line]
        return b"".join(line + b"\n" for line in lines if line)


def _cut(blocks: Iterator[bytes], lines: int) -> Iterator[bytes]:
    """Cut blocks of whole lines into others of so many lines, the last one of the rest. Raises Damage after them."""
    waiting: list[bytes] = []
    count = 0
    try:
        for block in blocks:
            waiting.append(block)
            count += block.count(b"\n")
            if count >= lines:
                *whole, last = _pieces(b"".join(waiting), lines)
                waiting, count = [last], last.count(b"\n")
                yield from whole
    except (Damage, OSError):
        yield b"".join(waiting)
        raise
    yield b"".join(waiting)


def _pieces(text: bytes, lines: int) -> Iterator[bytes]:
    """Yield pieces of so many lines, and the rest."""
    ends = np.flatnonzero(np.frombuffer(text, np.uint8) == ord("\n"))[lines - 1 :: lines] + 1
    bounds = [0, *ends.tolist(), len(text)]
    return (text[start:stop] for start, stop in pairwise(bounds))


def _parsed(text: bytes, columns: int) -> tuple[Floats, str | None]:
    """Return the rows before the first line that is not `columns` numbers, and that line."""
    import polars as pl

    schema = {f"{column}": pl.Float64 for column in range(columns)}
    try:
        frame = pl.read_csv(io.BytesIO(text), has_header=False, schema=schema)
        rows = frame.to_numpy()
        if len(rows) == text.count(b"\n") and np.isfinite(rows).all():
            return rows, None
    except (pl.exceptions.PolarsError, OverflowError):
        pass
    lines = text.split(b"\n")[:-1]
    numbers = [_numbers(line, columns) for line in lines]
    bad = next((row for row, found in enumerate(numbers) if found is None), None)
    good = np.array(numbers[:bad], np.float64).reshape(-1, columns)
    return good, None if bad is None else lines[bad].decode(errors="replace")[:80]


def _numbers(line: bytes, columns: int) -> list[float] | None:
    try:
        numbers = [float(text) for text in line.split(b",")]
    except ValueError:
        return None
    return numbers if len(numbers) == columns and np.isfinite(numbers).all() else None
