"""A line in fewer points keeps its ends and all that a screen would show of it."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.analysis.decimation import decimated


def table(*columns: list[float | None]) -> pl.DataFrame:
    named = {f"c{place}": column for place, column in enumerate(columns)}
    return pl.DataFrame({"at": range(len(columns[0]))} | named, schema_overrides=dict.fromkeys(named, pl.Float64))


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=300), st.integers(4, 60))
def test_extremes_and_ends_stay(values: list[float], points: int) -> None:
    rows = table(values)
    kept = decimated(rows, ["c0"], points)
    assert kept.height <= max(points, 4)
    assert kept["at"].is_sorted()
    assert (kept["c0"].min(), kept["c0"].max()) == (min(values), max(values))
    assert (kept["at"][0], kept["at"][-1]) == (0, len(values) - 1)
    assert kept.join(rows, on=["at", "c0"], how="anti").is_empty()


def test_every_peak_of_its_run_stays() -> None:
    values = [float(place == 137) - float(place == 911) for place in range(1000)]
    kept = decimated(table(values), ["c0"], 40)
    assert {137, 911} <= set(kept["at"])


def test_every_column_has_its_extremes() -> None:
    one = [float(place == 10) for place in range(100)]
    other = [-float(place == 20) for place in range(100)]
    assert {10, 20} <= set(decimated(table(one, other), ["c0", "c1"], 12)["at"])


def test_what_is_short_enough_stays_as_it_is() -> None:
    rows = table([3.0, 1.0, 2.0])
    assert decimated(rows, ["c0"], 3).equals(rows)
    assert decimated(rows[:0], ["c0"], 3).is_empty()


def test_a_run_without_values_keeps_its_ends() -> None:
    values: list[float | None] = [None] * 50 + [float(place) for place in range(50)]
    kept = decimated(table(values), ["c0"], 8)
    assert kept["at"].to_list() == [0, 49, 50, 99]


def test_no_points_is_refused() -> None:
    with pytest.raises(ValueError, match="points must be at least 1, got 0"):
        decimated(table([1.0]), ["c0"], 0)
