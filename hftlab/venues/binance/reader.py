"""Binance's market data, captured line by line: `<receive time, ns since 1970 UTC> <JSON>`, gzip or plain.

One capture holds one symbol of the spot, USDⓈ-M or COIN-M futures market, because a REST depth snapshot does not name
its symbol: combined streams of depth updates, trades and book tickers, and at least one snapshot. The form is that of
hftbacktest's collector.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any, Final

import msgspec

from hftlab.errors import CaptureError
from hftlab.events import (
    ADD,
    ASK,
    BID,
    CLEAR,
    F_BAD_TS_RECV,
    F_MBP,
    F_SNAPSHOT,
    MODIFY,
    NO_SIDE,
    NONE,
    TRADE,
)
from hftlab.instruments import BINANCE_COINM, BINANCE_USDM, Instrument
from hftlab.venues.binance.capture import check_symbol, decode, split_line
from hftlab.venues.binance.depth import DepthRule, Verdict
from hftlab.venues.binance.messages import DepthSnapshot, DepthUpdate, Envelope, Kind, Level, Trade, texts_of
from hftlab.venues.binance.partial_books import DEPTHS
from hftlab.venues.binance.survey import Survey, detect_instrument
from hftlab.venues.binance.tickers import BookTickers, read_book_tickers
from hftlab.venues.capture_file import Progress, bad_line
from hftlab.venues.level_batch_builder import EventHead
from hftlab.venues.line_reader import LineReader
from hftlab.venues.recognition import explaining
from hftlab.venues.stamps import BadStamp

__all__ = ["BookTickers", "Reader", "Stats", "detect_instrument", "read", "read_book_tickers"]

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


@dataclass(slots=True)
class Stats:
    """Counts of what a Reader has met so far."""

    lines: int = 0
    snapshots: int = 0
    snapshots_unused: int = 0  # the book was that new already, or the updates after it are missing
    updates: int = 0
    updates_applied: int = 0  # the others were in the book already, or no snapshot joined them
    gaps: int = 0
    trades: int = 0
    trades_off_book: int = 0  # futures only: of the insurance fund and the like; not passed on
    book_tickers: int = 0
    unknown: Counter[str] = field(default_factory=Counter)  # lines of streams that hftlab does not read
    receive_time_steps_back: int = 0
    ids_begun_anew: int = 0  # update ids that started again from a lower number, with a book of their own
    partial_books: int = 0  # futures only: depth updates that were the whole top of the book


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
        self._rule = DepthRule()
        self._partial: DepthUpdate | None = None  # the newest partial book
        self._unused: DepthSnapshot | None = None  # the newest snapshot that was of no use so far
        self._depth = 0  # levels of the longer side of the snapshot that the book was made from
        self._ts_recv = self._ts_event = 0

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
                self.stats.updates += 1
                update = decode(_update, self.path, number, payload)
                check_symbol(self.path, number, update.symbol, self.instrument)
                self._ts_event = max(self._ts_event, update.ts_event)
                if self._has_partial_books and envelope.stream is None:
                    self._take_partial_book(update, number)
                else:
                    self._take_update(update, number)
            case Kind.TRADE:
                self._take_trade(decode(_trade, self.path, number, payload), number)
            case Kind.SNAPSHOT:
                self._take_snapshot(decode(_snapshot, self.path, number, payload), number)
            case Kind.BOOK_TICKER:
                self.stats.book_tickers += 1
            case None:
                self.stats.unknown[envelope.name] += 1

    def _take_update(self, update: DepthUpdate, line: int, flags: int = F_MBP) -> None:
        head = EventHead(update.ts_event, self._ts_recv, update.last, line)
        match self._rule.update(update, line):
            case Verdict.APPLY:
                self.stats.updates_applied += 1
                self._rows.add(head, MODIFY, BID, flags, texts_of(update.bids))
                self._rows.add(head, MODIFY, ASK, flags, texts_of(update.asks))
                if not update.bids and not update.asks:
                    self._rows.add(head, NONE, NO_SIDE, flags)
                self._rows.end(line)
            case Verdict.GAP:
                self.stats.gaps += 1
                self._begin_again(head, flags & ~F_MBP)
            case Verdict.ANEW:
                self.stats.ids_begun_anew = self._rule.begun_anew
                self._begin_again(head, flags & ~F_MBP)
            case Verdict.HOLD | Verdict.DROP:
                pass

    def _begin_again(self, head: EventHead, flags: int) -> None:
        """Make an earlier snapshot the book if it joins the update that ended the old one; else clear the book."""
        if self._unused is None or not self._apply_snapshot(self._unused, head.line):
            self._clear(head, flags)
        else:
            self.stats.snapshots_unused -= 1

    def _clear(self, head: EventHead, flags: int) -> None:
        self._rows.add(head, CLEAR, NO_SIDE, flags)
        self._rows.end(head.line)

    def _take_snapshot(self, snapshot: DepthSnapshot, line: int) -> None:
        self.stats.snapshots += 1
        if self._has_partial_books or self._would_lose_levels(snapshot) or not self._apply_snapshot(snapshot, line):
            self.stats.snapshots_unused += 1
            self._unused = snapshot

    def _would_lose_levels(self, snapshot: DepthSnapshot) -> bool:
        """Tell whether this is a partial book of spot (5, 10 or 20 levels) ahead of a book that goes deeper.

        Without its stream's name it looks like the answer to a request for the book.
        """
        depth = _depth_of(snapshot)
        return depth in DEPTHS and depth < self._depth and self._rule.is_behind(snapshot.last_update_id)

    def _apply_snapshot(self, snapshot: DepthSnapshot, line: int) -> bool:
        """Make a snapshot the book, with the updates that wait for it, if they join it."""
        held = self._rule.snapshot(snapshot.last_update_id)
        self.stats.ids_begun_anew = self._rule.begun_anew
        if held is None:
            return False
        self._unused, self._depth = None, _depth_of(snapshot)
        ts_event = snapshot.ts_event or self._ts_event or self._ts_recv
        self._add_book(EventHead(ts_event, self._ts_recv, snapshot.last_update_id, line), snapshot.bids, snapshot.asks)
        for update, update_line in held:
            self._take_update(update, update_line, F_MBP | F_BAD_TS_RECV)
        return True

    def _add_book(self, head: EventHead, bids: list[Level], asks: list[Level]) -> None:
        self._rows.add(head, CLEAR, NO_SIDE, F_SNAPSHOT)
        self._rows.add(head, ADD, BID, F_SNAPSHOT | F_MBP, texts_of(bids))
        self._rows.add(head, ADD, ASK, F_SNAPSHOT | F_MBP, texts_of(asks))
        self._rows.end(head.line)

    def _take_partial_book(self, update: DepthUpdate, line: int) -> None:
        newest = self._partial
        if newest is not None and (update.last == newest.last or update.ts_event < newest.ts_event):
            return
        self._partial = update
        self.stats.partial_books += 1
        self._add_book(EventHead(update.ts_event, self._ts_recv, update.last, line), update.bids, update.asks)

    def _take_trade(self, trade: Trade, line: int) -> None:
        check_symbol(self.path, line, trade.symbol, self.instrument)
        if trade.kind != "MARKET":
            self.stats.trades_off_book += 1
            return
        self.stats.trades += 1
        self._ts_event = max(self._ts_event, trade.ts_event)
        head = EventHead(trade.ts_event, self._ts_recv, trade.trade_id, line)
        # If the buyer is the maker, the seller has crossed the spread.
        self._rows.add(head, TRADE, ASK if trade.buyer_is_maker else BID, 0, [(trade.price, trade.size)])
        self._rows.end(line)


def _depth_of(snapshot: DepthSnapshot) -> int:
    return max(len(snapshot.bids), len(snapshot.asks))
