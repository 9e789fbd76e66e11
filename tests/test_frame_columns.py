"""Columns of frames in every type that polars and pandas have, and in texts that are not what they should be."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from hftlab.errors import EventError
from hftlab.events import EventBatch
from hftlab.instruments import UNIT

NOON = 1_700_000_000 * 10**9
COLUMNS: dict[str, list[Any]] = {
    "time": [NOON, NOON],
    "action": ["A", "C"],
    "side": ["B", "B"],
    "price": [175, 176],
    "size": [100, 200],
    "order_id": [7, 8],
}


def frame(**changed: Any) -> pl.DataFrame:
    return pl.DataFrame(COLUMNS | changed)


def batch(table: Any = None, columns: dict[str, Any] | None = None, **changed: Any) -> EventBatch:
    return EventBatch.from_frame(frame(**changed) if table is None else table, columns, instrument="AAPL")


NUMBERS = [
    pl.Int8, pl.Int16, pl.Int32, pl.UInt8, pl.UInt32, pl.UInt64, pl.Int128, pl.Float32, pl.Float64, pl.Decimal(12, 3),
    pl.String,
]  # fmt: skip


@pytest.mark.parametrize("dtype", NUMBERS, ids=str)
def test_prices_and_sizes_of_every_type_of_number(dtype: Any) -> None:
    found = batch(price=pl.Series([100, 101]).cast(dtype), size=pl.Series([10, 20]).cast(dtype))
    assert found.price.tolist() == [100 * UNIT, 101 * UNIT]
    assert found.size.tolist() == [10, 20]


@pytest.mark.parametrize("dtype", [pl.Categorical, pl.Enum(["10", "20"])], ids=["Categorical", "Enum"])
def test_categories_are_read_as_their_texts(dtype: Any) -> None:
    values = pl.Series(["10", "20"], dtype=dtype)
    found = batch(price=values, size=values, order_id=values)
    assert found.price.tolist() == [10 * UNIT, 20 * UNIT]
    assert (found.size.tolist(), found.order_id.tolist()) == ([10, 20], [10, 20])


@pytest.mark.parametrize(
    "values",
    [[True, False], [b"1", b"2"], [dt.date(2026, 1, 2)] * 2, [dt.timedelta(1)] * 2, [dt.time(9)] * 2, [[1], [2]]],
    ids=lambda values: type(values[0]).__name__,
)
@pytest.mark.parametrize("name", ["price", "size", "order_id", "time"])
def test_what_is_not_a_number_is_refused_by_its_type(name: str, values: list[Any]) -> None:
    wanted = "ts_event" if name == "time" else name
    with pytest.raises(EventError, match=f"column {wanted} is "):
        batch(**{name: values})


def test_expressions_go_with_columns_that_are_found_by_their_names() -> None:
    found = batch(None, {"price": pl.col("price") / 100, "size": pl.lit(5)})
    assert found.price.tolist() == [UNIT * 175 // 100, UNIT * 176 // 100]
    assert found.size.tolist() == [5, 5]


@pytest.mark.parametrize("expression", [pl.col("nope"), pl.col("price").head(1).append(pl.lit(1)).append(pl.lit(1))])
def test_expressions_that_cannot_be_computed(expression: pl.Expr) -> None:
    with pytest.raises(EventError, match="an expression in columns cannot be computed"):
        batch(None, {"price": expression})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"price": ["1", "1,000.5"]}, "column price has '1,000.5' in row 1, which is not a number"),
        ({"size": ["x", "1"]}, "column size has 'x' in row 0, which is not a number"),
        ({"side": [1.0, 0.5]}, "column side has '0.5' in row 1, which is not known"),
        ({"side": [1.0, float("nan")]}, "column side has 'NaN' in row 1"),
        ({"side": [["B"], ["A"]]}, "column side is List"),
        ({"time": ["2026-01-02T10:00:00", "noon"]}, "column ts_event has 'noon' in row 1, which is not a time"),
        ({"time": [1.7e9, float("nan")]}, "column ts_event has nan in row 1"),
        (
            {"time": [dt.datetime(2026, 1, 2), dt.datetime(1600, 1, 1)]},
            "has 1600-01-01 00:00:00 in row 1, beyond int64",
        ),
    ],
)
def test_the_row_that_is_wrong_is_named(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(EventError, match=message):
        batch(**changed)


@pytest.mark.parametrize("unit", [float("nan"), float("inf"), 1e300, "0.01", None, -1, 1e-10])
def test_units_that_cannot_be(unit: Any) -> None:
    with pytest.raises(EventError, match=r"price_unit is .*: give a positive multiple of 1e-9"):
        EventBatch.from_frame(frame(), instrument="AAPL", price_unit=unit)


@pytest.mark.parametrize("unit", [1e-9, 0.0001, 0.25, 4.1, 64.3, 100])
def test_every_multiple_of_the_smallest_unit_is_taken(unit: float) -> None:
    """4.1 times 1e9 is not a whole number of doubles."""
    found = EventBatch.from_frame(frame(price=[3, 7]), instrument="AAPL", price_unit=unit)
    assert found.price.tolist() == [int(price * Decimal(str(unit)) * UNIT) for price in (3, 7)]


def test_decimal_seconds_keep_their_nanoseconds() -> None:
    """As a database has them; a double of this size tells about 0.2 µs apart."""
    times = pl.Series(["1700000000.123456789", "1700000000.123456790"]).cast(pl.Decimal(20, 9))
    assert batch(time=times).ts_event.tolist() == [NOON + 123456789, NOON + 123456790]


def test_codes_are_translated_also_as_floats() -> None:
    """Integers beside an empty value are floats in pandas."""
    found = EventBatch.from_frame(frame(action=[1.0, 3.0]), instrument="AAPL", actions={1.0: "A", 3: "C"})
    assert found.action.tolist() == list(b"AC")


def test_times_beyond_int64_in_their_unit_are_refused() -> None:
    with pytest.raises(EventError, match=f"column ts_event has {NOON} in row 0, in s beyond int64 ns"):
        EventBatch.from_frame(frame(), instrument="AAPL", time_unit="s")


def test_decimals_are_rounded_to_the_nearest() -> None:
    found = batch(price=[Decimal("1.0000000019"), Decimal("1.0000000011")])
    assert found.price.tolist() == [UNIT + 2, UNIT + 1]


def test_texts_that_are_the_same_number_are_two_orders() -> None:
    assert batch(order_id=["1", "01"]).order_id.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"columns": ["price"]}, "columns is list: give a dictionary"),
        ({"actions": ["A"]}, "actions is list: give a dictionary"),
        ({"instrument": 5}, "instrument is 5: give a symbol"),
        ({"instrument": []}, r"instrument is \[\]: give a symbol"),
        ({"instrument": ["AAPL"]}, r"instrument is \['AAPL'\]: give a symbol"),
    ],
)
def test_arguments_of_another_type(options: dict[str, Any], message: str) -> None:
    with pytest.raises(EventError, match=message):
        EventBatch.from_frame(frame(), **{"instrument": "AAPL", **options})


def test_columns_of_one_name_are_said() -> None:
    double = pa.Table.from_arrays([pa.array([1])] * 2, names=["price", "price"])
    with pytest.raises(EventError, match=r"Table is not a table that can be read .*price"):
        batch(double)
    with pytest.raises(EventError, match=r"nothing that is ts_event, .* columns=\{'ts_event': 'when'\}"):
        batch(pl.DataFrame())


def test_columns_of_mixed_types_are_said() -> None:
    pandas = pytest.importorskip("pandas")
    with pytest.raises(EventError, match=r"DataFrame is not a table that can be read .*'x'"):
        batch(pandas.DataFrame(COLUMNS | {"price": [1, "x"]}))
