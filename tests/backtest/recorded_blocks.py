"""Blocks of market rows as tests look at them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from hftlab.backtest.blocks import Block, Holding, MarketRows
from hftlab.events import COLUMNS, EventBatch


def all_blocks(rows: MarketRows) -> list[Block]:
    """Every block, in their order."""
    blocks: list[Block] = []
    while (block := rows.block(len(blocks))) is not None:
        blocks.append(block)
    return blocks


class GivenRows(MarketRows):
    """Batches, which are not empty and of the same instruments, as blocks."""

    def __init__(self, batches: Iterable[EventBatch], holding: Holding = "orders") -> None:
        self._blocks: list[Block] = []
        self._holding = holding
        reached = arrived = 0
        for batch in batches:
            times = np.maximum(np.maximum.accumulate(np.minimum(batch.ts_event, batch.ts_recv)), reached)
            arrivals = np.maximum(np.maximum.accumulate(batch.ts_recv), arrived)
            self._blocks.append(Block(batch, times, arrivals))
            reached, arrived = times[-1], arrivals[-1]
        self.instruments = self._blocks[0].batch.instruments

    def holds(self, number: int) -> Holding | None:
        return self._holding

    def block(self, number: int) -> Block | None:
        return self._blocks[number] if number < len(self._blocks) else None


def assert_same(one: Block | None, other: Block) -> None:
    """Two blocks have the same rows and times."""
    assert one is not None
    for name in COLUMNS:
        assert (getattr(one.batch, name) == getattr(other.batch, name)).all(), name
    assert (one.times == other.times).all()
    assert (one.arrivals == other.arrivals).all()
