"""Grids: their points in order, and names that are the strategy's or the backtest's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hftlab as hl
from hftlab.errors import ArgumentError, ArgumentTypeError
from hftlab.sweeps.grid import Point, points_of
from hftlab.sweeps.subject import Subject
from tests.sweeps.strategies import Joiner, maker


class Seeded(hl.Strategy):
    """One with a parameter that a backtest has as well."""

    def __init__(self, seed: int = 0, **others: Any) -> None:
        self.seed = seed


def test_a_mapping_is_a_product_whose_last_name_changes_first() -> None:
    points = points_of({"ticks": range(2), "fill": ["log", None], "size": np.array([1, 2])}, Subject(Joiner))
    assert len(points) == 8
    assert points[1] == Point({"ticks": 0, "fill": "log", "size": 2}, {"ticks": 0, "size": 2}, {"fill": "log"})
    assert type(points[1].parameters["size"]) is int
    assert [point.values["ticks"] for point in points] == [0] * 4 + [1] * 4


def test_a_list_of_dicts_is_its_points() -> None:
    points = points_of([{"ticks": 1}, {"lots": 2, "backtest.seed": 3}], Subject(maker))
    assert [point.parameters for point in points] == [{"ticks": 1}, {"lots": 2}]
    assert points[1].arguments == {"seed": 3}


@pytest.mark.parametrize("grid", [None, {}])
def test_no_grid_is_one_point(grid: Any) -> None:
    assert points_of(grid, Subject(Joiner)) == [Point({}, {}, {})]


def test_a_name_of_both_is_written_with_its_home() -> None:
    with pytest.raises(
        ArgumentError, match=r"'seed' is a parameter of .*:Seeded and an argument of the backtest: write"
    ):
        points_of({"seed": [1]}, Subject(Seeded))
    (point,) = points_of({"strategy.seed": [1], "backtest.seed": [2], "anything": [3]}, Subject(Seeded))
    assert point == Point(
        {"strategy.seed": 1, "backtest.seed": 2, "anything": 3}, {"seed": 1, "anything": 3}, {"seed": 2}
    )


@pytest.mark.parametrize(
    ("grid", "said"),
    [
        ({"tick": [1]}, r"Joiner has no parameter 'tick' \(nearest: 'ticks'\): it has size, ticks, fault; arguments"),
        ({"latencies": [1]}, r"nearest: 'latency'"),
        ({"backtest.cahs": [1]}, r"a backtest has no parameter 'cahs' \(nearest: 'cash'\)"),
        ({"strategy.latency": [1]}, "no parameter 'latency'"),
        ({"ticks": []}, "'ticks' has no values"),
        ({"ticks": 3}, r"'ticks' is 3, which is not a list of values: to give it one value write \[3\]"),
        ({"fill": "log"}, "'fill' is 'log', which is not a list"),
        ({3: [1]}, "the name 3 is not a text"),
        ({"ticks": np.array(3)}, r"'ticks' is array\(3\), which is not a list"),
        ({"ticks": [1], "strategy.ticks": [2]}, r"grid: 'ticks' and 'strategy\.ticks' are the same: leave one"),
        ([], "the grid is empty"),
        ("ticks", "grid is 'ticks': give lists of values by name"),
        ([1], r"grid is \[1\]"),
        (7, "grid is 7"),
    ],
)
def test_what_is_not_a_grid(grid: Any, said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        points_of(grid, Subject(Joiner))


def test_what_is_given_to_all_runs_is_not_in_the_grid() -> None:
    with pytest.raises(ArgumentError, match=r"'strategy\.ticks' is in the grid and given as well"):
        points_of({"strategy.ticks": [1]}, Subject(Joiner), ["strategy.ticks"])
    with pytest.raises(ArgumentError, match="'fill' is in the grid and given as well"):
        points_of({"fill": ["log"]}, Subject(Joiner), ["backtest.fill"])


def test_types_of_errors() -> None:
    with pytest.raises(ArgumentTypeError):
        points_of({"ticks": 3}, Subject(Joiner))


def test_times_of_numpy_stay_what_they_are() -> None:
    (point,) = points_of({"ticks": np.array([5], "timedelta64[ns]")}, Subject(Joiner))
    assert point.parameters["ticks"] == np.timedelta64(5, "ns")
    assert isinstance(point.parameters["ticks"], np.timedelta64)
