"""Axes put values where Plotly puts them: linear, by their logarithm, by their time, or one place a name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from hftlab.analysis.pictures.axis import Axis, kind_of

T0 = datetime(2026, 1, 2, 14, 30)


def axis(values: list[Any], *, padded: bool = False, zero: bool = False, **layout: Any) -> Axis:
    """A horizontal axis from pixel 100 to pixel 300 with a range for the values."""
    settings = go.layout.XAxis(**layout)
    made = Axis(settings, kind_of(settings, [values]), values, 100.0, 300.0)
    made.fit(made.numbers(values), padded=padded, zero=zero)
    return made


def at(made: Axis, *values: Any) -> list[float]:
    return [round(pixel, 6) for pixel in made.pixels(made.numbers(list(values)))]


def test_linear() -> None:
    made = axis([10, 20, None])
    assert at(made, 10, 15, 20) == [100, 200, 300]
    assert np.isnan(at(made, None)).all()


def test_padding_and_zero() -> None:
    assert at(axis([10, 20], padded=True), 10, 20) == [
        pytest.approx(100 + 200 * 0.5 / 11),
        pytest.approx(300 - 200 * 0.5 / 11),
    ]
    assert at(axis([10, 20], zero=True), 0, 20) == [100, 300]
    assert at(axis([-4, -2], zero=True), -4, 0) == [100, 300]


def test_logarithmic() -> None:
    made = axis([1, 10, 100], type="log")
    assert at(made, 1, 10, 100) == [100, 200, 300]
    assert np.isnan(at(made, 0, -1)).all()


def test_times() -> None:
    middle = T0 + timedelta(seconds=1)
    made = axis([T0, T0 + timedelta(seconds=2), None])
    assert at(made, middle, np.datetime64(middle), "2026-01-02 14:30:01", middle.replace(tzinfo=UTC)) == [200] * 4


def test_texts_are_times_where_they_look_so() -> None:
    assert axis(["2026-01-02T14:30:00", "2026-01-02T14:30:02"]).kind == "date"
    assert axis(["AAPL", "MSFT"]).kind == "category"


def test_categories_keep_their_order() -> None:
    assert at(axis(["b", "a", "b"]), "b", "a") == [150, 250]
    assert at(axis(["b", "a"], categoryarray=["a", "b"]), "b", "a") == [250, 150]
    assert np.isnan(at(axis(["b"]), "c")).all()


def test_a_given_range() -> None:
    assert at(axis([10, 20], range=[0, 40]), 10) == [150]
    assert at(axis([10, 20], range=[40, 0]), 10) == [250]
    assert at(axis([1], type="log", range=[0, 2]), 10) == [200]
    assert at(axis([T0], range=[T0, "2026-01-02 14:30:04"]), T0 + timedelta(seconds=1)) == [150]
    assert at(axis([10, 20], range=[None, 30]), 10, 30) == [100, 300]


def test_values_without_extent_have_room() -> None:
    low, high = at(axis([5]), 4.99, 5.01)
    assert 100 < low < high < 300
    assert axis([]).ticks()
    assert at(axis([0, 0], zero=True), 0) == [200]


def test_where_areas_begin() -> None:
    assert axis([-5, 5]).floor == 0
    assert axis([3, 5]).floor == 3
    assert axis([-5, -3]).floor == -3
    assert axis([100, 1000], type="log").floor == 2


def test_ticks() -> None:
    assert axis([0, 10]).ticks() == [(100.0, "0"), (200.0, "5"), (300.0, "10")]
    assert axis([0, 0.01], tickformat=".1%").ticks()[1] == (200.0, "0.5%")
    assert [label for _, label in axis([1e-6, 1e-2], type="log", tickformat=".0e").ticks()] == ["1e-6", "1e-4", "1e-2"]
    assert axis(["a", "b"]).ticks() == [(150.0, "a"), (250.0, "b")]
