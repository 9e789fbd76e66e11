"""Files of LOBSTER: the pair of messages and order book, and their lines as columns.

Source: LOBSTER, "Output" and the readme of its samples. TICKER_DATE_START_END_message_LEVEL.csv has a line for each
event (seconds after midnight, type, order number, size, dollars × 10,000, direction), ..._orderbook_LEVEL.csv the book
after it (ask price, ask size, bid price, bid size, level by level; an absent level has the price ±9999999999, size 0).
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.bounds import LONGEST_SYMBOL
from hftlab.errors import CaptureError
from hftlab.venues.capture_file import Damage, Progress, bad_line, check_readable, read_blocks
from hftlab.venues.progress_bar import progress_reporter

__all__ = ["FORM", "Files", "Name", "find_files", "read_tables"]

Blocks = Callable[[Progress | None], Iterator[bytes]]

_BLOCK: Final = 1 << 20
_ZIP_MAGIC: Final = b"PK\x03\x04"
_NAME: Final = re.compile(
    rf"(?:.*/)?(?P<symbol>[A-Za-z0-9.-]{{1,{LONGEST_SYMBOL}}})_(?P<date>\d{{4}}-\d{{2}}-\d{{2}})_\d+_\d+_(?P<table>message|orderbook)_\d+\.csv(?:\.gz)?"
)
FORM: Final = "TICKER_DATE_START_END_message_LEVEL.csv"


class Name(NamedTuple):
    """Symbol and date from a file's name."""

    symbol: str
    date: date


class Table(NamedTuple):
    """One of the two files: its path for errors, and a function that reads its bytes."""

    path: Path
    blocks: Blocks


class Files(NamedTuple):
    """Pair of tables; `orderbook` is None where there is none, `name` where the file has another name."""

    name: Name | None
    messages: Table
    orderbook: Table | None


def find_files(path: Path, orderbook: Path | None) -> Files:
    """Find the pair that a message file or an archive belongs to. Raises CaptureError."""
    check_readable(path, zipped=True)
    with path.open("rb") as file:
        is_zip = file.read(4) == _ZIP_MAGIC
    if is_zip:
        return _zipped(path)
    named = _NAME.fullmatch(path.name)
    if named is not None and named["table"] == "orderbook":
        raise CaptureError(f"{path} is the order book of a pair: name the message file beside it", path=path)
    if orderbook is None and named is not None:
        beside = path.with_name(path.name.replace("_message_", "_orderbook_"))
        orderbook = beside if beside.is_file() else None
    if orderbook is not None:
        check_readable(orderbook)
    books = None if orderbook is None else _plain(orderbook)
    return Files(_name(path, named), _plain(path), books)


def _name(path: Path, named: re.Match[str] | None) -> Name | None:
    if named is None:
        return None
    try:
        return Name(named["symbol"], date.fromisoformat(named["date"]))
    except ValueError as error:
        raise CaptureError(f"{path} has no date in its name ({error}): name it {FORM}", path=path) from error


def _plain(path: Path) -> Table:
    return Table(path, lambda progress: _blocks(path, progress))


def _blocks(path: Path, progress: Progress | None) -> Iterator[bytes]:
    with progress_reporter(path, progress) as tell:
        yield from read_blocks(path, progress=tell)


def _zipped(path: Path) -> Files:
    try:
        with zipfile.ZipFile(path) as archive:
            found = [match for name in archive.namelist() if (match := _NAME.fullmatch(name)) is not None]
            sizes = {member.filename: member.file_size for member in archive.infolist()}
    except zipfile.BadZipFile as error:
        raise CaptureError(f"{path} is not a complete zip archive ({error}): fetch it again", path=path) from error
    messages = [match for match in found if match["table"] == "message"]
    books = [match[0] for match in found if match["table"] == "orderbook"]
    if len(messages) != 1 or len(books) > 1:
        raise CaptureError(
            f"{path} holds {len(messages)} message and {len(books)} orderbook files: unpack it and name one {FORM}",
            path=path,
        )
    member = messages[0][0]
    scale = path.stat().st_size / max(sizes[member], 1)
    return Files(
        _name(path, messages[0]),
        Table(path / member, lambda progress: _member(path, member, progress, scale)),
        Table(path / books[0], lambda progress: _member(path, books[0], progress, scale)) if books else None,
    )


def _member(path: Path, member: str, progress: Progress | None, scale: float) -> Iterator[bytes]:
    """Yield a member's content; progress is in bytes of the archive, in proportion. Raises Damage."""
    done = 0
    try:
        with zipfile.ZipFile(path) as archive, archive.open(member) as file, progress_reporter(path, progress) as tell:
            while block := file.read(_BLOCK):
                done += len(block)
                yield block
                tell(round(done * scale))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise Damage(f"{member} in the archive is damaged ({error}): fetch it again") from error


def read_tables(
    table: Table, columns: int | None, chunk: int, progress: Progress | None = None
) -> Iterator[npt.NDArray[np.float64]]:
    """Read the lines as rows of numbers, `chunk` at a time; every number that LOBSTER writes is exact in a double.

    `columns` is how many there must be, or None for as many as in the first line; `progress` is as in
    `progress_reporter()`. Raises CaptureError at the first line that is not such a row, after every whole line before
    it.
    """
    number = 1
    try:
        for text in filter(None, _line_blocks(table.blocks(progress), chunk)):
            columns = columns or text[: text.find(b"\n")].count(b",") + 1
            rows, bad = _parsed(text, columns)
            if len(rows):
                yield rows
            number += len(rows)
            if bad is not None:
                what = f"has {bad!r}, not {columns} numbers: it is cut off, or not a LOBSTER file"
                raise bad_line(table.path, number, what)
    except (Damage, OSError) as damage:
        raise bad_line(table.path, number, str(damage)) from damage


def _line_blocks(blocks: Iterator[bytes], lines: int) -> Iterator[bytes]:
    """Yield blocks of so many whole lines, the last one of the rest. Raises Damage after every whole line."""
    rest, count = [b""], 0
    try:
        for block in blocks:
            rest.append(block.replace(b"\r", b""))
            count += block.count(b"\n")
            if count >= lines:
                *whole, last = _cut(b"".join(rest), lines)
                rest, count = [last], last.count(b"\n")
                yield from whole
    except (Damage, OSError):
        text = b"".join(rest)
        yield text[: text.rfind(b"\n") + 1]
        raise
    text = b"".join(rest)
    yield text if text.endswith(b"\n") or not text else text + b"\n"


def _cut(text: bytes, lines: int) -> Iterator[bytes]:
    """Cut a text into pieces of so many lines, and the rest."""
    ends = np.flatnonzero(np.frombuffer(text, np.uint8) == ord("\n"))[lines - 1 :: lines] + 1
    bounds = [0, *ends.tolist(), len(text)]
    return (text[start:stop] for start, stop in pairwise(bounds))


def _parsed(text: bytes, columns: int) -> tuple[npt.NDArray[np.float64], str | None]:
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
