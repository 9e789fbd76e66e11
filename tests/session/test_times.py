from __future__ import annotations

from fractions import Fraction

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from hftlab.clock import from_milliseconds
from hftlab.session.times import to_ms, to_ns
from tests.strategies import any_timestamps, timestamps


def column(values: list[float] | list[int], expression: pl.Expr) -> list[float]:
    return pl.DataFrame({"t": values}).select(expression)["t"].to_list()


@given(st.lists(timestamps(), min_size=1, max_size=20))
def test_times_with_three_decimals_survive(times: list[float]) -> None:
    """polars divides a single row and many rows in different ways; both must be exact."""
    assert column(column(times, to_ns(pl.col("t"))), to_ms(pl.col("t"))) == times


@given(st.lists(any_timestamps(), min_size=1, max_size=20))
def test_a_column_is_converted_as_single_times_are(times: list[float]) -> None:
    """Columns and hftlab.clock agree, except that no time becomes 0."""
    assert column(times, to_ns(pl.col("t"))) == [max(1, from_milliseconds(ms)) for ms in times]


@given(st.lists(st.integers(1, 2**63 - 1), min_size=1, max_size=20))
def test_nanoseconds_become_the_nearest_milliseconds(times: list[int]) -> None:
    """Exact arithmetic is the reference, to the last place of a double."""
    for ns, ms in zip(times, column(times, to_ms(pl.col("t"))), strict=True):
        exact = Fraction(ns, 1_000_000)
        assert abs(Fraction(ms) - exact) <= exact * Fraction(1, 2**52)


def test_absent_times_stay_absent() -> None:
    frame = pl.DataFrame({"t": [None, 1.5, None]})
    there = frame.select(to_ns(pl.col("t")))
    assert there["t"].to_list() == [None, 1_500_000, None]
    assert there.select(to_ms(pl.col("t"))).equals(frame)
