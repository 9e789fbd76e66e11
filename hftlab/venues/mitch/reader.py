"""LSE Level 2 MITCH 11.9: packet captures of it, and files of its units.

Source: see `hftlab.venues.mitch.layouts`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import numpy as np

from hftlab.errors import ArgumentError, CaptureError
from hftlab.events import EventBatch
from hftlab.instruments import Instrument
from hftlab.venues import pcap
from hftlab.venues.arbitration import Gap
from hftlab.venues.capture_file import Progress
from hftlab.venues.event_rows import CHUNK
from hftlab.venues.mitch.decoder import Decoder, Stats
from hftlab.venues.mitch.encoder import Encoder
from hftlab.venues.mitch.london import as_midnight
from hftlab.venues.mitch.message_tables import MessageTables, message_bytes, packet_bytes
from hftlab.venues.mitch.unit_file import UnitFile
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
    "message_bytes",
    "messages",
    "packet_bytes",
    "read",
    "write",
]

FilePath = str | PathLike[str]

_FRAMINGS: Final = ("pcap", "units")


def read(
    path: FilePath,
    *,
    symbols: Iterable[str] | None = None,
    names: Mapping[int | str, str] | None = None,
    date: dt.date | str | None = None,
    chunk: int = CHUNK,
    progress: Progress | None = None,
) -> Reader:
    """Read a packet capture or a file of units: an iterator of EventBatch, of whole events and at most `chunk` rows.

    | message | rows |
    |---|---|
    | 0x41, 0x46: add, attributed | A |
    | 0x55: modified | M; C and A where it loses the place that a book would leave it |
    | 0x44: deleted | C of all that is left |
    | 0x45: executed | T with the aggressor's side and order 0, F and C of the resting order |
    | 0x43: executed with price and size | the same, T with that price; no T if it is not printable; M instead of C \
where the order displays another size than what is left |
    | 0x50, 0x51: hidden orders' trade, auction | T without a side; none for one that is cancelled or amended |
    | 0x79: cleared | R |

    The other types make no rows; `reader.stats` counts all, and `messages()` gives every field of them. F, C and M
    carry the price and side the order has: messages about an order that was added before the capture began are counted
    by type in `stats.unknown_orders` and dropped. Market orders have no price, and firm quotes and private requests for
    quotes are in books of their own: they make no rows, though their printed executions make a T.

    `ts_event` is the midnight of `date` in London, the second of the last time message (0x54) of the market data group,
    and the message's nanoseconds. `date` is by default the day in London on which each unit was captured; a file of
    units alone does not say it, and its times are then those of 1970-01-01 UTC. In a capture of several days an
    instrument begins each further one with an R. `ts_recv` is the capture's, of units alone
    `ts_event`. `sequence` is the message's number in its group. Where two lines are in one capture, a message counts
    once, from the line that is first; messages that no line has are `reader.gaps`.

    The directory (0x52) knows instruments by number, ISIN and SEDOL. Their symbols are those of hftlab where it knows
    the SEDOL, else the SEDOL, the ISIN or, without a directory, the number, as in #17; `names` gives symbols by any
    of the three. `symbols` keeps only those. Prices are in the instrument's currency: GBX is pence.

    A file that ends within a unit is read up to there; `progress` gets the bytes of the file read; without it a file
    over 50 MB shows a bar on a terminal. Raises ArgumentError for arguments that cannot be, ValueError for text that is
    not an ISO date, CaptureError at once for a path that is not a readable file; from the iterator, before any batch,
    for a file most of whose first datagrams are not units; and, after all before it, for damage, and if the capture has
    none of the `symbols`.
    """
    with explaining(Path(path).absolute(), "mitch"):
        return Reader(Path(path).absolute(), symbols, names, as_midnight(date), chunk, progress)


class Reader(Iterator[EventBatch]):
    """Iterator over the batches of the file at `path`."""

    def __init__(
        self,
        path: Path,
        symbols: Iterable[str] | None,
        names: Mapping[int | str, str] | None,
        midnight: int | None,
        chunk: int,
        progress: Progress | None,
    ) -> None:
        self.path = path
        self._symbols = None if symbols is None else [symbols] if isinstance(symbols, str) else list(symbols)
        self._decoder = Decoder(symbols=self._symbols, names=names, midnight=midnight, chunk=chunk)
        self._file = UnitFile(path, progress)
        self._batches = self._read()

    def __next__(self) -> EventBatch:
        return next(self._batches)

    @property
    def stats(self) -> Stats:
        """Counts of what was decoded so far."""
        return self._decoder.stats

    @property
    def capture(self) -> pcap.PacketStats | None:
        """Counts of what the capture has around the units, None for a file of units alone."""
        return None if self._file.capture is None else self._file.capture.stats

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """Messages that no line had; the stream of a gap is its market data group as a number."""
        return self._decoder.gaps

    @property
    def truncated_bytes(self) -> int:
        """Bytes at the end of the file that are part of a packet or unit."""
        return self._file.truncated_bytes

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """Instruments met so far; a capture of a whole day names all before its first order."""
        return self._decoder.instruments

    def _read(self) -> Iterator[EventBatch]:
        decoder = self._decoder
        try:
            for datagrams in self._file:
                yield from decoder.feed(datagrams)
        except CaptureError:
            yield from decoder.end()
            raise
        yield from decoder.end()
        if self._symbols is not None:
            found = [one.symbol for one in decoder.instruments]
            check_selection(self.path, self._symbols, found, decoder.others)


def messages(path: FilePath, *, progress: Progress | None = None) -> Iterator[dict[str, pl.DataFrame]]:
    """Read every message of a file with all its fields: for each part of it a data frame by type ("0x41", ...).

    Columns are `number` (the message's in the file, from 1, by which the frames' rows can be put in order), `packet`
    (the unit's, likewise), `ts_recv`, `sequence`, and the fields by their names in the specification: text without
    padding, prices as exact decimals. The frame "packet" has the headers of the units; `packet_bytes()` makes units of
    frames again. Messages of unknown types or shorter than theirs are left out, and of longer ones what comes behind
    the last field. Lines are not put together. Raises CaptureError as `read()`.
    """
    return _messages(UnitFile(Path(path).absolute(), progress))


def _messages(file: UnitFile) -> Iterator[dict[str, pl.DataFrame]]:
    tables = MessageTables()
    for datagrams in file:
        if found := tables.tables(datagrams):
            yield found


class Written(NamedTuple):
    """Result of `write()`: the bytes written; `skipped` counts the rows that have no message."""

    size: int
    skipped: int


def write(
    path: FilePath,
    batches: EventBatch | Iterable[EventBatch],
    *,
    date: dt.date | str | None = None,
    framing: Literal["pcap", "units"] = "pcap",
) -> Written:
    """Write batches as a packet capture (pcap), or as `framing="units"`: those alone, one behind the other.

    `Encoder` says which row becomes what. A pcap is packed with gzip if its name ends in .gz; its packets are captured
    at their rows' `ts_recv`. `date` is by default the London day of the first row. A file that is there is replaced.
    Raises EventError for what MITCH cannot express, ArgumentError for another framing or a `ts_recv` that a capture
    cannot hold, and ValueError for text that is not an ISO date.
    """
    if framing not in _FRAMINGS:
        raise ArgumentError(f"framing is {framing!r}: give one of {', '.join(_FRAMINGS)}")
    encoder = Encoder(date)
    parts = _encoded(encoder, [batches] if isinstance(batches, EventBatch) else batches)
    if framing == "pcap":
        with pcap.PcapWriter(path) as writer:
            for datagrams in parts:
                writer.write(datagrams)
            return Written(writer.size, encoder.skipped)
    size = 0
    with Path(path).open("wb") as file:
        for datagrams in parts:
            # Units of one call follow each other without gaps.
            size += file.write(np.ascontiguousarray(datagrams.data[: int(datagrams.end[-1])]).data)
    return Written(size, encoder.skipped)


def _encoded(encoder: Encoder, batches: Iterable[EventBatch]) -> Iterator[pcap.Datagrams]:
    for batch in batches:
        yield from (datagrams for datagrams in encoder.encode(batch) if len(datagrams))
    yield encoder.end()
