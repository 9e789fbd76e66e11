"""Several markets' rows as one market, in the order of the venues' time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from hftlab.backtest.blocks import Block, Holding, MarketRows, RowBlocks, Stretch
from hftlab.errors import ArgumentError
from hftlab.events import F_LAST, EventBatch
from hftlab.kernels.compiling import IntArray

__all__ = ["MergedRows"]


class _Place(NamedTuple):
    """Place of a source: its block, and the row in it."""

    block: int
    row: int


class MergedRows(RowBlocks[tuple[_Place, ...]]):
    """Rows of several sources with the same instruments, event by event in the order of the times of their last rows.

    Events of one time come in the order of the sources. Raises ArgumentError for sources of other instruments.
    """

    def __init__(self, sources: Sequence[MarketRows]) -> None:
        if any(one.instruments != sources[0].instruments for one in sources):
            raise ArgumentError("sources of other instruments cannot be merged: give all of them the same ones")
        super().__init__(sources[0].instruments, (_Place(0, 0),) * len(sources))
        self._sources = list(sources)

    def holds(self, number: int) -> Holding | None:
        """Return what the sources tell of an instrument's book; None if there are no rows of it."""
        return next((found for one in self._sources if (found := one.holds(number)) is not None), None)

    def _made(self, state: tuple[_Place, ...]) -> Stretch[tuple[_Place, ...]] | None:
        pieces: list[tuple[Block, IntArray, int]] = []
        places = list(state)
        for number, place in enumerate(state):
            block = self._sources[number].block(place.block)
            if block is not None:
                pieces.append((block, _event_times(block), number))
        if not pieces:
            return None
        # Beyond the first end of a block there may be earlier rows in the next one.
        until = min(int(times[-1]) for _, times, _ in pieces)
        batches, keys = [], []
        for block, times, number in pieces:
            start = places[number].row
            stop = max(start, int(np.searchsorted(times, until, side="right")))
            batches.append(block.batch[start:stop])
            keys.append(times[start:stop])
            behind = _Place(places[number].block + 1, 0)
            places[number] = behind if stop == len(times) else _Place(places[number].block, stop)
        order = np.argsort(np.concatenate(keys), kind="stable")
        return Stretch(EventBatch.concat(batches).take(order), tuple(places))


def _event_times(block: Block) -> IntArray:
    """Return for each row the time of the last row of its event."""
    ends = np.flatnonzero(block.batch.flags & F_LAST)
    if not len(ends) or ends[-1] != len(block.times) - 1:
        ends = np.append(ends, len(block.times) - 1)
    return np.repeat(block.times[ends], np.diff(ends, prepend=-1))
