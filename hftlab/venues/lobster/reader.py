"""LOBSTER's reconstructed Nasdaq data: a day of one stock's order events, and the order book after each.

Give the message file, plain or gzip, and the order book beside it is found by its name; or give the zip of both.
The pair shows a window only, the best levels of each side. An order that was added in sight is known by its own
number; whatever else rests at a level is one order, whose number `synthetic()` makes of the side and the price.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, zip_longest
from os import PathLike
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.errors import CaptureError
from hftlab.events import EventBatch
from hftlab.instruments import NASDAQ, UNIT, Instrument, find_instrument
from hftlab.venues.capture_file import Progress, bad_line
from hftlab.venues.lobster.books import Books, find_bad_book, read_books
from hftlab.venues.lobster.decode_kernel import HALT, synthetic
from hftlab.venues.lobster.decoder import Decoder, find_bad_message
from hftlab.venues.lobster.files import FORM, Name, find_files
from hftlab.venues.lobster.tables import TableReader
from hftlab.venues.progress_bar import no_progress
from hftlab.venues.recognition import explaining

__all__ = ["Books", "Halt", "Reader", "Stats", "read", "read_books", "synthetic"]

FilePath = str | PathLike[str]

Floats = npt.NDArray[np.float64]
Tables = tuple[Floats, Floats | None]

_CHUNK: Final = 1 << 16
_TICK: Final = UNIT // 10_000
_HALTS: Final = {-1: "halted", 0: "quoting", 1: "trading"}


def read(
    path: FilePath,
    *,
    orderbook: FilePath | None = None,
    follow: bool = True,
    instrument: Instrument | None = None,
    date: dt.date | None = None,
    progress: Progress | None = None,
    chunk: int = _CHUNK,
) -> Reader:
    """Read a pair of files: an iterator of EventBatch, each of the whole events of up to `chunk` messages.

    | type | rows |
    |---|---|
    | 1 new | A |
    | 2 partial cancellation, 3 deletion | C |
    | 4 execution of a visible order | T (the aggressor's side), F, C |
    | 5 execution of a hidden order | T |
    | 6 cross trade | T without a side |
    | 7 halt | N; `reader.halts` has its meaning |

    With an order book the first event is what rested before: an R and an A for each level of its first line (the first
    message undone), flagged F_SNAPSHOT. With `follow` each event ends with what no message reports, flagged F_SNAPSHOT
    too: a level that comes into sight from below is an A, the orders of one that goes out of sight are C rows, so that
    the best levels are always those of the order book. Without it the first line is all that is used of it.

    A message about an order that was never added counts for its level's synthetic order, if there is one of that size.
    `sequence` is the number of the message, which is its line in a file without blank ones. `ts_recv` equals
    `ts_event`, for there was no capture. `instrument` and `date` are by default those in the file's name; the time is
    New York's.

    Raises CaptureError at once for a path that is not such a file; from the iterator, after every whole event before
    it, for a line of another form, and where the two files do not end together.
    """
    beside = None if orderbook is None else Path(orderbook).absolute()
    with explaining(Path(path).absolute(), "lobster"):
        return Reader(Path(path).absolute(), beside, follow, instrument, date, progress, chunk)


@dataclass(slots=True)
class Stats:
    """Counts of what a Reader has met so far."""

    messages: int = 0
    types: dict[str, int] = field(default_factory=dict)  # messages by LOBSTER's type; an unknown one makes an N
    levels_before: int = 0  # of the book before the first message
    unknown_orders: int = 0  # messages about an order at a level of which nothing is known: no row but their trade
    differing_sizes: int = 0  # messages that take more, or a deletion that takes less, than is left of the order
    repeated_orders: int = 0
    revealed: int = 0  # levels that came into sight from below
    fell_out: int = 0  # levels that went out of sight
    corrected: int = 0  # levels of the order book that do not follow from the line before and the message


class Halt(NamedTuple):
    """Halt message (type 7): trading is "halted", "quoting" resumes, or "trading" does."""

    ts_event: int
    state: str


class Reader(Iterator[EventBatch]):
    """Iterator over the batches of the pair at `path`, of one `instrument` and `date`; `stats` counts what was read."""

    def __init__(
        self,
        path: Path,
        orderbook: Path | None,
        follow: bool,
        instrument: Instrument | None,
        date: dt.date | None,
        progress: Progress | None,
        chunk: int,
    ) -> None:
        if chunk < 1:
            raise ValueError(f"chunk must be 1 or more messages, got {chunk}")
        files = find_files(path, orderbook)
        self.path = path
        self.instrument = instrument or _instrument(_named(path, files.name))
        self.date = date or _named(path, files.name).date
        self.stats = Stats()
        self.halts: list[Halt] = []
        self._decoder = Decoder(self.instrument, self.date)
        self._follow = follow
        self._book_path = path if files.orderbook is None else files.orderbook.path
        self._messages = TableReader(files.messages, 6, chunk, progress)
        books = None if files.orderbook is None else TableReader(files.orderbook, None, chunk, no_progress)
        self._books = books
        tables = _in_step(path, self._messages, books)
        # The first line shows whether it is a LOBSTER file.
        first = next(tables, None)
        if first is None:
            raise CaptureError(f"{path} has no messages: fetch it again", path=path)
        self._batches = self._read(chain([first], tables))

    def __next__(self) -> EventBatch:
        return next(self._batches)

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        return (self.instrument,)

    def _read(self, tables: Iterator[Tables]) -> Iterator[EventBatch]:
        for messages, books in tables:
            messages, books, damage = self._checked(messages, books)
            if self.stats.messages == 0 and books is not None and len(messages):
                yield self._decoder.start(messages[0], books[0], follow=self._follow)
                self.stats.levels_before = self._decoder.live
            yield from self._decoder.decode(messages, books if self._follow else None)
            self._count(messages)
            if damage is not None:
                raise damage

    def _checked(self, messages: Floats, books: Floats | None) -> tuple[Floats, Floats | None, CaptureError | None]:
        """Return what is before the first invalid line, and the error of that line."""
        bad_message = find_bad_message(messages)
        bad_book = None if books is None else find_bad_book(books)
        if bad_message is None and bad_book is None:
            return messages, books, None
        bad = min(bad for bad in (bad_message, bad_book) if bad is not None)
        row = self.stats.messages + bad
        if bad == bad_message:
            line = self._messages.line_of(row)
            numbers = ",".join(f"{number:.12g}" for number in messages[bad])
            damage = bad_line(self.path, line, f"has {numbers}, which is not a LOBSTER message: fetch it again")
        else:
            line = row + 1 if self._books is None else self._books.line_of(row)
            damage = bad_line(self._book_path, line, "has no LOBSTER order book: fetch it again")
        return messages[:bad], None if books is None else books[:bad], damage

    def _count(self, messages: Floats) -> None:
        stats = self.stats
        stats.messages += len(messages)
        types, counts = np.unique(messages[:, 1].astype(np.int64), return_counts=True)
        for kind, count in zip(types.tolist(), counts.tolist(), strict=True):
            stats.types[str(kind)] = stats.types.get(str(kind), 0) + count
        for name, value in self._decoder.counts.items():
            setattr(stats, name, value)
        for time, price in messages[messages[:, 1] == HALT][:, [0, 4]].tolist():
            self.halts.append(Halt(self._decoder.ts_event(time), _HALTS.get(int(price), "unknown")))


def _in_step(path: Path, messages: TableReader, books: TableReader | None) -> Iterator[Tables]:
    """Yield messages with the books after them. Raises CaptureError where one of the two ends first."""
    if books is None:
        yield from ((table, None) for table in messages)
        return
    number = 0
    for table, book in zip_longest(messages, books):
        both = min(len(table) if table is not None else 0, len(book) if book is not None else 0)
        if both:
            yield table[:both], book[:both]
        number += both
        if table is None or book is None or len(table) != len(book):
            # The shorter one may be damaged, which its next line shows.
            next(messages, None)
            next(books, None)
            line = messages.line_of(number - 1)
            raise CaptureError(
                f"{path} and its order book differ in length after line {line}: fetch both again", path=path
            )


def _named(path: Path, name: Name | None) -> Name:
    if name is None:
        raise CaptureError(f"{path} has no symbol and date in its name: name it {FORM}", path=path)
    return name


def _instrument(name: Name) -> Instrument:
    return find_instrument(name.symbol, NASDAQ) or Instrument(name.symbol, NASDAQ, _TICK, UNIT, "USD")
