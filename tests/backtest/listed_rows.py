"""Market rows that a test has made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from hftlab.backtest.blocks import Block, Holding, MarketRows
from hftlab.events import ADD, F_LAST, EventBatch
from hftlab.instruments import Instrument


class Row(NamedTuple):
    """A row of events; `price` in ticks, `off` in 1e-9 besides."""

    time: int
    action: int = ADD
    side: int = 66
    price: int = 0
    size: int = 0
    order_id: int = 0
    instrument: int = 0
    flags: int = F_LAST
    off: int = 0


class ListedRows(MarketRows):
    """Market rows from a list for each block, received when they happen."""

    def __init__(
        self, instruments: Sequence[Instrument], blocks: Sequence[Sequence[Row]], holding: Holding = "orders"
    ) -> None:
        self.instruments = tuple(instruments)
        self.listed = [rows for rows in blocks if rows]
        self._blocks = [self._block(rows) for rows in self.listed]
        self._holding = holding

    def holds(self, number: int) -> Holding | None:
        return self._holding

    def block(self, number: int) -> Block | None:
        return self._blocks[number] if number < len(self._blocks) else None

    def _block(self, rows: Sequence[Row]) -> Block:
        times = np.array([row.time for row in rows], np.int64)
        batch = EventBatch(
            ts_event=times,
            ts_recv=times,
            sequence=np.zeros(len(rows), np.int64),
            instrument_id=np.array([row.instrument for row in rows], np.int32),
            order_id=np.array([row.order_id for row in rows], np.uint64),
            action=np.array([row.action for row in rows], np.uint8),
            side=np.array([row.side for row in rows], np.uint8),
            price=np.array([row.price * self.instruments[row.instrument].tick + row.off for row in rows], np.int64),
            size=np.array([row.size for row in rows], np.int64),
            flags=np.array([row.flags for row in rows], np.uint8),
            instruments=self.instruments,
        )
        return Block(batch, times, times)
