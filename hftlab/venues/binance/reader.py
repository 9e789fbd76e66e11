"""Binance's market data, captured line by line: `<receive time, ns since 1970 UTC> <JSON>`, gzip or plain.

One capture holds one symbol of the spot or the USDⓈ-M futures market, because a REST depth snapshot does not name its
symbol: combined streams of depth updates, trades and book tickers, and at least one snapshot. The form is that of
hftbacktest's collector.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Final

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
from hftlab.instruments import Instrument
from hftlab.venues.binance.capture import check_symbol, decode, detect_instrument, split_line
from hftlab.venues.binance.depth import DepthRule, Verdict
from hftlab.venues.binance.messages import DepthSnapshot, DepthUpdate, Kind, Trade
from hftlab.venues.binance.tickers import BookTickers, read_book_tickers
from hftlab.venues.capture_file import Progress
from hftlab.venues.level_batch_builder import EventHead
from hftlab.venues.line_reader import LineReader
from hftlab.venues.recognition import explaining

__all__ = ["BookTickers", "Reader", "Stats", "detect_instrument", "read", "read_book_tickers"]

FilePath = str | PathLike[str]

_CHUNK: Final = 1 << 16

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

    `instrument` is by default the one of that symbol that hftlab knows, else one with tick and lot of 1e-8.

    Raises CaptureError at once for a path that is not a readable capture; from the iterator, after every whole event
    before it, for a line of another form; and at the end if the depth updates had no usable snapshot.
    """
    with explaining(Path(path), "binance"):
        return Reader(Path(path), instrument, progress, chunk)


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


class Reader(LineReader):
    """Iterator over the batches of the capture at `path`, of one `instrument`; `stats` counts what was read."""

    def __init__(self, path: Path, instrument: Instrument | None, progress: Progress | None, chunk: int) -> None:
        super().__init__(path, progress, chunk)
        self.instrument = instrument or detect_instrument(path)
        self._rows.add_instrument(self.instrument)
        self.stats = Stats()
        self._rule = DepthRule()
        self._ts_recv = self._ts_event = 0

    def _check_end(self) -> None:
        if self.stats.updates and self.stats.snapshots == self.stats.snapshots_unused:
            raise CaptureError(
                f"{self.path} has {self.stats.updates:,} depth updates and no depth snapshot that matches them, so "
                f"that there is no book: add the answer of GET /api/v3/depth (futures: /fapi/v1/depth) to it",
                path=self.path,
            )

    def _take_line(self, number: int, line: bytes) -> None:
        self.stats.lines += 1
        ts_recv, envelope, payload = split_line(self.path, number, line)
        if ts_recv < self._ts_recv:
            self.stats.receive_time_steps_back += 1
        self._ts_recv = ts_recv
        match envelope.kind:
            case Kind.DEPTH:
                self.stats.updates += 1
                self._take_update(decode(_update, self.path, number, payload), number)
            case Kind.TRADE:
                self._take_trade(decode(_trade, self.path, number, payload), number)
            case Kind.SNAPSHOT:
                self._take_snapshot(decode(_snapshot, self.path, number, payload), number)
            case Kind.BOOK_TICKER:
                self.stats.book_tickers += 1
            case None:
                self.stats.unknown[envelope.name] += 1

    def _take_update(self, update: DepthUpdate, line: int, flags: int = F_MBP) -> None:
        check_symbol(self.path, line, update.symbol, self.instrument)
        self._ts_event = max(self._ts_event, update.ts_event)
        head = EventHead(update.ts_event, self._ts_recv, update.last, line)
        match self._rule.update(update, line):
            case Verdict.APPLY:
                self.stats.updates_applied += 1
                self._rows.add(head, MODIFY, BID, flags, update.bids)
                self._rows.add(head, MODIFY, ASK, flags, update.asks)
                if not update.bids and not update.asks:
                    self._rows.add(head, NONE, NO_SIDE, flags)
                self._rows.end(line)
            case Verdict.GAP:
                self.stats.gaps += 1
                self._rows.add(head, CLEAR, NO_SIDE, flags & ~F_MBP)
                self._rows.end(line)
            case Verdict.HOLD | Verdict.DROP:
                pass

    def _take_snapshot(self, snapshot: DepthSnapshot, line: int) -> None:
        self.stats.snapshots += 1
        held = self._rule.snapshot(snapshot.last_update_id)
        if held is None:
            self.stats.snapshots_unused += 1
            return
        ts_event = snapshot.ts_event or self._ts_event or self._ts_recv
        head = EventHead(ts_event, self._ts_recv, snapshot.last_update_id, line)
        self._rows.add(head, CLEAR, NO_SIDE, F_SNAPSHOT)
        self._rows.add(head, ADD, BID, F_SNAPSHOT | F_MBP, snapshot.bids)
        self._rows.add(head, ADD, ASK, F_SNAPSHOT | F_MBP, snapshot.asks)
        self._rows.end(line)
        for update, update_line in held:
            self._take_update(update, update_line, F_MBP | F_BAD_TS_RECV)

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
