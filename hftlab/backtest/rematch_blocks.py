"""Blocks of recorded rows of a rematch core, one at a time, with a place in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple

import numpy as np

from hftlab.backtest.rematch_kernel import Columns
from hftlab.book.matching.engine_state import NOBODY
from hftlab.errors import EventError
from hftlab.events import F_LAST, F_MBP, TRADE, EventBatch
from hftlab.instruments import Instrument
from hftlab.kernels.compiling import IntArray

__all__ = ["Block", "Blocks", "Place", "RematchBlocks"]

Block = tuple[EventBatch, IntArray]
"""Rows in the order of their file, and the venue's time of each (ns), which never falls."""

Blocks = Iterable[Block]


class Place(NamedTuple):
    """Place in the blocks: the number of the block, its columns, and the next row."""

    number: int
    columns: Columns | None
    row: int


class RematchBlocks:
    """Reader of blocks that can go back: `blocks` gives the same ones each time that it is iterated."""

    def __init__(self, instruments: Sequence[Instrument], blocks: Blocks) -> None:
        self._blocks: Final = blocks
        self._numbers: Final = {instrument: number for number, instrument in enumerate(instruments)}
        self.row = 0
        self.columns: Columns | None = None
        self._number = 0
        self._rest = self._from(0)

    def find(self) -> bool:
        """Make `columns` the block of the next row, which is at `row`. Returns False if there is none."""
        while self.columns is None or self.row >= len(self.columns.time):
            following = next(self._rest, None)
            if following is None:
                return False
            self._number += 1
            self.columns, self.row = following, 0
        return True

    @property
    def place(self) -> Place:
        """Place of the next row, for `go_to()`."""
        return Place(self._number, self.columns, self.row)

    def go_to(self, place: Place) -> None:
        """Go back, or forward, to a place of before."""
        if place.number != self._number:
            self._rest = self._from(place.number)
        self._number, self.columns, self.row = place

    def _from(self, number: int) -> Iterator[Columns]:
        return islice(self._all(), number, None)

    def _all(self) -> Iterator[Columns]:
        """Yield the blocks, none of which ends between a print and its fills."""
        held: Block | None = None
        for batch, times in self._blocks:
            if not len(batch):
                continue
            _check(batch, times)
            if held is not None:
                batch, times = EventBatch.concat([held[0], batch]), np.concatenate([held[1], times])
            end = len(batch) - int(batch.action[-1] == TRADE and not batch.flags[-1] & F_LAST)
            held = (batch[end:], times[end:]) if end < len(batch) else None
            yield self._columns(batch[:end], times[:end])
        if held is not None:
            yield self._columns(*held)

    def _columns(self, batch: EventBatch, times: IntArray) -> Columns:
        # One kind of memory, so that there is one compiled kernel.
        times = np.ascontiguousarray(times, np.int64).view()
        times.flags.writeable = False
        return Columns(
            time=times,
            ts_event=batch.ts_event,
            instrument_id=batch.instrument_id,
            order_id=batch.order_id,
            action=batch.action,
            side=batch.side,
            price=batch.price,
            size=batch.size,
            flags=batch.flags,
            numbers=np.array([self._numbers.get(one, NOBODY) for one in batch.instruments], np.int64),
        )


def _check(batch: EventBatch, times: IntArray) -> None:
    """Raise EventError for rows that cannot be re-matched."""
    if len(times) != len(batch):
        raise EventError(f"{len(batch)} rows have {len(times)} venue times: give one for each row")
    if (np.diff(times) < 0).any():
        row = int(np.argmax(np.diff(times) < 0)) + 1
        raise EventError(f"the venue's time falls in row {row}: give the running maximum in the order of the file")
    levels = batch.flags & F_MBP != 0
    if levels.any():
        row = int(np.argmax(levels))
        symbol = batch.instruments[batch.instrument_id[row]].symbol
        raise EventError(
            f"row {row} is about a price level of {symbol}: only order-level events (L3) can be re-matched; "
            f"use impact=False here"
        )
