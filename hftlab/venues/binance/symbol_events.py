"""Events of one symbol: its depth updates, snapshots and trades as rows, the same for a capture and for a live feed."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Final

from hftlab.events import ADD, ASK, BID, CLEAR, F_BAD_TS_RECV, F_MBP, F_SNAPSHOT, MODIFY, NO_SIDE, NONE, TRADE
from hftlab.venues.binance.depth import DepthRule, Verdict
from hftlab.venues.binance.messages import DepthSnapshot, DepthUpdate, Level, Trade, texts_of
from hftlab.venues.binance.partial_books import DEPTHS
from hftlab.venues.level_batch_builder import EventHead, LevelBatchBuilder

__all__ = ["Stats", "SymbolEvents"]

_REMEMBERED: Final = 10_000
"""Trades that a copy is recognised of: seconds of the busiest market, for which two connections may overlap."""


@dataclass(slots=True)
class Stats:
    """Counts of what was met so far."""

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
    trades_repeated: int = 0  # copies of a trade, as two connections that overlap bring; not passed on


class SymbolEvents:
    """Decoder of one symbol's messages, which adds their events to `rows`, whose only instrument is the symbol's.

    Messages come in the order in which they were received. `line` numbers them for the errors of a capture.
    """

    def __init__(self, rows: LevelBatchBuilder, stats: Stats, *, has_partial_books: bool = False) -> None:
        self.stats = stats
        self.rule = DepthRule()
        self._rows = rows
        self._has_partial_books = has_partial_books
        self._partial: DepthUpdate | None = None  # the newest partial book
        self._unused: DepthSnapshot | None = None  # the newest snapshot that was of no use so far
        self._depth = 0  # levels of the longer side of the snapshot that the book was made from
        self._ts_event = 0
        self._trades: dict[int, Trade] = {}
        self._trade_order: deque[int] = deque()

    def update(self, update: DepthUpdate, ts_recv: int, line: int) -> Verdict:
        """Take a depth update."""
        self.stats.updates += 1
        self._ts_event = max(self._ts_event, update.ts_event)
        return self._take_update(update, ts_recv, line)

    def _take_update(self, update: DepthUpdate, ts_recv: int, line: int, flags: int = F_MBP) -> Verdict:
        head = EventHead(update.ts_event, ts_recv, update.last, line)
        verdict = self.rule.update(update, line)
        match verdict:
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
                self.stats.ids_begun_anew = self.rule.begun_anew
                self._begin_again(head, flags & ~F_MBP)
            case Verdict.HOLD | Verdict.DROP:
                pass
        return verdict

    def _begin_again(self, head: EventHead, flags: int) -> None:
        """Make an earlier snapshot the book if it joins the update that ended the old one; else clear the book."""
        if self._unused is None or not self._apply_snapshot(self._unused, head.ts_recv, head.line):
            self._clear(head, flags)
        else:
            self.stats.snapshots_unused -= 1

    def _clear(self, head: EventHead, flags: int) -> None:
        self._rows.add(head, CLEAR, NO_SIDE, flags)
        self._rows.end(head.line)

    def clear(self, ts_recv: int, line: int) -> None:
        """Clear the book, which is known to be wrong; the next snapshot begins it anew."""
        last = self.rule.last
        self.rule.void()
        self._unused = None
        self._clear(EventHead(self._ts_event or ts_recv, ts_recv, last or 0, line), 0)

    def snapshot(self, snapshot: DepthSnapshot, ts_recv: int, line: int) -> bool:
        """Take the answer to a request for the book; tells whether it has become the book."""
        self.stats.snapshots += 1
        is_used = not (self._has_partial_books or self._would_lose_levels(snapshot))
        if is_used and self._apply_snapshot(snapshot, ts_recv, line):
            return True
        self.stats.snapshots_unused += 1
        self._unused = snapshot
        return False

    def _would_lose_levels(self, snapshot: DepthSnapshot) -> bool:
        """Tell whether this is a partial book of spot (5, 10 or 20 levels) ahead of a book that goes deeper.

        Without its stream's name it looks like the answer to a request for the book.
        """
        depth = _depth_of(snapshot)
        return depth in DEPTHS and depth < self._depth and self.rule.is_behind(snapshot.last_update_id)

    def _apply_snapshot(self, snapshot: DepthSnapshot, ts_recv: int, line: int) -> bool:
        """Make a snapshot the book, with the updates that wait for it, if they join it."""
        held = self.rule.snapshot(snapshot.last_update_id)
        self.stats.ids_begun_anew = self.rule.begun_anew
        if held is None:
            return False
        self._unused, self._depth = None, _depth_of(snapshot)
        ts_event = snapshot.ts_event or self._ts_event or ts_recv
        self._add_book(EventHead(ts_event, ts_recv, snapshot.last_update_id, line), snapshot.bids, snapshot.asks)
        for update, update_line in held:
            self._take_update(update, ts_recv, update_line, F_MBP | F_BAD_TS_RECV)
        return True

    def _add_book(self, head: EventHead, bids: list[Level], asks: list[Level]) -> None:
        self._rows.add(head, CLEAR, NO_SIDE, F_SNAPSHOT)
        self._rows.add(head, ADD, BID, F_SNAPSHOT | F_MBP, texts_of(bids))
        self._rows.add(head, ADD, ASK, F_SNAPSHOT | F_MBP, texts_of(asks))
        self._rows.end(head.line)

    def partial_book(self, update: DepthUpdate, ts_recv: int, line: int) -> None:
        """Take a futures' depth update that is the whole top of the book."""
        self.stats.updates += 1
        self._ts_event = max(self._ts_event, update.ts_event)
        newest = self._partial
        if newest is not None and (update.last == newest.last or update.ts_event < newest.ts_event):
            return
        self._partial = update
        self.stats.partial_books += 1
        self._add_book(EventHead(update.ts_event, ts_recv, update.last, line), update.bids, update.asks)

    def trade(self, trade: Trade, ts_recv: int, line: int) -> bool:
        """Take a trade; tells whether it is passed on."""
        if trade.kind != "MARKET":
            self.stats.trades_off_book += 1
            return False
        if self._is_repeated(trade):
            self.stats.trades_repeated += 1
            return False
        self.stats.trades += 1
        self._ts_event = max(self._ts_event, trade.ts_event)
        head = EventHead(trade.ts_event, ts_recv, trade.trade_id, line)
        # If the buyer is the maker, the seller has crossed the spread.
        self._rows.add(head, TRADE, ASK if trade.buyer_is_maker else BID, 0, [(trade.price, trade.size)])
        self._rows.end(line)
        return True

    def _is_repeated(self, trade: Trade) -> bool:
        if self._trades.get(trade.trade_id) == trade:
            return True
        if trade.trade_id not in self._trades:
            self._trade_order.append(trade.trade_id)
            if len(self._trade_order) > _REMEMBERED:
                del self._trades[self._trade_order.popleft()]
        self._trades[trade.trade_id] = trade
        return False


def _depth_of(snapshot: DepthSnapshot) -> int:
    return max(len(snapshot.bids), len(snapshot.asks))
