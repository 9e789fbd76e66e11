"""Filters of implausible events: impossible prices, stale events, duplicates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hftlab.events import ADD, CANCEL, F_LAST, F_MBP, FILL, MODIFY, NONE, EventBatch
from hftlab.instruments import Instrument
from hftlab.market.filter_kernel import DUPLICATE, KEPT, OPEN, Limits, Memory, Rows, judge_rows

__all__ = ["REASONS", "Filter", "Filters"]

REASONS: Final = ("", "price", "off-tick", "outside bands", "stale", "duplicate", "orphan")
"""Reasons for which a row is filtered, by number; an orphan is of an order whose own A was filtered."""

_ORPHAN: Final = len(REASONS) - 1
_Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Filters:
    """Settings of the filters.

    `positive` filters A, M and T rows at prices of 0 or less: turn it off for spreads, and futures that may go there.
    `off_tick` filters A and M rows at prices that the instrument's tick rule does not allow (trades may print there).
    `band` filters A, M and T rows further than this fraction from the last trade's price, or, before the first trade,
    from the mid as the batch begins. `max_delay` filters events captured more than so many ns after they happened,
    `max_step_back` those that happened more than so many ns before the latest of their instrument: both are "stale".
    `duplicates` filters an event whose first row has a sequence (other than 0) that has been there with the same
    contents among the latest 4,096 of its instrument, trades and books counted apart. None or False turns a filter off;
    the bounds are off by default, because they depend on the market. Raises ValueError for negative ones.
    """

    off_tick: bool = True
    duplicates: bool = True
    band: float | None = None
    max_delay: int | None = None
    max_step_back: int | None = None
    positive: bool = True

    def __post_init__(self) -> None:
        for name in ("band", "max_delay", "max_step_back"):
            value = getattr(self, name)
            if value is not None and not value >= 0:
                raise ValueError(f"{name} must be 0 or more, got {value}: None turns the filter off")

    @property
    def are_off(self) -> bool:
        """True if all filters are off."""
        return self == Filters(off_tick=False, duplicates=False, positive=False)

    @property
    def limits(self) -> Limits:
        off = -1
        return Limits(
            float(off if self.band is None else self.band),
            off if self.max_delay is None else self.max_delay,
            off if self.max_step_back is None else self.max_step_back,
            int(self.duplicates),
            int(self.positive),
        )


class Filter:
    """Filter that applies `Filters` batch after batch. `counts` has the rows filtered, by instrument and reason."""

    def __init__(self, numbers: Mapping[Instrument, int], filters: Filters) -> None:
        self.counts: Counter[tuple[Instrument, str]] = Counter()
        self._numbers, self._filters, self._limits = numbers, filters, filters.limits
        self._memory = Memory.of(len(numbers))
        self._orphans: dict[int, npt.NDArray[np.uint64]] = {}
        self._began_before = False

    def apply(self, batch: EventBatch, mids: npt.NDArray[np.int64]) -> EventBatch:
        """Return the rows that pass; the batch itself where all do.

        `mids` (1e-9, 0 for none) are the books' by the numbers given. An event of which some rows are filtered still
        ends with a row flagged F_LAST.
        """
        if self._filters.are_off:
            return batch
        books = np.array([self._numbers[one] for one in batch.instruments], np.int64)[batch.instrument_id]
        rows = Rows(
            batch.ts_event,
            batch.ts_recv,
            batch.sequence,
            books,
            batch.order_id,
            batch.action,
            batch.side,
            batch.price,
            batch.size,
            batch.flags,
            self._on_tick(batch),
        )
        began_before = self._began_before
        reasons = judge_rows(rows, mids, self._limits, self._memory)
        self._find_orphans(batch, books, reasons)
        kept = reasons == KEPT
        self._remember_open_event(batch, kept)
        if kept.all():
            return batch
        self._count(batch, reasons)
        return _without(batch, kept, began_before=began_before)

    def _on_tick(self, batch: EventBatch) -> _Mask:
        on_tick = np.ones(len(batch), np.bool_)
        if not self._filters.off_tick:
            return on_tick
        for number, instrument in enumerate(batch.instruments):
            mine = batch.instrument_id == number if len(batch.instruments) > 1 else slice(None)
            on_tick[mine] = instrument.is_on_tick(batch.price[mine])
        return on_tick

    def _find_orphans(self, batch: EventBatch, books: npt.NDArray[np.int64], reasons: npt.NDArray[np.uint8]) -> None:
        orders = (batch.order_id != 0) & (batch.flags & F_MBP == 0)
        never_added = orders & (batch.action == ADD) & (reasons != KEPT) & (reasons != DUPLICATE)
        for book in np.unique(books[never_added]).tolist():
            known = self._orphans.get(book, np.empty(0, np.uint64))
            self._orphans[book] = np.union1d(known, batch.order_id[never_added & (books == book)])
        if not self._orphans:
            return
        later = orders & ((batch.action == CANCEL) | (batch.action == MODIFY) | (batch.action == FILL))
        for book, ids in self._orphans.items():
            found = later & (books == book) & (reasons == KEPT)
            found[found] = np.isin(batch.order_id[found], ids)
            reasons[found] = _ORPHAN

    def _remember_open_event(self, batch: EventBatch, kept: _Mask) -> None:
        """Remember whether an event is open of which a row has passed, so that its end has to pass as well."""
        ends = np.flatnonzero(batch.flags & F_LAST)
        begin = int(ends[-1]) + 1 if len(ends) else 0
        passed_on = bool(kept[begin:].any()) or (self._began_before and not len(ends))
        self._began_before = bool(self._memory.event[OPEN]) and passed_on

    def _count(self, batch: EventBatch, reasons: npt.NDArray[np.uint8]) -> None:
        keys = batch.instrument_id.astype(np.int64) * len(REASONS) + reasons
        for key, count in zip(*np.unique(keys[reasons != KEPT], return_counts=True), strict=True):
            number, reason = divmod(int(key), len(REASONS))
            self.counts[batch.instruments[number], REASONS[reason]] += int(count)


def _without(batch: EventBatch, kept: _Mask, *, began_before: bool) -> EventBatch:
    """Return only the rows kept. A dropped F_LAST goes to the last row kept of its event.

    Where all rows of an event are dropped, nothing of it is left; but if some were in the batch before, the last one
    stays as an N, which changes nothing and ends the event.
    """
    flags, action = batch.flags.copy(), batch.action.copy()
    kept = kept.copy()
    ends = np.flatnonzero(batch.flags & F_LAST)
    kept_rows = np.flatnonzero(kept)
    for event in np.flatnonzero(~kept[ends]).tolist():
        end = int(ends[event])
        begin = int(ends[event - 1]) + 1 if event else 0
        place = int(np.searchsorted(kept_rows, end)) - 1
        if place >= 0 and kept_rows[place] >= begin:
            flags[kept_rows[place]] |= F_LAST
        elif event == 0 and began_before:
            kept[end] = True
            action[end] = NONE
    columns: dict[str, Any] = {name: getattr(batch, name) for name in batch.__slots__}
    return EventBatch(**columns | {"flags": flags, "action": action}).take(kept)
