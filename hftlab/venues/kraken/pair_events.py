"""Events of one pair of the API v2: its books and trades as rows, the same for a capture and for a live feed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, NamedTuple

from hftlab.events import (
    ADD,
    ASK,
    BID,
    CANCEL,
    CLEAR,
    F_MAYBE_BAD_BOOK,
    F_MBP,
    F_SNAPSHOT,
    MODIFY,
    NO_SIDE,
    NONE,
    TRADE,
)
from hftlab.instruments import Instrument
from hftlab.venues.decimal_text import decimals_of
from hftlab.venues.kraken.checksums import Mismatch, Verification
from hftlab.venues.kraken.depth_book import DepthBook
from hftlab.venues.kraken.frames import BookData, LevelText, TradeData, number_text, texts_of
from hftlab.venues.kraken.price_range import is_in_range
from hftlab.venues.kraken.rfc3339 import to_nanoseconds
from hftlab.venues.level_batch_builder import EventHead, LevelBatchBuilder

__all__ = ["DEPTHS", "Applied", "PairEvents", "Stats", "Verdict"]

DEPTHS: Final = (10, 25, 100, 500, 1000)
"""Depths to which a book can be subscribed."""


class Verdict(Enum):
    """Verdict on the book after a message."""

    GOOD = auto()  # the checksum is that of the book
    BAD = auto()  # the checksum differs: the book is not the venue's
    NO_BOOK = auto()  # an update before the first snapshot


class Applied(NamedTuple):
    """Message of the book that was taken: its levels, and the prices of those that it has pushed out of the depth."""

    verdict: Verdict
    head: EventHead
    bids: list[LevelText]
    asks: list[LevelText]
    dropped: tuple[list[str], list[str]]
    is_snapshot: bool


@dataclass(slots=True)
class Stats:
    """Counts of what was met so far."""

    lines: int = 0
    connections: int = 0
    requests: int = 0
    snapshots: int = 0
    updates: int = 0
    updates_without_snapshot: int = 0  # not passed on
    trades: int = 0
    trades_repeated: int = 0  # of a snapshot of trades, from before the subscription or known; not passed on
    out_of_range: int = 0  # levels at a price that no EventBatch can hold; not passed on
    beyond_depth: int = 0  # levels that fell out of it
    checksums: int = 0
    checksums_differing: int = 0
    unwanted: int = 0  # messages of pairs other than `symbols`
    events: Counter[str] = field(default_factory=Counter)  # heartbeats, answers and the like
    unknown: Counter[str] = field(default_factory=Counter)  # frames of channels that hftlab does not read
    receive_time_steps_back: int = 0


class PairEvents:
    """Decoder of one pair's messages, which adds their events to `rows`, where its instrument has the `number`.

    `depth` is that of the subscription, None for that of the next snapshot: the smallest that holds it. Messages come
    in the order in which they were received; `line` numbers them.
    """

    def __init__(
        self, rows: LevelBatchBuilder, number: int, instrument: Instrument, report: Verification, stats: Stats
    ) -> None:
        self.depth: int | None = None
        self.has_book = False
        """True from a snapshot to the next clear()."""
        self.has_changed = False
        """True if updates have come since the last snapshot."""
        self.is_doubtful = False
        """True if the book may not be the venue's; its rows are flagged until the next snapshot."""
        self._rows, self._number, self._report, self._stats = rows, number, report, stats
        self._symbol = instrument.symbol
        self._decimals = decimals_of(instrument.tick), decimals_of(instrument.lot)
        self._book = DepthBook()
        self._ts_event = 0
        self._last_trade: int | None = None

    def apply(self, data: BookData, ts_recv: int, line: int, *, is_snapshot: bool) -> Applied:
        """Take a snapshot or an update into the book; add() makes its rows.

        Raises one of BAD_FRAME for what cannot be read, and changes nothing then.
        """
        bids, asks = texts_of(data.bids), texts_of(data.asks)
        ts_event = (self._ts_event or ts_recv) if data.timestamp is None else to_nanoseconds(data.timestamp)
        head = EventHead(ts_event, ts_recv, line, line, self._number)
        if is_snapshot:
            self._stats.snapshots += 1
        else:
            self._stats.updates += 1
            if not self.has_book:
                self._stats.updates_without_snapshot += 1
                return Applied(Verdict.NO_BOOK, head, [], [], ([], []), is_snapshot=False)
        self._ts_event = max(self._ts_event, ts_event)
        self.has_changed = not is_snapshot
        if is_snapshot:
            self.depth = self.depth or _depth_of(bids, asks)
            self._book.clear()
            self.has_book, self.is_doubtful = True, False
        self._book.set(bids, asks)
        dropped = self._book.truncate(self.depth or DEPTHS[-1])
        is_good = self._is_good(data.checksum, line)
        self.is_doubtful = self.is_doubtful or not is_good
        return Applied(Verdict.GOOD if is_good else Verdict.BAD, head, bids, asks, dropped, is_snapshot=is_snapshot)

    def add(self, applied: Applied) -> None:
        """Add the rows of a message of the book."""
        if applied.verdict is Verdict.NO_BOOK:
            return
        head, flags = applied.head, F_MAYBE_BAD_BOOK if self.is_doubtful else 0
        action, kind = MODIFY, F_MBP | flags
        if applied.is_snapshot:
            action, kind = ADD, F_SNAPSHOT | F_MBP | flags
            self._rows.add(head, CLEAR, NO_SIDE, F_SNAPSHOT | flags)
        held = len(self._rows)
        for side, levels in ((BID, applied.bids), (ASK, applied.asks)):
            self._rows.add(head, action, side, kind, self._in_range(levels))
        for side, prices in ((BID, applied.dropped[0]), (ASK, applied.dropped[1])):
            self._stats.beyond_depth += len(prices)
            self._rows.add(head, CANCEL, side, F_MBP | flags, [(price, "0") for price in prices if is_in_range(price)])
        if len(self._rows) == held and not applied.is_snapshot:
            self._rows.add(head, NONE, NO_SIDE, F_MBP | flags)
        self._rows.end(head.line)

    def _in_range(self, levels: list[LevelText]) -> list[LevelText]:
        held = [level for level in levels if is_in_range(level[0])]
        self._stats.out_of_range += len(levels) - len(held)
        return held

    def _is_good(self, expected: int, line: int) -> bool:
        computed = self._book.checksum()
        is_good = computed == expected or self._book.padded_checksum(*self._decimals) == expected
        self._report.note(Mismatch(line, self._symbol, expected, expected if is_good else computed))
        self._stats.checksums += 1
        self._stats.checksums_differing += not is_good
        return is_good

    def trades(self, trades: Sequence[TradeData], ts_recv: int, line: int, *, is_snapshot: bool) -> None:
        """Take trades. Of a snapshot of them those are passed on that came after the last one, flagged F_SNAPSHOT.

        The first snapshot is of trades before the subscription: none is passed on. Raises one of BAD_FRAME.
        """
        read = [(one, to_nanoseconds(one.timestamp), (number_text(one.price), number_text(one.size))) for one in trades]
        for trade, ts_event, level in read:
            if is_snapshot and (self._last_trade is None or trade.trade_id <= self._last_trade):
                self._stats.trades_repeated += 1
                continue
            self._stats.trades += 1
            self._ts_event = max(self._ts_event, ts_event)
            head = EventHead(ts_event, ts_recv, trade.trade_id, line, self._number)
            side = BID if trade.side == "buy" else ASK
            self._rows.add(head, TRADE, side, F_SNAPSHOT if is_snapshot else 0, [level])
            self._rows.end(line)
        newest = max((trade.trade_id for trade in trades), default=None)
        if newest is not None and (not is_snapshot or self._last_trade is None or newest > self._last_trade):
            self._last_trade = newest

    def clear(self, ts_recv: int, line: int) -> None:
        """Clear the book, which is known to be wrong; the next snapshot begins it anew."""
        self.has_book = False
        self._book.clear()
        self._rows.add(EventHead(self._ts_event or ts_recv, ts_recv, line, line, self._number), CLEAR, NO_SIDE, 0)
        self._rows.end(line)


def _depth_of(*sides: Iterable[LevelText]) -> int:
    levels = max(len(list(side)) for side in sides)
    return next((depth for depth in DEPTHS if depth >= levels), DEPTHS[-1])
