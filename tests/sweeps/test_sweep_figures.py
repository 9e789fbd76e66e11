"""Figures of a sweep: a line, a heat map, and which names of a grid they are over."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from hftlab.errors import ArgumentError
from hftlab.sweeps import Sweep
from tests.sweeps.test_sweep_result import made_sweep


def swept(**grid: list[Any]) -> Sweep:
    """A sweep over one day whose pnl is the sum of all numbers less 3."""
    rows = []
    for values in product(*grid.values()):
        pnl = sum(one for one in values if isinstance(one, int | float)) - 3
        rows.append((dict(zip(grid, values, strict=True)), "day", {"pnl": float(pnl), "max_drawdown": float(pnl + 9)}))
    return made_sweep(rows)


def test_one_name_is_a_line() -> None:
    figure = swept(size=[5, 1, 3], fill=["log"]).figure()
    (trace,) = figure.data
    assert (list(trace.x), list(trace.y)) == ([1, 3, 5], [-2, 0, 2])
    assert figure.layout.title.text == "Maker: pnl over 1 session"
    assert figure.picture() is not None


def test_texts_are_points_in_their_order() -> None:
    (trace,) = swept(fill=["log", "fifo"]).figure("max_drawdown").data
    assert (list(trace.x), trace.mode) == (["log", "fifo"], "markers")


def test_two_names_are_a_heat_map_around_0() -> None:
    figure = swept(size=[2, 1], ticks=[0, 1, 5]).figure()
    (trace,) = figure.data
    assert (trace.type, list(trace.x), list(trace.y)) == ("heatmap", ["1", "2"], ["0", "1", "5"])
    assert [list(row) for row in trace.z] == [[-2, -1], [-1, 0], [3, 4]]
    assert (trace.zmin, trace.zmax, trace.showscale) == (-4, 4, False)
    assert figure.picture().count("<rect") >= 6  # type: ignore[union-attr]


def test_of_one_sign_it_goes_from_the_least_to_the_most() -> None:
    (trace,) = swept(size=[1, 2], ticks=[0, 1]).figure("max_drawdown").data
    assert (trace.zmin, trace.zmax) == (7, 9)


def test_more_names_are_held_at_the_best() -> None:
    sweep = swept(size=[1, 2], ticks=[0, 1], fill=["log"], lots=[7, 8])
    with pytest.raises(
        ArgumentError, match=r"size, ticks, lots have several values each: say which to draw, as in figure"
    ):
        sweep.figure()
    figure = sweep.figure(x="lots")
    assert figure.layout.title.text.endswith("(size 2, ticks 1)")
    assert list(figure.data[0].y) == [7, 8]
    assert len(sweep.figure(y="size", x="ticks").data[0].z) == 2


def test_many_cells_have_a_scale_and_no_picture() -> None:
    figure = swept(size=list(range(20)), ticks=list(range(20))).figure()
    assert figure.data[0].showscale
    assert figure.picture() is None


def test_what_cannot_be_drawn() -> None:
    with pytest.raises(ArgumentError, match="the sweep has one point: there is nothing to draw"):
        swept(size=[1]).figure()
    with pytest.raises(ArgumentError, match=r"no name of the grid 'sizes' \(nearest: 'size'\)"):
        swept(size=[1, 2]).figure(x="sizes")
    with pytest.raises(ArgumentError, match="no point of the grid has all of its runs without an error"):
        made_sweep([({"size": 1}, "day", "broken")]).figure()
