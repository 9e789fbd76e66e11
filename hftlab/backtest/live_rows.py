"""Rows of a market that goes on: a fill core plays them as they come."""

from __future__ import annotations

from typing import Final

import numpy as np

from hftlab.backtest.blocks import Block, Holding, MarketRows
from hftlab.book.known_levels import level_rows, number_levels
from hftlab.events import COLUMNS, F_LAST, NO_SIDE, NONE, EventBatch
from hftlab.instruments import Instrument

__all__ = ["LiveRows"]

_MOST: Final = 1 << 16
"""Rows that wait to become a block."""


class LiveRows(MarketRows):
    """Rows of a live market of price levels: add() what comes, and end a block before it is to be played.

    The rows of a block are all of one time, at which they have become known here: a row that came later cannot have
    met an order before. Blocks that were played are forgotten.
    """

    is_endless = True

    def __init__(self, instruments: tuple[Instrument, ...]) -> None:
        self.instruments = instruments
        self._numbers = {one: number for number, one in enumerate(instruments)}
        self._waiting: list[EventBatch] = []
        self._blocks: dict[int, Block] = {}
        self._count = self._rows = 0
        # A row that changes nothing, so that whoever plays the rows can be compiled before there are others.
        nothing = {name: np.zeros(1, dtype) for name, dtype in COLUMNS.items()}
        nothing["action"][:], nothing["side"][:], nothing["flags"][:] = NONE, NO_SIDE, F_LAST
        self.add(EventBatch(**nothing, instruments=instruments))
        self.end_block(-(2**63) + 1)

    def holds(self, number: int) -> Holding | None:
        """Return what the rows tell of an instrument's book: its price levels."""
        return "levels" if 0 <= number < len(self.instruments) else None

    def add(self, batch: EventBatch) -> bool:
        """Add events; tells whether so many wait that they should be played."""
        self._waiting.append(batch)
        self._rows += len(batch)
        return self._rows >= _MOST

    def end_block(self, at: int) -> bool:
        """Make a block of what waits, at a time that is not before the last one's; False if nothing waits."""
        if not self._waiting:
            return False
        whole = EventBatch.concat(self._waiting)
        self._waiting, self._rows = [], 0
        numbers = np.array([self._numbers[one] for one in whole.instruments], np.int32)
        columns = {name: getattr(whole, name) for name in whole.__slots__ if name != "instruments"}
        columns["instrument_id"] = numbers[whole.instrument_id]
        batch = EventBatch(**columns, instruments=self.instruments)
        times = np.full(len(batch), at, np.int64)
        self._blocks[self._count] = Block(batch, times, times, number_levels(level_rows(batch)))
        self._count += 1
        return True

    def block(self, number: int) -> Block | None:
        """Return a block by its number, from 0 on; None if there is none yet. Those before it are forgotten."""
        for played in [one for one in self._blocks if one < number]:
            del self._blocks[played]
        return self._blocks.get(number)
