"""Nasdaq TotalView-ITCH 5.0: files of messages after their lengths, and packets of them in captures.

Sources: Nasdaq, "Nasdaq TotalView-ITCH 5.0"; the length before each message as in Nasdaq's daily files and in the
message blocks of "MoldUDP64 Protocol Specification", section 3; "SoupBinTCP", section 2.
"""

from __future__ import annotations

import datetime as dt
import gzip
from collections.abc import Iterable, Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from hftlab.errors import CaptureError
from hftlab.events import EventBatch
from hftlab.instruments import Instrument
from hftlab.venues.arbitration import Gap
from hftlab.venues.capture_file import Progress
from hftlab.venues.itch.blocks import Blocks, as_day, midnight_of
from hftlab.venues.itch.capture_writer import LINES, SESSION, write_capture
from hftlab.venues.itch.decoder import CHUNK, Decoder, Stats, listed
from hftlab.venues.itch.encoder import Encoder
from hftlab.venues.itch.framing import framed_blocks
from hftlab.venues.itch.message_tables import file_bytes, find_messages, message_bytes, tables
from hftlab.venues.itch.run_sources import RunSource, framing_of, run_source
from hftlab.venues.itch.runs import days_of, itch_runs, run_tables
from hftlab.venues.moldudp64 import Runs
from hftlab.venues.pcap.datagrams import Flow
from hftlab.venues.recognition import explaining
from hftlab.venues.selection import check_selection

if TYPE_CHECKING:
    import polars as pl

__all__ = [
    "Decoder",
    "Encoder",
    "Reader",
    "Stats",
    "Written",
    "file_bytes",
    "message_bytes",
    "messages",
    "read",
    "write",
]

FilePath = str | PathLike[str]

_MESSAGES: Final = 1 << 16


def read(
    path: FilePath,
    *,
    symbols: Iterable[str] | None = None,
    date: dt.date | str | None = None,
    session: str | None = None,
    chunk: int = CHUNK,
    progress: Progress | None = None,
) -> Reader:
    """Read a file: an iterator of EventBatch, each of whole events and at most `chunk` rows.

    The file has messages after their lengths, as Nasdaq's daily files; or is a packet capture (pcap or pcapng, also
    packed with zstd) of MoldUDP64 packets; or has MoldUDP64 or SoupBinTCP packets one behind the other.

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
    in the file's name (12302019.NASDAQ_ITCH50, S123019-v50.txt.gz, nasdaq-2019-12-30.itch), and where that has none the
    times are those of 1970-01-01 UTC. The file has no receive times: `ts_recv` is `ts_event`. `sequence` is the
    message's number in the file, from 1. A second day in the file, behind the first one's end of messages, begins with
    an R for every instrument; nothing tells its date, so that its times count from the same midnight, and
    `stats.days_begun_anew` counts it. `symbols` keeps only those; after the last batch a warning names those that the
    file does not have. Instruments are those of hftlab at Nasdaq, others get a tick of $0.0001.

    In packets, lines that carry the same session (A and B) are put together: each message comes once, in order, from
    the line that had it first. `reader.gaps` has what no line had; rows of that session behind it have the flag
    F_MAYBE_BAD_BOOK. `ts_recv` is the capture's time, at least that of the message before; `sequence` is the session's
    number of the message; and `date` is by default the day on which a session began. Where sessions begin on a further
    day, every instrument has an R. Each session has orders of its own; `session` keeps one of them alone. Datagrams and
    sessions of other feeds are left out. In SoupBinTCP, messages that a client has asked for again at another login
    come once, and those that it has not asked for are a gap.

    A file that ends within a message or a gzip block is read up to there, and `stats` says so. `progress` gets the
    bytes of the file read; without it a file over 50 MB shows a bar on a terminal. Raises CaptureError at once for
    a path that is not a readable file; from the iterator, before any batch, for a file most of whose frames are not
    messages of ITCH 5.0 by type and exact length; and, after all before it, for a damaged gzip stream, where bytes are
    missing or too many, and if the file has none of the `symbols`.
    """
    with explaining(Path(path).absolute(), "itch"):
        return Reader(Path(path).absolute(), symbols, date, session, chunk, progress)


class Reader(Iterator[EventBatch]):
    """Iterator over the batches of the file at `path`."""

    def __init__(
        self,
        path: Path,
        symbols: Iterable[str] | None,
        date: dt.date | str | None,
        session: str | None,
        chunk: int,
        progress: Progress | None,
    ) -> None:
        self.path, self._date = path, date
        self._symbols = None if symbols is None else [symbol.rstrip(" ") for symbol in listed(symbols)]
        self._decoder = Decoder(symbols=self._symbols, midnight=midnight_of(path, date), chunk=chunk)
        self._day: int | None = None
        self._begun: set[int] = set()
        framing = framing_of(path)
        self._source: RunSource | None = None
        if framing == "lengths":
            self._batches = self._read_blocks(Blocks(path, progress))
        else:
            self._source = run_source(path, framing, session, progress)
            self._batches = self._read_runs(self._source)

    def __next__(self) -> EventBatch:
        return next(self._batches)

    @property
    def stats(self) -> Stats:
        """Counts of what was read so far."""
        if self._source is not None:
            self._decoder.arbitration = self._source.arbitration
        return self._decoder.stats

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """Instruments met so far; a file of a whole day names all before its first order."""
        return self._decoder.instruments

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """Messages that no line of a capture had, so far; `stream` is the place of their session in `sessions`."""
        return () if self._source is None else self._source.gaps

    @property
    def sessions(self) -> tuple[str, ...]:
        """Names of the sessions of MoldUDP64 met so far."""
        return () if self._source is None else self._source.sessions

    def _read_blocks(self, blocks: Blocks) -> Iterator[EventBatch]:
        decoder = self._decoder
        try:
            for data, end in framed_blocks(blocks):
                blocks.used = yield from decoder.feed(data, end)
        except CaptureError:
            if len(last := decoder.flush()):
                yield last
            raise
        yield from self._finish(blocks.rest, blocks.is_torn)

    def _read_runs(self, source: RunSource) -> Iterator[EventBatch]:
        decoder = self._decoder
        try:
            for runs in itch_runs(self.path, source):
                for midnight, part in days_of(runs):
                    if midnight is not None:
                        yield from self._begin_day(midnight, part)
                    yield from decoder.feed_runs(part)
        except CaptureError:
            if len(last := decoder.flush()):
                yield last
            raise
        yield from self._finish(source.truncated_bytes, source.is_torn)

    def _begin_day(self, midnight: int, runs: Runs) -> Iterator[EventBatch]:
        """Begin a day if sessions begin on it; one that goes on behind midnight is of the day on which it began."""
        new = set(np.unique(runs.session).tolist()) - self._begun
        self._begun |= new
        if midnight == self._day or not new:
            return
        begun = midnight if self._date is None else self._decoder.midnight
        if self._day is None:
            self._decoder.midnight = begun
        else:
            yield from self._decoder.begin_day(begun, int(runs.ts_recv[0]), int(runs.sequence[0]))
        self._day = midnight

    def _finish(self, truncated_bytes: int, is_torn: bool) -> Iterator[EventBatch]:
        decoder = self._decoder
        decoder.truncated_bytes, decoder.is_torn = truncated_bytes, is_torn
        if len(last := decoder.flush()):
            yield last
        if self._symbols is not None:
            found = [one.symbol for one in decoder.instruments]
            check_selection(self.path, self._symbols, found, decoder.others)


def messages(path: FilePath, *, progress: Progress | None = None) -> Iterator[dict[str, pl.DataFrame]]:
    """Read every message of a file with all its fields: for each part of the file a data frame by type ("A", "R", ...).

    Columns are `number` (the message's in the file, from 1, by which the frames' rows can be put in order), and the
    fields by their names in the specification: text without padding, prices in dollars, `timestamp` in ns since the
    venue's midnight; for messages in packets also `sequence`, the session's number, and `ts_recv`. Messages of unknown
    types or not as long as theirs are left out; `file_bytes()` makes a file of the frames again. Raises CaptureError as
    `read()`.
    """
    whole = Path(path).absolute()
    framing = framing_of(whole)
    if framing == "lengths":
        return _messages(Blocks(whole, progress))
    return run_tables(itch_runs(whole, run_source(whole, framing, None, progress)))


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


def write(
    path: FilePath,
    batches: EventBatch | Iterable[EventBatch],
    *,
    date: dt.date | str | None = None,
    pcap: bool | None = None,
    session: str = SESSION,
    flows: Sequence[Flow] = LINES[:1],
) -> Written:
    """Write batches as a file of ITCH messages, gzip if its name ends in .gz; `Encoder` says which row becomes what.

    With `pcap`, which is so by default if the name ends in .pcap or .pcap.gz, the file is a packet capture: the
    messages are the `session` of MoldUDP64, in packets captured at the rows' `ts_recv`, on every one of the `flows`.

    The file begins with the day's system events and each instrument's directory, and ends with the day's last system
    events. `date` is by default the New York day of the first row. A file that is there is replaced. Raises EventError
    for what ITCH cannot express, and ValueError for text that is not an ISO date.
    """
    encoder, size = Encoder(as_day(date)), 0
    parts = [batches] if isinstance(batches, EventBatch) else batches
    if pcap or (pcap is None and str(path).removesuffix(".gz").endswith(".pcap")):
        return Written(write_capture(path, encoder, parts, session, tuple(flows)), encoder.skipped)
    with gzip.open(path, "wb", compresslevel=6) if str(path).endswith(".gz") else Path(path).open("wb") as file:
        for batch in parts:
            size += file.write(encoder.encode(batch))
        size += file.write(encoder.end())
    return Written(size, encoder.skipped)
