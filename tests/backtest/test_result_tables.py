"""Integers of 1e-9, decimals and doubles are the same numbers."""

from __future__ import annotations

from decimal import Decimal

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from hftlab.backtest.result_tables import EXACT, RAW, TIMES, exact_table, from_units, half_even, to_units
from hftlab.trading.money import round_half_even

MOST = 10**27


@given(st.lists(st.integers(-MOST, MOST), min_size=1, max_size=5))
def test_units_are_decimals_and_back(units: list[int]) -> None:
    table = pl.DataFrame({"units": pl.Series(units, dtype=pl.Int128)})
    decimals = table.select(from_units(pl.col("units")))
    assert decimals["units"].to_list() == [Decimal(one).scaleb(-9) for one in units]
    assert decimals.select(to_units(pl.col("units")))["units"].to_list() == units


@given(st.lists(st.tuples(st.integers(-(10**36), 10**36), st.integers(1, 10**18)), min_size=1, max_size=5))
def test_rounding_is_that_of_money(pairs: list[tuple[int, int]]) -> None:
    table = pl.DataFrame(pairs, schema={"a": pl.Int128, "b": pl.Int128}, orient="row")
    found = table.select(half_even(pl.col("a"), pl.col("b")))["a"].to_list()
    assert found == [round_half_even(numerator, denominator) for numerator, denominator in pairs]


@given(st.integers(-50, 50), st.integers(1, 8))
def test_halves_go_to_the_even(numerator: int, denominator: int) -> None:
    table = pl.DataFrame({"a": pl.Series([numerator], dtype=pl.Int128)})
    assert table.select(half_even(pl.col("a"), denominator)).item() == round_half_even(numerator, denominator)


def test_every_table_has_a_time_to_sort_by() -> None:
    assert set(TIMES) == set(EXACT) == set(RAW)
    assert all(TIMES[name] in schema for name, schema in EXACT.items())


def test_rows_of_one_time_keep_their_order() -> None:
    raw = pl.DataFrame([(5, "b", 1), (1, "c", 2), (5, "a", 3)], schema=RAW["queue"], orient="row")
    assert exact_table("queue", raw, "day").rows() == [
        ("day", 1, "c", Decimal("2e-9")), ("day", 5, "b", Decimal("1e-9")), ("day", 5, "a", Decimal("3e-9")),
    ]  # fmt: skip
