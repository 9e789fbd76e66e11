"""The marks, read back from their paths, are at the values of the traces."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.analysis.pictures.axis import Axis
from hftlab.analysis.pictures.marks import bar_spans, draw_bars, draw_markers, draw_scatter

COLOUR = "#3d8fd1"


def axes(*, kind_x: Any = "linear", kind_y: Any = "linear") -> tuple[Axis, Axis]:
    """Axes from 0 to 100 on which a unit is a pixel; y points up from pixel 100."""
    x, y = (
        Axis(go.layout.XAxis(range=[0, 2] if kind == "log" else [0, 100]), kind, [], low, high)
        for kind, low, high in ((kind_x, 0.0, 100.0), (kind_y, 100.0, 0.0))
    )
    for axis in (x, y):
        axis.fit(np.empty(0), padded=False, zero=False)
    return x, y


def paths(*parts: str) -> list[str]:
    return [found for part in parts for found in re.findall(r' d="([^"]*)"', part)]


def corners(path: str) -> list[list[tuple[float, float]]]:
    """The points of a path of M, L, H and V, one list for each M."""
    pieces: list[list[tuple[float, float]]] = []
    for sign, numbers in re.findall(r"([MLHV])([^MLHVz]*)", path):
        values = [float(number) for number in numbers.split()]
        if sign == "M":
            pieces.append([])
        x, y = pieces[-1][-1] if pieces[-1] else (0.0, 0.0)
        pieces[-1].append({"H": (values[0], y), "V": (x, values[0])}.get(sign) or (values[0], values[-1]))
    return pieces


VALUES = st.lists(st.one_of(st.none(), st.integers(0, 100)), min_size=2, max_size=20)


@given(values=VALUES)
def test_a_line_goes_through_its_points_and_breaks_where_one_is_missing(values: list[int | None]) -> None:
    trace = go.Scatter(x=list(range(len(values))), y=values, mode="lines")
    (path,) = paths(*draw_scatter(trace, COLOUR, *axes()))
    runs = "".join("." if value is None else "x" for value in values)
    expected = [
        [(float(place), 100.0 - float(values[place] or 0)) for place in range(*run.span())]
        for run in re.finditer("x+", runs)
    ]
    assert corners(path) == expected


def test_steps_hold_their_value_until_the_next() -> None:
    trace = go.Scatter(x=[0, 10, 20, 30], y=[5, 8, 8, 2], mode="lines", line_shape="hv")
    (path,) = paths(*draw_scatter(trace, COLOUR, *axes()))
    assert path == "M0 95H10V92H20H30V98"


def test_an_area_down_to_zero() -> None:
    trace = go.Scatter(x=[10, 20], y=[5, 8], mode="lines", fill="tozeroy")
    area, line = draw_scatter(trace, COLOUR, *axes())
    assert paths(area) == ["M10.0 100.0L10 95L20 92L20.0 100.0z"]
    assert 'fill-opacity="0.5"' in area
    assert paths(line) == ["M10 95L20 92"]


def test_an_area_between_two_lines() -> None:
    low = go.Scatter(x=[10, 20], y=[5, 5], mode="lines")
    high = go.Scatter(x=[10, 20], y=[8, 8], mode="lines", fill="tonexty", fillcolor="rgba(0,0,0,0.2)")
    area, _ = draw_scatter(high, COLOUR, *axes(), before=low)
    assert paths(area) == ["M10 92H20V95H10z"]
    empty = go.Scatter(x=[10], y=[None], mode="lines")
    assert paths(*draw_scatter(high, COLOUR, *axes(), before=empty))[0] == ""


def test_few_points_have_markers_as_in_plotly() -> None:
    few, many = (go.Scatter(x=list(range(count)), y=list(range(count))) for count in (19, 20))
    assert len(list(draw_scatter(few, COLOUR, *axes()))) == 2
    assert len(list(draw_scatter(many, COLOUR, *axes()))) == 1


@pytest.mark.parametrize("symbol", [None, "circle", "triangle-up", "triangle-down", "square", "diamond"])
def test_equal_markers_are_drawn_once(symbol: str | None) -> None:
    path = paths(draw_markers(np.array([1.0, 1.01, 5.0, np.nan]), np.array([2.0, 2.0, 2.0, 2.0]), COLOUR, 6, symbol))[0]
    assert path.count("M") == 2


def boxes(*parts: str) -> list[tuple[float, ...]]:
    found = (re.findall(r' (?:x|y|width|height)="([^"]*)"', part) for part in parts)
    return [tuple(map(float, box)) for box in found]


def test_bars() -> None:
    bars = go.Bar(x=[10, 20], y=[5, 8])
    assert boxes(*draw_bars(bars, COLOUR, *axes())) == [(6, 95, 8, 5), (16, 92, 8, 8)]
    left, right = (boxes(*draw_bars(bars, COLOUR, *axes(), place, 2))[0] for place in (0, 1))
    assert (left, right) == ((6, 95, 4, 5), (10, 95, 4, 5))


def test_bars_with_width_and_base() -> None:
    flat = go.Bar(orientation="h", y=[50], x=[20], base=[30], width=0.6 * 10)
    assert boxes(*draw_bars(flat, COLOUR, *axes())) == [(30, 47, 20, 6)]


def test_bars_on_a_logarithm_are_as_wide_as_they_say() -> None:
    begin, end, since, until = bar_spans(go.Bar(x=[55], y=[3], width=[90]), *axes(kind_x="log"))
    assert (begin[0], end[0], since[0], until[0]) == (1, 2, 0, 3)


def test_a_bar_that_is_too_short_to_see_is_as_wide_as_its_outline() -> None:
    hole = go.Bar(orientation="h", y=[50], x=[0.01], base=[30], width=10, marker={"line": {"width": 1}})
    ((_, _, width, _),) = boxes(*draw_bars(hole, COLOUR, *axes()))
    assert width == 1


def test_a_bar_without_a_value_is_left_out() -> None:
    assert boxes(*draw_bars(go.Bar(x=[10, 20], y=[None, 5]), COLOUR, *axes())) == [(16, 95, 8, 5)]
