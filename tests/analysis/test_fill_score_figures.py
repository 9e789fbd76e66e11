"""The figure of fill models' scores."""

from __future__ import annotations

import polars as pl
import pytest

from hftlab import analysis
from hftlab.errors import ArgumentError

SCORES = pl.DataFrame(
    {
        "orders": ["all", "tested", "tested"],
        "model": ["log", "log", "power"],
        "n": [None, None, 1.5],
        "count": [1000, 300, 300],
        "filled": [40, 40, 40],
        **{f"brier_{horizon}": [0.01, 0.02, 0.03] for horizon in ("1s", "10s", "end")},
        **{f"brier_{horizon}_error": [0.001, 0.02, 0.01] for horizon in ("1s", "10s", "end")},
    }
)


def test_a_model_a_row_with_its_intervals() -> None:
    figure = analysis.fill_scores_figure(SCORES)
    marks = [trace for trace in figure.data if trace.mode == "markers"]
    assert [trace.name for trace in marks] == ["within 1 s", "within 10 s", "by the end"]
    assert list(marks[0].x) == [0.02, 0.03]
    assert list(figure.layout.yaxis.ticktext) == ["log", "power(1.5)"]
    bars = next(trace for trace in figure.data if trace.mode == "lines")
    assert list(bars.x) == pytest.approx([0, 0.0592, None, 0.0104, 0.0496, None])
    assert figure.layout.title.text == "Fill models on 300 tested orders, 40 filled"
    assert figure.picture().startswith("<svg")


def test_a_group_without_scores_is_refused() -> None:
    with pytest.raises(ArgumentError, match="no scores of orders 'queued': the groups are all, tested, queued"):
        analysis.fill_scores_figure(SCORES, "queued")
