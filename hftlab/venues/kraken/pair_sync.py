"""Synchronisation of one pair of a live feed: whether its book can be relied on, and when a snapshot is needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hftlab.events import EventBatch
from hftlab.instruments import Instrument
from hftlab.venues.kraken.checksums import Verification
from hftlab.venues.kraken.frames import BookData, TradeData
from hftlab.venues.kraken.pair_events import PairEvents, Stats, Verdict
from hftlab.venues.level_batch_builder import BadNumber, LevelBatchBuilder
from hftlab.venues.symbol_parts import Change

__all__ = ["PairSync"]

_PROBATION: Final = 60_000_000_000
"""Nanoseconds in which a book that was found to be wrong has to be right before the failures before count no more."""
_FEW: Final = 2
"""Failures that are nothing to speak of."""


class PairSync:
    """Synchronisation of one pair's book, without I/O: messages and losses in, events and changes out.

    `take()` returns the events since the last call, cut where the book has ceased to be reliable or is reliable again.
    `needs_snapshot` says that the book is to be subscribed anew; the caller notes that with `asked`.
    """

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.symbol = instrument.symbol
        self.stats, self.verification = Stats(), Verification()
        self.is_reliable = False
        self.asked = False
        """True if the book was subscribed anew, and its snapshot has not come."""
        self.attempts = 0
        """Failures since the book was right for a while: snapshots of no use, and times that it was wrong."""
        self._rows = LevelBatchBuilder()
        number = self._rows.add_instrument(instrument)
        self.events: Final = PairEvents(self._rows, number, instrument, self.verification, self.stats)
        self._parts: list[EventBatch | Change] = []
        self._is_wrong = False
        self._newest = 0
        self._wrong_at: int | None = None
        self._why = ""

    @property
    def needs_snapshot(self) -> bool:
        """True if the book is to be subscribed anew."""
        return self._is_wrong and not self.asked

    @property
    def problem(self) -> str | None:
        """Sentence about a book that is found to be wrong over and over; None if it is not."""
        if self.is_reliable or self.attempts <= _FEW:
            return None
        found = f"{self._why} ({self.attempts} times by now)"
        return f"{self.symbol}: {found}: it is begun anew, later each time"

    # --- what comes ---

    def subscribed(self, depth: int) -> None:
        """Note to which depth the book is subscribed; its snapshot comes by itself."""
        self.events.depth = depth

    def lost(self, at: int, reason: str) -> None:
        """Note that the connection has ended. The book stays until the snapshot of the next one."""
        self._is_wrong = self.asked = False
        self._doubt(at, reason)

    def book(self, data: BookData, ts_recv: int, line: int, *, is_snapshot: bool) -> None:
        """Take a message of the book. Raises one of BAD_FRAME if it cannot be read."""
        self._newest = max(self._newest, ts_recv)
        if not self.is_reliable:
            self._cut()  # what follows may be reliable again, and what was before is not
        elif is_snapshot:
            self._doubt(ts_recv, "the venue has begun the book anew, unasked: what was before may be missing")
        applied = self.events.apply(data, ts_recv, line, is_snapshot=is_snapshot)
        if is_snapshot:
            self._is_wrong = self.asked = False
        if applied.verdict is Verdict.BAD and (is_snapshot or self.is_reliable):
            self._fail(ts_recv, "the checksum of the book is not the venue's")
        elif applied.verdict is Verdict.GOOD and is_snapshot:
            self._rely(ts_recv)
        self.events.add(applied)

    def trades(self, trades: Sequence[TradeData], ts_recv: int, line: int, *, is_snapshot: bool) -> None:
        """Take trades. Raises one of BAD_FRAME if they cannot be read."""
        self._newest = max(self._newest, ts_recv)
        self.events.trades(trades, ts_recv, line, is_snapshot=is_snapshot)

    def distrust(self, at: int, reason: str) -> None:
        """Clear the book, which was found to be wrong."""
        self._fail(at, reason)
        self.events.clear(at, 0)

    def doubt(self, at: int, reason: str) -> None:
        """Note that something of the pair was lost on this side: no update tells whether all levels hold."""
        self._is_wrong = True
        self._doubt(at, reason)

    # --- what comes out ---

    def take(self) -> list[EventBatch | Change]:
        """Return the events and changes since the last call, in their order."""
        self._cut()
        parts, self._parts = self._parts, []
        return parts

    def _rely(self, at: int) -> None:
        if self._wrong_at is None or at - self._wrong_at > _PROBATION:
            self.attempts, self._wrong_at = 0, None
        if not self.is_reliable:
            self.is_reliable = True
            self._parts.append(Change(self.symbol, at, None))

    def _fail(self, at: int, reason: str) -> None:
        self.attempts += 1
        self._wrong_at, self._is_wrong, self._why = at, True, reason
        self._doubt(at, reason)

    def _doubt(self, at: int, reason: str) -> None:
        self.events.is_doubtful = True
        if self.is_reliable:
            self._cut()
            self.is_reliable = False
            self._parts.append(Change(self.symbol, at, reason))

    def _cut(self) -> None:
        if not len(self._rows):
            return
        batch, bad = self._rows.take()
        if len(batch):
            self._parts.append(batch)
        if bad is not None:
            self.distrust(self._newest, _problem(bad))
            self._cut()  # what clears the book


def _problem(bad: BadNumber) -> str:
    step = "tick" if bad.column == "price" else "lot"
    return f"the {bad.column} {bad.text[:40]!r} is not a multiple of the {step}"
