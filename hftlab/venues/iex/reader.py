"""Investors Exchange (IEX): packet captures of DEEP+ 1.0.2, DEEP 1.0 and TOPS 1.6, such as its historical data.

Source: see `hftlab.venues.iex.layouts`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from hftlab.errors import CaptureError
from hftlab.events import EventBatch
from hftlab.instruments import Instrument
from hftlab.venues import pcap
from hftlab.venues.arbitration import Gap
from hftlab.venues.capture_file import Progress
from hftlab.venues.event_rows import CHUNK
from hftlab.venues.feed_datagrams import feed_datagrams
from hftlab.venues.iex.decoder import Decoder, Stats
from hftlab.venues.iex.layouts import Protocol
from hftlab.venues.iex.message_tables import MessageTables, message_bytes, packet_bytes
from hftlab.venues.iex.segment_headers import segment_headers
from hftlab.venues.pcap import Datagrams
from hftlab.venues.recognition import explaining, looks_like
from hftlab.venues.selection import check_selection

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Decoder", "Protocol", "Reader", "Stats", "message_bytes", "messages", "packet_bytes", "read"]

FilePath = str | PathLike[str]


def read(
    path: FilePath,
    *,
    symbols: Iterable[str] | None = None,
    feed: Protocol | None = None,
    chunk: int = CHUNK,
    progress: Progress | None = None,
) -> Reader:
    """Read a packet capture: an iterator of EventBatch, each of whole events and at most `chunk` rows.

    | message | rows |
    |---|---|
    | DEEP+ a: added | A |
    | DEEP+ M: modified | M; C and A where it loses the place that a book would leave it |
    | DEEP+ R: deleted | C of all that is left |
    | DEEP+ L: executed | T with the aggressor's side and order 0, F and C of the resting order |
    | DEEP+ C: book cleared | R |
    | DEEP 8, 5: total of a price level | M, or C without a size, flagged F_MBP; F_LAST where the venue says so |
    | TOPS Q: quote | C and M of what has changed since the symbol's last quote, flagged F_MBP and F_TOB |
    | T: trade | T without a side |

    The other types make no rows; `reader.stats` counts all, and `messages()` gives every field of them. F and C carry
    the price and side the order has: messages about an order that was added before the capture began are counted by
    type in `stats.unknown_orders` and dropped. A trade break (B) makes no row.

    `ts_event` is the message's own time, `ts_recv` the capture's, `sequence` the message's number in its stream. Where
    two lines of a stream are in one capture, a message counts once, from the line that is first; messages that no line
    has are `reader.gaps`. In a capture of several days a symbol begins each further one with an R. `feed` chooses one
    of "deep+", "deep" and "tops" where a capture has several; None reads that of the first segment. `symbols` keeps
    only those. Instruments are IEX's, with a tick of $0.0001.

    A capture that ends within a packet is read up to there; `reader.capture` counts what is not a UDP datagram.
    `progress` gets the bytes of the file read; without it a file over 50 MB shows a bar on a terminal. Raises
    ArgumentError for arguments that cannot be, CaptureError at once for a path that is not a readable file; from the
    iterator, before any batch, for a capture most of whose first datagrams are not segments of IEX-TP; and, after all
    before it, for damage, and if the capture has none of the `symbols`.
    """
    with explaining(Path(path).absolute(), "iex"):
        return Reader(Path(path).absolute(), symbols, feed, chunk, progress)


class Reader(Iterator[EventBatch]):
    """Iterator over the batches of the capture at `path`."""

    def __init__(
        self,
        path: Path,
        symbols: Iterable[str] | None,
        feed: Protocol | None,
        chunk: int,
        progress: Progress | None,
    ) -> None:
        self.path = path
        self._symbols = None if symbols is None else [symbols] if isinstance(symbols, str) else list(symbols)
        self._decoder = Decoder(symbols=self._symbols, feed=feed, chunk=chunk)
        self._capture = pcap.read(path, progress=progress)
        self._batches = self._read()

    def __next__(self) -> EventBatch:
        return next(self._batches)

    @property
    def stats(self) -> Stats:
        """Counts of what was decoded so far."""
        return self._decoder.stats

    @property
    def capture(self) -> pcap.PacketStats:
        """Counts of what the capture has around the segments."""
        return self._capture.stats

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """Messages that no line had; streams are numbered as they come."""
        return self._decoder.gaps

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """Instruments of which there were rows so far."""
        return self._decoder.instruments

    def _read(self) -> Iterator[EventBatch]:
        decoder = self._decoder
        try:
            for datagrams in _segments(self.path, self._capture):
                yield from decoder.feed(datagrams)
        except CaptureError:
            yield from decoder.end()
            raise
        yield from decoder.end()
        if self._symbols is not None:
            found = [one.symbol for one in decoder.instruments]
            check_selection(self.path, self._symbols, found, decoder.others)


def messages(path: FilePath, *, progress: Progress | None = None) -> Iterator[dict[str, pl.DataFrame]]:
    """Read every message of a capture with all its fields: for each part of it a data frame by type ("a", "Q", ...).

    Columns are `number` (the message's in the capture, from 1, by which the frames' rows can be put in order), `packet`
    (the segment's, likewise), `ts_recv`, `sequence`, and the fields by their names in the specifications: text without
    padding, prices in dollars as exact decimals. The frame "packet" has the headers of the segments; `packet_bytes()`
    makes segments of frames again. Messages of unknown types or shorter than theirs are left out, and of longer ones
    what comes behind the last field. Feeds are not told apart and lines not put together. Raises CaptureError as
    `read()`.
    """
    absolute = Path(path).absolute()
    return _messages(absolute, pcap.read(absolute, progress=progress))


def _messages(path: Path, capture: pcap.Reader) -> Iterator[dict[str, pl.DataFrame]]:
    tables = MessageTables()
    for datagrams in _segments(path, capture):
        if found := tables.tables(datagrams):
            yield found


def _segments(path: Path, capture: pcap.Reader) -> Iterator[Datagrams]:
    """Yield a capture's datagrams. Raises CaptureError before the first if most of them are not segments."""

    def error(reason: str) -> CaptureError:
        return CaptureError(f"{path} is not a capture of IEX's feeds ({reason}); {looks_like(path, 'iex')}", path=path)

    return feed_datagrams(capture, "iex", lambda some: segment_headers(some).is_segment, "segments of IEX-TP", error)
