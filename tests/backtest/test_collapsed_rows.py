"""Orders collapsed to levels give the books that the orders give."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.backtest.blocks import RowBlocks, Stretch
from hftlab.backtest.collapsed_rows import CollapsedRows
from hftlab.book import BookSet
from hftlab.events import CLEAR, F_LAST, F_MBP, F_SNAPSHOT, FILL, TRADE, EventBatch
from hftlab.ingest.simulation import exchange_on
from hftlab.venues import lobster
from tests.backtest.recorded_blocks import all_blocks, assert_same
from tests.batches import COIN, SHARE, Row, make_batch
from tests.shared_data import shared_data


class Batches(RowBlocks[int]):
    """Given batches as blocks."""

    def __init__(self, batches: Sequence[EventBatch], held: str = "orders") -> None:
        super().__init__(batches[0].instruments, 0)
        self._batches, self._held = batches, held

    def holds(self, number: int) -> str:  # type: ignore[override]
        return self._held

    def _made(self, state: int) -> Stretch[int] | None:
        return None if state == len(self._batches) else Stretch(self._batches[state], state + 1)


def in_blocks(batch: EventBatch, length: int) -> list[EventBatch]:
    """Cut a batch into pieces of about a length, none of which ends within an event."""
    ends = np.flatnonzero(batch.flags & F_LAST) + 1
    cuts = [
        0,
        *sorted({int(ends[np.searchsorted(ends, at)]) for at in range(length, len(batch) - length, length)}),
        len(batch),
    ]
    return [batch[start:stop] for start, stop in itertools.pairwise(cuts)]


def check(batches: list[EventBatch]) -> EventBatch:
    """Compare all levels after each block, and the trades; returns the collapsed rows."""
    orders, levels = BookSet(), BookSet()
    source, collapsed = Batches(batches), CollapsedRows(Batches(batches))
    made = {int(block.times[-1]): block for block in all_blocks(collapsed)}
    for block in all_blocks(source):
        orders.apply(block.batch)
    for block in made.values():
        levels.apply(block.batch)
    whole = EventBatch.concat([batches[0][:0], *(block.batch for block in made.values())])
    assert not levels.anomalies - orders.anomalies
    for book in orders:
        for side in ("bids", "asks"):
            expected = [level[:2] for level in getattr(book, side)(10_000)]
            got = [level[:2] for level in getattr(levels[book.instrument], side)(10_000)] if len(whole) else []
            assert got == expected
    trades = EventBatch.concat(batches)
    trades = trades.take(trades.action == TRADE)
    kept = whole.take(whole.action == TRADE)
    for name in ("ts_event", "price", "size", "side", "instrument_id"):
        assert (getattr(kept, name) == getattr(trades, name)).all()
    return whole


def same_tops(batches: list[EventBatch], depth: int) -> int:
    """Compare the best levels behind each event that has changed any; returns the number of such events."""
    orders, levels = BookSet(), BookSet()
    rows = CollapsedRows(Batches(batches))
    compared = 0
    for number, batch in enumerate(batches):
        block = rows.block(number)
        assert block is not None
        fine, coarse = orders.trace(batch, depth), levels.trace(block.batch, depth)
        place = np.searchsorted(batch.sequence[fine.rows], block.batch.sequence[coarse.rows])
        for name in ("bid_ticks", "bid_lots", "ask_ticks", "ask_lots"):
            assert (getattr(fine, name)[place] == getattr(coarse, name)).all(), name
        compared += len(place)
    return compared


class TestRealAndSimulatedDays:
    def test_amazons_day(self) -> None:
        path = shared_data("lobster/LOBSTER_SampleFile_AMZN_2012-06-21_5.zip")
        batch = EventBatch.concat(lobster.read(path))
        assert (np.diff(batch.sequence[batch.flags & F_LAST != 0]) > 0).all()
        assert same_tops(in_blocks(batch, 20_000), 5) > 100_000
        check(in_blocks(batch, 20_000))

    def test_a_simulated_day(self) -> None:
        exchange = exchange_on("2026-01-02", 7, ["AAPL", "TSLA"])
        batches = [segment.events for segment in exchange.segments(20)]
        whole = check(batches)
        assert len(whole) > 1_000
        assert FILL not in whole.action

    def test_any_block_can_be_had_at_any_time(self) -> None:
        exchange = exchange_on("2026-01-02", 7, ["AAPL", "TSLA"])
        batches = in_blocks(EventBatch.concat(segment.events for segment in exchange.segments(20)), 100)
        blocks = all_blocks(CollapsedRows(Batches(batches)))
        assert len(blocks) > 10
        rows = CollapsedRows(Batches(batches))
        for number in np.random.default_rng(1).permutation(len(blocks)).tolist():
            assert_same(rows.block(number), blocks[number])


@given(
    st.lists(
        st.builds(
            Row,
            action=st.sampled_from("AACMMTFRN"),
            side=st.sampled_from("BAN"),
            ticks=st.integers(1, 4),
            lots=st.integers(0, 3),
            flags=st.sampled_from([0, F_LAST]),
            instrument=st.integers(0, 1),
            order=st.integers(1, 4),
            off_tick=st.sampled_from([0, 0, 0, 1]),
            time=st.just(0),
        ),
        min_size=1,
        max_size=60,
    )
)
def test_any_rows(rows: list[Row]) -> None:
    """Orders that are not there, prices off the tick and all else that does not fit."""
    check([make_batch(rows, [COIN, SHARE])])


class TestRows:
    def collapsed(self, *rows: Row) -> list[tuple[str, str, int, int, int]]:
        batch = EventBatch.concat(block.batch for block in all_blocks(CollapsedRows(Batches([make_batch(rows)]))))
        columns = (batch.action, batch.side, batch.price // COIN.tick, batch.size, batch.flags)
        return [
            (chr(action), chr(side), price, size, flags)
            for action, side, price, size, flags in zip(*(column.tolist() for column in columns), strict=True)
        ]

    def test_totals(self) -> None:
        got = self.collapsed(
            Row("A", "B", 10, 5, F_LAST, order=1),
            Row("A", "B", 10, 3, F_LAST, order=2),
            Row("M", "B", 9, 4, F_LAST, order=1),
            Row("M", "B", 9, 4, F_LAST, order=1),
            Row("C", "B", 10, 3, F_LAST, order=2),
        )
        last = F_LAST | F_MBP
        assert got == [
            ("A", "B", 10, 5, last),
            ("M", "B", 10, 8, last),
            ("M", "B", 10, 3, F_MBP),
            ("A", "B", 9, 4, last),
            ("C", "B", 10, 0, last),
        ]

    def test_an_event_ends_with_what_is_left_of_it(self) -> None:
        got = self.collapsed(
            Row("A", "A", 10, 5, F_LAST, order=1),
            Row("N", flags=F_LAST),
            Row("T", "B", 10, 2, 0),
            Row("C", "A", 10, 2, 0, order=1),
            Row("F", "A", 10, 2, F_LAST, order=1),
        )
        last = F_LAST | F_MBP
        assert got == [("A", "A", 10, 5, last), ("T", "B", 10, 2, 0), ("M", "A", 10, 3, last)]

    def test_a_cleared_book_and_rows_of_levels(self) -> None:
        got = self.collapsed(
            Row("A", "A", 10, 5, F_LAST, order=1),
            Row("R", flags=F_SNAPSHOT | F_LAST),
            Row("A", "A", 10, 5, F_LAST, order=1),
        )
        assert got[1] == (chr(CLEAR), "N", 0, 0, F_SNAPSHOT | F_LAST)
        assert got[2] == got[0]
        assert self.collapsed(Row("A", "A", 10, 5)) == [("A", "A", 10, 5, F_LAST | F_MBP)]


def test_times_are_those_of_the_rows_that_they_are_made_of() -> None:
    rows = [
        Row("A", "B", 10, 5, F_LAST, order=1, time=1),
        Row("F", "B", 10, 5, F_LAST, order=1, time=9),
        Row("C", "B", 10, 5, F_LAST, order=1, time=3),
    ]
    (block,) = all_blocks(CollapsedRows(Batches([make_batch(rows)])))
    assert (block.times // 10**6).tolist() == [1, 9]


@pytest.mark.parametrize(("held", "seen"), [("orders", "levels"), ("levels", "levels"), ("top", "top")])
def test_orders_are_held_as_levels(held: str, seen: str) -> None:
    rows = CollapsedRows(Batches([make_batch([Row("A", "B", 1, 1)])], held))
    assert rows.holds(0) == seen
