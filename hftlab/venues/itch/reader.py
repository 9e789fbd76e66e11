"""Nasdaq TotalView-ITCH 5.0: files of messages, each preceded by its length in two bytes, plain or gzip.

Source: Nasdaq, "Nasdaq TotalView-ITCH 5.0"; the length before each message as in Nasdaq's daily files and in the
message blocks of "MoldUDP64 Protocol Specification", section 3.
"""

from __future__ import annotations

import datetime as dt
import gzip
from collections.abc import Iterable, Iterator
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from hftlab.errors import CaptureError
from hftlab.events import EventBatch
from hftlab.instruments import Instrument
from hftlab.venues.capture_file import Progress
from hftlab.venues.itch.blocks import Blocks, as_day, midnight_of
from hftlab.venues.itch.decoder import CHUNK, Decoder, Stats, listed
from hftlab.venues.itch.encoder import Encoder
from hftlab.venues.itch.framing import framed_blocks
from hftlab.venues.itch.message_tables import find_messages, message_bytes, tables
from hftlab.venues.recognition import explaining
from hftlab.venues.selection import check_selection

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Decoder", "Encoder", "Reader", "Stats", "Written", "message_bytes", "messages", "read", "write"]

FilePath = str | PathLike[str]

_MESSAGES: Final = 1 << 16


def read(
    path: FilePath,
    *,
    symbols: Iterable[str] | None = None,
    date: dt.date | str | None = None,
    chunk: int = CHUNK,
    progress: Progress | None = None,
) -> Reader:
    """Read a file: an iterator of EventBatch, each of whole events and at most `chunk` rows.

    | message | rows |
    |---|---|
    | A, F: add | A |
    | E: executed | T with the aggressor's side and order 0, F and C of the resting order |
    | C: executed at another price | the same, T with that price; no T if it is not printable |
    | X, D: cancelled, deleted | C of the shares taken, C of all that is left |
    | U: replaced | C of the old order, A of the new one |
    | P, Q: hidden order's trade, cross | T without a side; none for a cross of no shares |

    The other types make no rows; `reader.stats` counts all, and `messages()` gives every field of them. C, F and the C
    of a U carry the price and side the order has: messages about an order that was added before the file began are
    counted by type in `stats.unknown_references` and dropped.

    `ts_event` is the midnight of `date` in New York and the message's nanoseconds since; `date` is by default the day
    in the file's name (12302019.NASDAQ_ITCH50, S123019-v50.txt.gz), and where that has none the times are those of
    1970-01-01 UTC. The file has no receive times: `ts_recv` is `ts_event`. `sequence` is the message's number in the
    file, from 1. `symbols` keeps only those; after the last batch a warning names those that the file does not have.
    Instruments are those of hftlab at Nasdaq, others get a tick of $0.0001.

    A file that ends within a message or a gzip block is read up to there, and `stats` says so. `progress` gets the
    bytes of the file read; without it a file over 50 MB shows a bar on a terminal. Raises CaptureError at once for
    a path that is not a readable file; from the iterator, before any batch, for a file most of whose frames are not
    messages of ITCH 5.0 by type and exact length; and, after all before it, for a damaged gzip stream, where bytes are
    missing or too many, and if the file has none of the `symbols`.
    """
    with explaining(Path(path).absolute(), "itch"):
        return Reader(Path(path).absolute(), symbols, date, chunk, progress)


class Reader(Iterator[EventBatch]):
    """Iterator over the batches of the file at `path`."""

    def __init__(
        self,
        path: Path,
        symbols: Iterable[str] | None,
        date: dt.date | str | None,
        chunk: int,
        progress: Progress | None,
    ) -> None:
        self.path = path
        self._blocks = Blocks(path, progress)
        self._symbols = None if symbols is None else [symbol.rstrip(" ") for symbol in listed(symbols)]
        self._decoder = Decoder(symbols=self._symbols, midnight=midnight_of(path, date), chunk=chunk)
        self._batches = self._read()

    def __next__(self) -> EventBatch:
        return next(self._batches)

    @property
    def stats(self) -> Stats:
        """Counts of what was read so far."""
        return self._decoder.stats

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """Instruments met so far; a file of a whole day names all before its first order."""
        return self._decoder.instruments

    def _read(self) -> Iterator[EventBatch]:
        decoder, blocks = self._decoder, self._blocks
        try:
            for data, end in framed_blocks(blocks):
                blocks.used = yield from decoder.feed(data, end)
        except CaptureError:
            if len(last := decoder.flush()):
                yield last
            raise
        decoder.truncated_bytes, decoder.is_torn = blocks.rest, blocks.is_torn
        if len(last := decoder.flush()):
            yield last
        if self._symbols is not None:
            found = [one.symbol for one in decoder.instruments]
            check_selection(self.path, self._symbols, found, decoder.others)


def messages(path: FilePath, *, progress: Progress | None = None) -> Iterator[dict[str, pl.DataFrame]]:
    """Read every message of a file with all its fields: for each part of the file a data frame by type ("A", "R", ...).

    Columns are `number` (the message's in the file, from 1, by which the frames' rows can be put in order), and the
    fields by their names in the specification: text without padding, prices in dollars, `timestamp` in ns since the
    venue's midnight. Messages of unknown types or not as long as theirs are left out. Raises CaptureError as `read()`.
    """
    return _messages(Blocks(Path(path).absolute(), progress))


def _messages(blocks: Blocks) -> Iterator[dict[str, pl.DataFrame]]:
    starts, number = np.empty(_MESSAGES, np.int64), 1
    for data, end in framed_blocks(blocks):
        at, count = 0, _MESSAGES
        while count == _MESSAGES:
            at, count = find_messages(data, at, end, starts)
            if count:
                yield tables(data, starts[:count], number)
            number += count
        blocks.used = at


class Written(NamedTuple):
    """Result of `write()`; `skipped` counts the rows that have no ITCH message."""

    bytes: int
    skipped: int


def write(path: FilePath, batches: EventBatch | Iterable[EventBatch], *, date: dt.date | str | None = None) -> Written:
    """Write batches as a file of ITCH messages, gzip if its name ends in .gz; `Encoder` says which row becomes what.

    The file begins with the day's system events and each instrument's directory, and ends with the day's last system
    events. `date` is by default the New York day of the first row. A file that is there is replaced. Raises EventError
    for what ITCH cannot express, and ValueError for text that is not an ISO date.
    """
    encoder, size = Encoder(as_day(date)), 0
    parts = [batches] if isinstance(batches, EventBatch) else batches
    with gzip.open(path, "wb", compresslevel=6) if str(path).endswith(".gz") else Path(path).open("wb") as file:
        for batch in parts:
            size += file.write(encoder.encode(batch))
        size += file.write(encoder.end())
    return Written(size, encoder.skipped)
