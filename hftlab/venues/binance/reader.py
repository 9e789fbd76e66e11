"""Binance's market data, captured line by line: `<receive time, ns since 1970 UTC> <JSON>`, gzip or plain.

One capture holds one symbol of the spot, USDⓈ-M or COIN-M futures market, because a REST depth snapshot does not name
its symbol: combined streams of depth updates, trades and book tickers, and at least one snapshot. The form is that of
hftbacktest's collector.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import Any, Final

import msgspec

from hftlab.errors import ArgumentError, CaptureError
from hftlab.events import EventBatch
from hftlab.instruments import BINANCE_COINM, BINANCE_USDM, Instrument
from hftlab.venues.binance.capture import check_symbol, decode, split_line
from hftlab.venues.binance.encoder import Encoder
from hftlab.venues.binance.messages import DepthSnapshot, DepthUpdate, Envelope, Kind, Trade
from hftlab.venues.binance.survey import Survey, detect_instrument
from hftlab.venues.binance.symbol_events import Stats, SymbolEvents
from hftlab.venues.binance.tickers import BookTickers, read_book_tickers
from hftlab.venues.capture_file import Progress, bad_line
from hftlab.venues.line_reader import LineReader
from hftlab.venues.recognition import explaining
from hftlab.venues.stamps import BadStamp

__all__ = ["BookTickers", "Encoder", "Reader", "Stats", "detect_instrument", "read", "read_book_tickers", "write"]

FilePath = str | PathLike[str]

_CHUNK: Final = 1 << 16
_SNAPSHOT_PATHS: Final = {BINANCE_USDM: "/fapi/v1/depth", BINANCE_COINM: "/dapi/v1/depth"}

_update = msgspec.json.Decoder(DepthUpdate)
_snapshot = msgspec.json.Decoder(DepthSnapshot)
_trade = msgspec.json.Decoder(Trade)


def read(
    path: FilePath,
    *,
    instrument: Instrument | None = None,
    progress: Progress | None = None,
    chunk: int = _CHUNK,
) -> Reader:
    """Read a capture: an iterator of EventBatch, each of whole events and about `chunk` rows.

    A snapshot is an R flagged F_SNAPSHOT and A rows flagged F_SNAPSHOT and F_MBP; a depth update is M and C rows
    flagged F_MBP (Binance does not distinguish new levels from changed ones), an N if it changes nothing; a gap in the
    updates is an R, after which no update is passed on until the next snapshot; a trade is a T with the aggressor's
    side. `sequence` is the update id `u`, `lastUpdateId`, or the trade id. `ts_event` is the matching engine's time `T`
    where the message has one, else the time `E` of the message; a spot snapshot has neither and gets the newest
    ts_event before it. Updates that wait for a snapshot get its ts_recv and F_BAD_TS_RECV.

    A snapshot of 5, 10 or 20 levels, as partial books have, does not replace a deeper book that follows the updates
    until there is a gap in them.

    Where the update ids begin anew, as after a reset of the market, the book is that of the next snapshot that they
    join; `stats.ids_begun_anew` counts. If the depth updates of a futures capture without stream names are partial
    books (depth5, depth10, depth20), each is the whole book: an R flagged F_SNAPSHOT and A rows.

    `instrument` is by default that of `detect_instrument()`, which holds every number of the file; the file is read
    once more for it. One that is given is used as it is, and a number off its tick or lot is an error.

    Raises CaptureError at once for a path that is not a readable capture; from the iterator, after every whole event
    before it, for a line of another form; and at the end if the depth updates had no usable snapshot.
    """
    with explaining(Path(path).absolute(), "binance"):
        return Reader(Path(path).absolute(), instrument, progress, chunk)


class Reader(LineReader):
    """Iterator over the batches of the capture at `path`, of one `instrument`; `stats` counts what was read."""

    def __init__(self, path: Path, instrument: Instrument | None, progress: Progress | None, chunk: int) -> None:
        super().__init__(path, progress, chunk)
        survey = Survey(path, progress)
        if survey.partial_books.are_mixed:
            raise CaptureError(
                f"{path} has partial books (depth5, 10 or 20) among its depth updates, and nothing tells which are "
                f"which: capture one of the streams, or combined streams, which name theirs",
                path=path,
            )
        self.instrument = instrument or survey.instrument
        self._rows.add_instrument(self.instrument)
        self.stats = Stats()
        self._has_partial_books = survey.partial_books.depth is not None
        self._events = SymbolEvents(self._rows, self.stats, has_partial_books=self._has_partial_books)
        self._ts_recv = 0

    def _check_end(self) -> None:
        if self.stats.updates and self.stats.snapshots == self.stats.snapshots_unused and not self._has_partial_books:
            asked = _SNAPSHOT_PATHS.get(self.instrument.venue, "/api/v3/depth")
            raise CaptureError(
                f"{self.path} has {self.stats.updates:,} depth updates and no depth snapshot that matches them, so "
                f"that there is no book: add the answer of GET {asked} to it",
                path=self.path,
            )

    def _take_line(self, number: int, line: bytes) -> None:
        self.stats.lines += 1
        if not line:
            return
        ts_recv, envelope, payload = split_line(self.path, number, line)
        if ts_recv < self._ts_recv:
            self.stats.receive_time_steps_back += 1
        self._ts_recv = ts_recv
        try:
            self._take_message(envelope, number, payload)
        except BadStamp as bad:
            raise bad_line(self.path, number, f"has an event time that cannot be: {bad}") from bad

    def _take_message(self, envelope: Envelope, number: int, payload: Any) -> None:
        match envelope.kind:
            case Kind.DEPTH:
                update = decode(_update, self.path, number, payload)
                check_symbol(self.path, number, update.symbol, self.instrument)
                if self._has_partial_books and envelope.stream is None:
                    self._events.partial_book(update, self._ts_recv, number)
                else:
                    self._events.update(update, self._ts_recv, number)
            case Kind.TRADE:
                trade = decode(_trade, self.path, number, payload)
                check_symbol(self.path, number, trade.symbol, self.instrument)
                self._events.trade(trade, self._ts_recv, number)
            case Kind.SNAPSHOT:
                self._events.snapshot(decode(_snapshot, self.path, number, payload), self._ts_recv, number)
            case Kind.BOOK_TICKER:
                self.stats.book_tickers += 1
            case None:
                self.stats.unknown[envelope.name] += 1


def write(path: FilePath, batches: EventBatch | Iterable[EventBatch]) -> int:
    """Write batches of one instrument as a capture, gzip if its name ends in .gz; returns the bytes before packing.

    `Encoder` says which row becomes what. A file that is there is replaced. Raises ArgumentError for a second
    instrument, as a snapshot does not name its symbol, for one of another venue, and for no events at all.
    """
    encoder, size = None, 0
    with gzip.open(path, "wb", compresslevel=6) if str(path).endswith(".gz") else Path(path).open("wb") as file:
        for batch in [batches] if isinstance(batches, EventBatch) else batches:
            for number in sorted(set(batch.instrument_id.tolist())):
                instrument = batch.instruments[number]
                encoder = Encoder(instrument) if encoder is None else encoder
                if instrument != encoder.instrument:
                    raise ArgumentError(
                        f"there are events of {encoder.instrument.wire_symbol} and of {instrument.wire_symbol}: write "
                        f"a file for each, because a depth snapshot does not name its symbol"
                    )
            if encoder is not None:
                size += file.write(encoder.encode(batch))
        if encoder is None:
            raise ArgumentError(f"there are no events to write to {path}: give batches with rows")
    return size
