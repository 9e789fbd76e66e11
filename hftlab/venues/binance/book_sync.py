"""Synchronisation of one symbol of a live feed: whether its book can be relied on, and when a snapshot is needed."""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import Final

from hftlab.events import EventBatch
from hftlab.instruments import Instrument
from hftlab.venues.binance.depth import Verdict
from hftlab.venues.binance.messages import BookTicker, DepthSnapshot, DepthUpdate, Trade
from hftlab.venues.binance.symbol_events import Stats, SymbolEvents
from hftlab.venues.level_batch_builder import BadNumber, LevelBatchBuilder
from hftlab.venues.symbol_parts import Change

__all__ = ["BookSync", "Change", "Trust"]

_PROBATION: Final = 60_000_000_000
"""Nanoseconds in which a book that was found to be wrong has to be right before the failures before count no more."""
_TICKERS: Final = 512
"""Book tickers that wait for the depth update of their id: the depth stream is up to a second behind them."""


class Trust(Enum):
    """True if a book can be relied on."""

    NONE = "none"  # there is no book: it waits for a snapshot
    DOUBTFUL = "doubtful"  # updates may be missing: the next update or snapshot tells
    LIVE = "live"


class BookSync:
    """Synchronisation of one symbol's book, without I/O: messages and losses in, events and changes out.

    `take()` returns the events since the last call, cut where the book has ceased to be reliable or is reliable again.
    `needs_snapshot` says that a snapshot is to be asked for; the caller notes that with `asked`.
    """

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.symbol = instrument.symbol
        self.stats = Stats()
        self.trust = Trust.NONE
        self.asked = False
        """True if a snapshot was asked for that has not come."""
        self.attempts = 0
        """Failures since the book was right for a while: snapshots of no use, and times that it was wrong."""
        self.checked = 0
        """Book tickers that were compared with the book after the update of the same id."""
        self.repeated = 0
        """Depth updates that the book held already, as those of a second connection."""
        self._rows = LevelBatchBuilder()
        self._rows.add_instrument(instrument)
        self._events = SymbolEvents(self._rows, self.stats)
        self._parts: list[EventBatch | Change] = []
        self._is_connected = False
        self._newest = 0
        self._wrong_at: int | None = None
        self._tickers: deque[BookTicker] = deque(maxlen=_TICKERS)

    @property
    def needs_snapshot(self) -> bool:
        """True if a snapshot is to be asked for: from the subscription on, as all later updates come."""
        return self._is_connected and not self.asked and self.trust is not Trust.LIVE

    @property
    def last_update_id(self) -> int | None:
        """Update id of the book; None while there is none."""
        return self._events.rule.last

    # --- what comes ---

    def subscribed(self) -> None:
        """Note that all updates come from now on."""
        self._is_connected = True

    def lost(self, at: int, reason: str) -> None:
        """Note that nothing comes any more. The book stays, and is doubtful until an update continues it."""
        self._is_connected = False
        if self.trust is Trust.LIVE:
            self._cut()
            self.trust = Trust.DOUBTFUL
            self._parts.append(Change(self.symbol, at, reason))

    def update(self, update: DepthUpdate, ts_recv: int) -> None:
        """Take a depth update."""
        self._begin(ts_recv)
        match self._events.update(update, ts_recv, 0):
            case Verdict.APPLY:
                self._rely(ts_recv)
            case Verdict.GAP:
                self._fail(ts_recv, f"depth updates before {update.first} are missing")
            case Verdict.ANEW:
                self._fail(ts_recv, "the update ids have begun anew")
            case Verdict.DROP:
                self.repeated += 1
            case Verdict.HOLD:
                pass

    def snapshot(self, snapshot: DepthSnapshot, ts_recv: int) -> None:
        """Take the answer to a request for the book."""
        self.asked = False
        self._begin(ts_recv)
        # One that is not newer than a book that is in doubt says no more than the book itself.
        is_current = self.last_update_id is not None and snapshot.last_update_id == self.last_update_id
        is_used = self._events.snapshot(snapshot, ts_recv, 0)
        # Of the updates that have waited for it one may be missing.
        if (is_used or is_current) and self.last_update_id is not None:
            self._rely(ts_recv)
        elif self.trust is not Trust.LIVE:
            self.attempts += 1

    def trade(self, trade: Trade, ts_recv: int) -> None:
        """Take a trade."""
        self._newest = max(self._newest, ts_recv)
        self._events.trade(trade, ts_recv, 0)

    def ticker(self, ticker: BookTicker, ts_recv: int) -> None:
        """Take a book ticker, with which the book will be compared."""
        self._newest = max(self._newest, ts_recv)
        self.stats.book_tickers += 1
        if self._tickers and self._tickers[-1].update_id >= ticker.update_id:
            return
        self._tickers.append(ticker)

    def distrust(self, at: int, reason: str) -> None:
        """Clear the book, which was found to be wrong."""
        self.attempts += 1
        self._wrong_at = at
        self._events.clear(at, 0)
        self._fail(at, reason)

    def doubt(self, at: int, reason: str) -> None:
        """Note that something of the symbol was lost on this side; the next update tells whether the book holds."""
        if self.trust is Trust.LIVE:
            self._cut()
            self.trust = Trust.DOUBTFUL
            self._parts.append(Change(self.symbol, at, reason))

    def matching_ticker(self) -> BookTicker | None:
        """Return the book ticker of the book's own update id, if there is one that was not compared yet."""
        last = self.last_update_id
        if last is None or self.trust is not Trust.LIVE:
            return None
        while self._tickers and self._tickers[0].update_id < last:
            self._tickers.popleft()
        if not self._tickers or self._tickers[0].update_id != last:
            return None
        self.checked += 1
        return self._tickers.popleft()

    # --- what comes out ---

    def take(self) -> list[EventBatch | Change]:
        """Return the events and changes since the last call, in their order."""
        self._cut()
        parts, self._parts = self._parts, []
        return parts

    def _begin(self, ts_recv: int) -> None:
        self._newest = max(self._newest, ts_recv)
        if self.trust is not Trust.LIVE:
            self._cut()  # what follows may be reliable again, and what was before is not

    def _rely(self, at: int) -> None:
        if self.trust is Trust.LIVE:
            return
        if not self._is_connected:  # a snapshot of which nothing follows
            self.trust = Trust.DOUBTFUL
            return
        self.trust = Trust.LIVE
        if self._wrong_at is None or at - self._wrong_at > _PROBATION:
            self.attempts, self._wrong_at = 0, None
        self._parts.append(Change(self.symbol, at, None))

    def _fail(self, at: int, reason: str) -> None:
        if self.last_update_id is not None:  # an earlier snapshot has joined: the book is right again at once
            return
        was_reliable = self.trust is Trust.LIVE
        self.trust = Trust.NONE
        self._tickers.clear()
        if was_reliable:
            self._cut()
            self._parts.append(Change(self.symbol, at, reason))

    def _cut(self) -> None:
        if not len(self._rows):
            return
        batch, bad = self._rows.take()
        if len(batch):
            self._parts.append(batch)
        if bad is not None:
            self.distrust(self._newest, _problem(bad))


def _problem(bad: BadNumber) -> str:
    step = "tick" if bad.column == "price" else "lot"
    return f"the {bad.column} {bad.text[:40]!r} is not a multiple of the {step}"
