"""Rows of several sources as one market, against a sort of all their events."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.backtest.blocks import RowBlocks, Stretch
from hftlab.backtest.merged_rows import MergedRows
from hftlab.errors import ArgumentError
from hftlab.events import F_LAST, EventBatch
from hftlab.instruments import Instrument
from tests.backtest.recorded_blocks import all_blocks, assert_same
from tests.batches import COIN, SHARE, Row, make_batch

Events = list[list[int]]
"""Events, each the times (ms) of its rows."""


class Listed(RowBlocks[int]):
    """Rows of given events of one instrument, two events a block."""

    def __init__(self, events: Events, number: int, instruments: tuple[Instrument, ...] = (COIN, SHARE)) -> None:
        super().__init__(instruments, 0)
        self._events, self._number = events, number

    def holds(self, number: int) -> None:
        return None

    def _made(self, state: int) -> Stretch[int] | None:
        some = self._events[state : state + 2]
        if not some:
            return None
        rows = [
            Row("N", "N", 0, place, F_LAST if place + 1 == len(event) else 0, self._number, time)
            for event in some
            for place, time in enumerate(event)
        ]
        return Stretch(make_batch(rows, self.instruments), state + 2)


def events() -> st.SearchStrategy[Events]:
    times = st.lists(st.integers(1, 30), min_size=1, max_size=12).map(sorted)
    return st.lists(st.integers(1, 3), max_size=12).flatmap(
        lambda sizes: times.map(
            lambda drawn: [drawn[at : at + 1 + len(sizes) % 3] for at in range(0, len(drawn), 1 + len(sizes) % 3)]
        )
    ) | st.just([])


@given(first=events(), second=events())
def test_events_come_whole_in_the_order_of_their_ends(first: Events, second: Events) -> None:
    blocks = all_blocks(MergedRows([Listed(first, 0), Listed(second, 1)]))
    tagged = [
        (event[-1], number, place, event)
        for number, one in enumerate((first, second))
        for place, event in enumerate(one)
    ]
    rows = [(number, time) for _, number, _, event in sorted(tagged, key=lambda one: one[0]) for time in event]
    batch = EventBatch.concat(block.batch for block in blocks)
    got = list(zip(batch.instrument_id.tolist(), (batch.ts_event // 10**6).tolist(), strict=True))
    assert sorted(got) == sorted(rows)
    ends = batch.ts_event[batch.flags & F_LAST != 0]
    assert (np.diff(ends) >= 0).all()
    starts = np.flatnonzero(np.append(True, batch.flags[:-1] & F_LAST != 0)) if len(batch) else []
    for start, stop in zip(starts, [*starts[1:], len(batch)], strict=False):
        assert len(set(batch.instrument_id[start:stop].tolist())) == 1
    times = [time for block in blocks for time in block.times.tolist()]
    assert times == sorted(times)


@given(first=events(), second=events(), seed=st.integers(0, 9))
def test_any_block_can_be_had_at_any_time(first: Events, second: Events, seed: int) -> None:
    blocks = all_blocks(MergedRows([Listed(first, 0), Listed(second, 1)]))
    rows = MergedRows([Listed(first, 0), Listed(second, 1)])
    for number in np.random.default_rng(seed).permutation(len(blocks)).tolist():
        assert_same(rows.block(number), blocks[number])


def test_events_of_one_time_come_in_the_order_of_the_sources() -> None:
    (block,) = all_blocks(MergedRows([Listed([[5]], 1), Listed([[5]], 0)]))
    assert block.batch.instrument_id.tolist() == [1, 0]


def test_all_need_the_same_instruments() -> None:
    with pytest.raises(ArgumentError, match="same"):
        MergedRows([Listed([], 0), Listed([], 0, (COIN,))])
