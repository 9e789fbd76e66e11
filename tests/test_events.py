from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.errors import EventError
from hftlab.events import ADD, ASK, BID, CLEAR, COLUMNS, F_LAST, F_MBP, F_SNAPSHOT, NO_SIDE, EventBatch
from tests.batches import COIN, SHARE, Row, make_batch


@pytest.fixture
def batch() -> EventBatch:
    rows = [Row("R"), Row("A", "B", 100, 5), Row("A", "A", 101, 6, instrument=1), Row("T", "B", 101, 1)]
    return make_batch(rows, (COIN, SHARE))


def columns_of(batch: EventBatch) -> dict[str, Any]:
    return {name: getattr(batch, name) for name in COLUMNS}


def assert_same(left: EventBatch, right: EventBatch) -> None:
    assert left.instruments == right.instruments
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(left, name), getattr(right, name), strict=True)


def rebuilt(batch: EventBatch, **changed: Any) -> EventBatch:
    return EventBatch(**{**columns_of(batch), "instruments": batch.instruments, **changed})


class TestConstants:
    def test_are_databentos(self) -> None:
        assert (chr(ADD), chr(CLEAR), chr(BID), chr(ASK), chr(NO_SIDE)) == ("A", "R", "B", "A", "N")
        assert (F_LAST, F_SNAPSHOT, F_MBP) == (1 << 7, 1 << 5, 1 << 4)


class TestColumns:
    def test_have_the_declared_types_and_cannot_be_written(self, batch: EventBatch) -> None:
        for name, dtype in COLUMNS.items():
            column = getattr(batch, name)
            assert column.dtype == dtype
            with pytest.raises(ValueError, match="read-only"):
                column[0] = 1

    def test_share_the_memory_of_fitting_arrays(self, batch: EventBatch) -> None:
        price = np.array([1, 2, 3, 4])
        assert np.shares_memory(rebuilt(batch, price=price).price, price)
        assert price.flags.writeable

    def test_other_integers_are_converted_if_every_value_survives(self, batch: EventBatch) -> None:
        assert rebuilt(batch, size=np.array([1, 2, 3, 4], np.uint8)).size.tolist() == [1, 2, 3, 4]
        with pytest.raises(EventError, match="column flags has 300 in row 2"):
            rebuilt(batch, flags=[0, 0, 300, 0])
        with pytest.raises(EventError, match="column order_id has -1 in row 1"):
            rebuilt(batch, order_id=[0, -1, 0, 0])

    @pytest.mark.parametrize(
        ("name", "values", "reason"),
        [
            ("price", [1.5, 2.0, 3.0, 4.0], "is float64: give integers"),
            ("price", [[1, 2, 3, 4]], "has 2 dimensions"),
            ("size", [1, 2, 3], "has 3 rows and ts_event 4"),
            ("size", [1, 2, 3, -4], "has -4 in row 3: give 0 or more lots"),
            ("action", [65, 66, 65, 65], "has 66 in row 1: give one of A C M R T F N"),
            ("side", [65, 66, 78, 0], "has 0 in row 3: give one of B A N"),
            ("instrument_id", [0, 1, 2, 0], "has 2 in row 2: give an index of the 2 instruments"),
            ("instrument_id", [0, -1, 1, 0], "has -1 in row 1: give an index"),
        ],
    )
    def test_an_error_names_the_column(self, batch: EventBatch, name: str, values: list[Any], reason: str) -> None:
        with pytest.raises(EventError, match=f"column {name} {reason}"):
            rebuilt(batch, **{name: values})


class TestSlices:
    def test_share_memory(self, batch: EventBatch) -> None:
        part = batch[1:3]
        assert len(part) == 2
        assert np.shares_memory(part.price, batch.price)
        assert part.price.tolist() == batch.price[1:3].tolist()

    def test_with_a_step_are_contiguous_again(self, batch: EventBatch) -> None:
        assert batch[::2].price.flags.c_contiguous
        assert batch[::-1].price.tolist() == batch.price.tolist()[::-1]

    def test_single_rows_are_no_batches(self, batch: EventBatch) -> None:
        with pytest.raises(TypeError, match="indexed by slices, not by int"):
            batch[1]  # type: ignore[index]

    def test_concat_puts_them_together_again(self, batch: EventBatch) -> None:
        assert_same(EventBatch.concat([batch[:1], batch[1:]]), batch)


class TestSorting:
    @given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3)), max_size=40))
    def test_is_by_time_then_sequence_and_stable(self, keys: list[tuple[int, int]]) -> None:
        rows = [Row("A", "B", number + 1, 1, time=time) for number, (time, _) in enumerate(keys)]
        shuffled = rebuilt(make_batch(rows), sequence=np.array([sequence for _, sequence in keys], np.int64))
        expected = sorted(range(len(keys)), key=lambda row: keys[row])
        assert_same(shuffled.sorted(), shuffled.take(np.array(expected, np.int64)))

    def test_of_what_is_sorted_copies_nothing(self, batch: EventBatch) -> None:
        assert batch.sorted() is batch
        assert len(batch[:0].sorted()) == 0

    def test_merges_two_venues(self) -> None:
        coin = make_batch([Row("A", "B", 1, 1, time=1), Row("A", "B", 2, 1, time=5)], (COIN,))
        share = make_batch([Row("A", "B", 3, 1, time=3)], (SHARE,))
        merged = EventBatch.concat([coin, share]).sorted()
        assert merged.instrument_id.tolist() == [0, 1, 0]
        assert merged.ts_event.tolist() == [1_000_000, 3_000_000, 5_000_000]

    def test_a_mask_takes_rows(self, batch: EventBatch) -> None:
        assert batch.take(batch.action == ADD).size.tolist() == [5, 6]


class TestConcat:
    def test_numbers_the_instruments_anew(self) -> None:
        coin = make_batch([Row("A", "B", 1, 1)], (COIN,))
        both = make_batch([Row("A", "B", 2, 1), Row("A", "B", 3, 1, instrument=1)], (SHARE, COIN))
        joined = EventBatch.concat([coin, both])
        assert joined.instruments == (COIN, SHARE)
        assert joined.instrument_id.tolist() == [0, 1, 0]
        assert joined.instrument_id.dtype == np.int32

    def test_of_nothing_is_empty(self) -> None:
        empty = EventBatch.concat([])
        assert len(empty) == 0
        assert empty.instruments == ()


class TestArrow:
    def test_round_trip_copies_nothing(self, batch: EventBatch) -> None:
        again = EventBatch.from_arrow(batch.to_arrow())
        assert_same(again, batch)
        for name in COLUMNS:
            assert np.shares_memory(getattr(again, name), getattr(batch, name)), name

    def test_several_chunks_are_joined(self, batch: EventBatch) -> None:
        table = pa.concat_tables([batch[:2].to_arrow(), batch[2:].to_arrow()])
        assert_same(EventBatch.from_arrow(table), batch)

    def test_an_empty_batch_survives(self, batch: EventBatch) -> None:
        assert_same(EventBatch.from_arrow(batch[:0].to_arrow()), batch[:0])

    def test_a_missing_column_is_named(self, batch: EventBatch) -> None:
        with pytest.raises(EventError, match="column order_id is missing"):
            EventBatch.from_arrow(batch.to_arrow().drop_columns(["order_id"]))

    def test_a_column_with_nulls_is_named(self, batch: EventBatch) -> None:
        table = batch.to_arrow()
        holed = table.set_column(table.column_names.index("size"), "size", pa.array([1, None, 3, 4], pa.int64()))
        with pytest.raises(EventError, match="column size has 1 empty values"):
            EventBatch.from_arrow(holed)

    def test_text_is_refused(self, batch: EventBatch) -> None:
        table = batch.to_arrow()
        lettered = table.set_column(table.column_names.index("action"), "action", pa.array(list("RAAT")))
        with pytest.raises(EventError, match="column action is object: give integers"):
            EventBatch.from_arrow(lettered)

    def test_unknown_instruments_must_be_given(self, batch: EventBatch) -> None:
        table = batch.to_arrow().replace_schema_metadata(None)
        with pytest.raises(EventError, match="pass `instruments`"):
            EventBatch.from_arrow(table)
        assert_same(EventBatch.from_arrow(table, batch.instruments), batch)


class TestPolars:
    def test_round_trip_copies_nothing(self, batch: EventBatch) -> None:
        frame = batch.to_polars()
        again = EventBatch.from_polars(frame, batch.instruments)
        assert_same(again, batch)
        for name in COLUMNS:
            assert np.shares_memory(getattr(again, name), getattr(batch, name)), name

    def test_a_filtered_frame_is_a_batch(self, batch: EventBatch) -> None:
        adds = batch.to_polars().filter(pl.col("action") == ADD)
        assert EventBatch.from_polars(adds, batch.instruments).size.tolist() == [5, 6]


def test_repr_counts_rows_and_names_symbols(batch: EventBatch) -> None:
    assert repr(batch) == "EventBatch(4 rows of COIN, SHARE)"
