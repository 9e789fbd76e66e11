"""Blocks come in any order, and what is remembered of them is bounded."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.backtest.blocks import RowBlocks, Stretch
from hftlab.clock import NANOSECONDS
from hftlab.errors import ArgumentError
from tests.backtest.recorded_blocks import all_blocks, assert_same
from tests.batches import COIN, Row, make_batch


class Counted(RowBlocks[int]):
    """Blocks of one row each, whose size is their number; `made` counts how many were made."""

    def __init__(self, count: int) -> None:
        super().__init__((COIN,), 0)
        self._last = count
        self.made = 0

    def holds(self, number: int) -> None:
        return None

    def _made(self, state: int) -> Stretch[int] | None:
        self.made += 1
        if state == self._last:
            return None
        return Stretch(make_batch([Row("A", "B", 1, state, time=1 + state % 7)]), state + 1)


def test_in_their_order_each_is_made_once() -> None:
    rows = Counted(100)
    blocks = all_blocks(rows)
    assert [block.batch.size.tolist() for block in blocks] == [[number] for number in range(100)]
    assert rows.made == 101
    assert rows.block(100) is None
    assert rows.block(99) is blocks[99]
    assert rows.made == 101


@given(count=st.integers(0, 100), asked=st.lists(st.integers(0, 120), max_size=20))
def test_any_order_gives_the_same(count: int, asked: list[int]) -> None:
    expected = all_blocks(Counted(count))
    rows = Counted(count)
    for number in asked:
        if number < count:
            assert_same(rows.block(number), expected[number])
        else:
            assert rows.block(number) is None


def test_what_is_remembered_is_bounded_and_spread() -> None:
    rows = Counted(2_000)
    all_blocks(rows)
    assert len(rows._starts) < 40
    assert len(rows._blocks) < 5
    rows.made = 0
    rows.block(999)
    assert rows.made < 2_000 / 15


def test_a_negative_number_is_an_error() -> None:
    with pytest.raises(ArgumentError, match="from 0 on"):
        Counted(3).block(-1)


class Received(RowBlocks[int]):
    """One block of rows, given as the seconds of their events and receptions."""

    def __init__(self, *times: tuple[float, float]) -> None:
        super().__init__((COIN,), 0)
        self._times = np.array(times) * NANOSECONDS

    def holds(self, number: int) -> None:
        return None

    def _made(self, state: int) -> Stretch[int] | None:
        if state == 1:
            return None
        batch = make_batch([Row("A", "B", 1, 1)] * len(self._times))
        events, receptions = self._times.astype(np.int64).T
        return Stretch(replace(batch, ts_event=events.copy(), ts_recv=receptions.copy()), 1)


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([(1, 2), (3, 4)], [1, 3]),
        ([(3, 2), (1, 4), (4, 5)], [2, 2, 4]),  # the venue's clock is fast, and a row late
        ([(100, 160), (0, 161), (0, 162)], [100, 161, 162]),  # of another clock, or without a time of the venue
    ],
)
def test_a_row_is_at_the_venue_before_it_is_received_but_not_long(
    times: list[tuple[float, float]], expected: list[int]
) -> None:
    block = Received(*times).block(0)
    assert block is not None
    assert (block.times // NANOSECONDS).tolist() == expected
