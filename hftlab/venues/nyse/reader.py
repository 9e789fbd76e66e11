"""NYSE Integrated Feed: packet captures of it, XDP 2.1 and Pillar 2.5.

Source: see `hftlab.venues.nyse.layouts`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hftlab.errors import CaptureError
from hftlab.events import EventBatch
from hftlab.instruments import Instrument
from hftlab.venues import pcap
from hftlab.venues.arbitration import Gap, Ordered
from hftlab.venues.capture_file import Progress
from hftlab.venues.event_rows import CHUNK
from hftlab.venues.feed_datagrams import feed_datagrams
from hftlab.venues.nyse.decoder import Decoder, Mapped, Stats
from hftlab.venues.nyse.encoder import Encoder
from hftlab.venues.nyse.layouts import Version
from hftlab.venues.nyse.lines import Lines
from hftlab.venues.nyse.listing import Listing, checked
from hftlab.venues.nyse.message_tables import MessageTables, layouts_of, message_bytes, packet_bytes
from hftlab.venues.nyse.packet_cursor import all_of, find_packets
from hftlab.venues.pcap import Datagrams
from hftlab.venues.recognition import explaining, looks_like
from hftlab.venues.selection import check_selection

if TYPE_CHECKING:
    import polars as pl

__all__ = [
    "Decoder",
    "Encoder",
    "Listing",
    "Reader",
    "Stats",
    "Version",
    "Written",
    "message_bytes",
    "messages",
    "packet_bytes",
    "read",
    "read_mapping",
    "write",
]

FilePath = str | PathLike[str]


def read(
    path: FilePath,
    *,
    symbols: Iterable[str] | None = None,
    mapping: Mapped | None = None,
    price_scale: int | None = None,
    lines: Sequence[Sequence[str]] | None = None,
    chunk: int = CHUNK,
    progress: Progress | None = None,
) -> Reader:
    """Read a packet capture: an iterator of EventBatch, each of whole events and at most `chunk` rows.

    | message | rows |
    |---|---|
    | 100: add | A |
    | 101: modified | M; C and A where it loses the place that a book would leave it |
    | 102: deleted | C of all that is left |
    | 103: executed | T with the aggressor's side and order 0, F and C of the resting order; no T if it is not printed |
    | 104: replaced | C of the old order, A of the new one |
    | 106: order of a refresh | A flagged F_SNAPSHOT, unless the order is there or the refresh is older than the book |
    | 110, 111: hidden orders' trade, cross | T without a side; none for a trade that is not printed, or of no shares |
    | 32, 34 with X: cleared, closed for the day | R |

    The other types make no rows; `reader.stats` counts all, and `messages()` gives every field of them. F, and the C of
    103 and 104, carry the price and side the order has: messages about an order that was added before the capture began
    are counted by type in `stats.unknown_orders` and dropped.

    `ts_event` is the message's ns and the second of its partition's last time reference; before the first one, the
    second of the packet. `ts_recv` is the capture's time. `sequence` is the packet's number and the message's place in
    it.

    Where both lines of a channel are in one capture, `lines` puts them together: [["233.125.89.24:11064",
    "233.125.89.152:11064"], ...] has the destinations of each channel, and only these are read. Messages come once and
    in order, from the line that has them first; `reader.gaps` are those that no line had. Without it packets are
    read as they come: a message that a line brings once more is dropped by its symbol's sequence number
    (`stats.seen_before`), also one that the other line has lost and gone on without (`stats.missing`).

    Symbols and the scale of prices come from messages of type 3, which the venue sends at the start of a day and with
    refreshes; a suffix is written behind a dot (BRK.A for the feed's BRK A). Without one, messages about a symbol are
    counted by type in `stats.unmapped` and dropped, with a warning at the end. For a part of a day, `mapping` names the
    symbols: {index: (symbol, price scale)}, or `read_mapping()` of the day's beginning. With `price_scale`, that of
    nearly all stocks is 4, symbols without a mapping are called by their index, as in #17. `symbols` keeps only
    those. Instruments are those of hftlab at NYSE, others get a tick of $0.0001, or finer if their prices are.

    A capture that ends within a packet is read up to there; `reader.capture` counts what is not a UDP datagram.
    `progress` gets the bytes of the file read; without it a file over 50 MB shows a bar on a terminal. Raises
    ArgumentError for arguments that cannot be, CaptureError at once for a path that is not a readable file; from the
    iterator, before any batch, for a capture most of whose first datagrams are not packets of the feed; and, after all
    before it, for damage, if the capture has none of the `symbols`, and if it names none of its symbols.
    """
    with explaining(Path(path).absolute(), "nyse"):
        return Reader(Path(path).absolute(), symbols, mapping, price_scale, lines, chunk, progress)


class Reader(Iterator[EventBatch]):
    """Iterator over the batches of the capture at `path`."""

    def __init__(
        self,
        path: Path,
        symbols: Iterable[str] | None,
        mapping: Mapped | None,
        price_scale: int | None,
        lines: Sequence[Sequence[str]] | None,
        chunk: int,
        progress: Progress | None,
    ) -> None:
        self.path = path
        self._symbols = None if symbols is None else [symbols] if isinstance(symbols, str) else list(symbols)
        self._decoder = Decoder(symbols=self._symbols, mapping=mapping, price_scale=price_scale, chunk=chunk)
        self._capture = pcap.read(path, progress=progress)
        self._lines = None if lines is None else Lines(lines)
        self._batches = self._read()

    def __next__(self) -> EventBatch:
        return next(self._batches)

    @property
    def stats(self) -> Stats:
        """Counts of what was decoded so far."""
        return self._decoder.stats

    @property
    def capture(self) -> pcap.PacketStats:
        """Counts of what the capture has around the feed's packets."""
        return self._capture.stats

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """Messages that none of the `lines` had: a gap's stream is the channel's place among them, from 0."""
        return () if self._lines is None else self._lines.gaps

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """Instruments named so far; a capture of a whole day names all before its first order."""
        return self._decoder.instruments

    def _read(self) -> Iterator[EventBatch]:
        decoder = self._decoder
        try:
            for part in self._parts():
                yield from decoder.feed(part)
        except CaptureError:
            if len(last := decoder.flush()):
                yield last
            raise
        if len(last := decoder.flush()):
            yield last
        self._warn_of_unmapped()
        if self._symbols is not None:
            found = [one.symbol for one in decoder.instruments]
            check_selection(self.path, self._symbols, found, decoder.others)

    def _parts(self) -> Iterator[Datagrams | Ordered]:
        """Yield the capture's datagrams as they come, or the lines put together."""
        lines = self._lines
        if lines is None:
            yield from _packets(self.path, self._capture)
            return
        damage = None
        try:
            yield from map(lines.order, _packets(self.path, self._capture))
        except CaptureError as error:
            damage = error
        yield lines.flush()
        if damage is not None:
            raise damage
        if not lines.is_met:
            there = ", ".join(lines.others) or "nothing"
            raise CaptureError(
                f"{self.path} has no packet that goes to one of the lines: give destinations of those in it, {there}",
                path=self.path,
            )

    def _warn_of_unmapped(self) -> None:
        decoder = self._decoder
        unmapped = decoder.stats.unmapped.total()
        if not unmapped:
            return
        advice = (
            "give mapping={index: (symbol, price scale)}, or read_mapping() of the day's beginning, or price_scale=4 "
            "to call them by index; to hftlab import --mapping CAPTURE of the day's beginning, or --price-scale 4"
        )
        if not decoder.listings:
            raise CaptureError(
                f"{self.path} has no symbol index mapping (message 3), so that nobody knows which symbols its "
                f"{unmapped:,} messages are about and which scale their prices have: {advice}",
                path=self.path,
            )
        warnings.warn(
            f"{self.path}: {unmapped:,} messages about symbols that no symbol index mapping (message 3) names were "
            f"left out: {advice}",
            stacklevel=2,
        )


def messages(
    path: FilePath,
    *,
    version: Version | None = None,
    mapping: Mapped | None = None,
    progress: Progress | None = None,
) -> Iterator[dict[str, pl.DataFrame]]:
    """Read every message of a capture with all its fields: for each part of the capture a data frame by type ("100").

    Columns are `number` (the message's in the capture, from 1, by which the frames' rows can be put in order), `packet`
    (likewise), `ts_recv`, `sequence`, `symbol` and `price_scale` where a mapping has named them, and the fields by
    their names in the specification: text without padding, prices as integers of 10**-`price_scale` dollars. The frame
    "packet" has the headers of the packets; `packet_bytes()` makes packets of frames again.

    `version` "2.1" has DBExecID in 103 and 110 and short imbalances, "2.5" trade conditions, and sides in 101 and 104;
    None tells it by the first packets: whether trades end with conditions, else the size of an imbalance, whether
    changes have a side, or the year. Messages of unknown types or shorter than theirs are left out, and of longer ones
    what comes behind the last field. Raises ArgumentError for another version, CaptureError as `read()`.
    """
    if version is not None:
        layouts_of(version)
    return _messages(Path(path).absolute(), version, checked(mapping), progress)


def _messages(
    path: Path, version: Version | None, mapping: Mapping[int, Listing], progress: Progress | None
) -> Iterator[dict[str, pl.DataFrame]]:
    tables = MessageTables(version, mapping)
    for datagrams in _packets(path, pcap.read(path, progress=progress)):
        if found := tables.tables(datagrams):
            yield found


def read_mapping(path: FilePath, *, progress: Progress | None = None) -> dict[int, Listing]:
    """Read which symbol and price scale each symbol index stands for: the messages of type 3 of a capture.

    Raises CaptureError as `read()`.
    """
    decoder, absolute = Decoder(), Path(path).absolute()
    for datagrams in _packets(absolute, pcap.read(absolute, progress=progress)):
        for _ in decoder.feed(datagrams):
            pass
    return dict(decoder.listings)


def _packets(path: Path, capture: pcap.Reader) -> Iterator[Datagrams]:
    """Yield a capture's datagrams. Raises CaptureError before the first if most of them are not the feed's packets."""

    def error(reason: str) -> CaptureError:
        return CaptureError(
            f"{path} is not a capture of the NYSE Integrated Feed ({reason}); {looks_like(path, 'nyse')}", path=path
        )

    return feed_datagrams(capture, "nyse", lambda some: find_packets(all_of(some)), "packets of it", error)


class Written(NamedTuple):
    """Result of `write()`: the bytes written; `skipped` counts the rows that have no message."""

    size: int
    skipped: int


def write(path: FilePath, batches: EventBatch | Iterable[EventBatch], *, version: Version = "2.5") -> Written:
    """Write batches as a packet capture (pcap), gzip if its name ends in .gz; `Encoder` says which row becomes what.

    The capture begins with the sequence number reset and symbol index mappings and ends with the stock summaries.
    Packets are captured at their rows' `ts_recv`. A file that is there is replaced. Raises EventError for what the feed
    cannot express, ArgumentError for an unknown version or a `ts_recv` that a capture cannot hold.
    """
    encoder = Encoder(version)
    parts = [batches] if isinstance(batches, EventBatch) else batches
    with pcap.PcapWriter(path) as writer:
        for batch in parts:
            for datagrams in encoder.encode(batch):
                writer.write(datagrams)
        writer.write(encoder.end())
        return Written(writer.size, encoder.skipped)
