"""What several figures of a backtest share: its times, steps cut to a time, and gaps."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from hftlab.analysis.backtest_traces import Span, chosen_symbol, rows_of, runs_within, span_of, steps_within, subject
from hftlab.analysis.figure import Figure
from hftlab.analysis.fill_figures import fills_figure
from hftlab.backtest import Result
from hftlab.errors import ArgumentError
from tests.analysis.backtested import DAY, one_day
from tests.backtest.made_run import SECOND, START, made_result, order


def test_a_span_is_all_sessions() -> None:
    week = Result.joined([one_day(0), one_day(2)])
    assert span_of(week) == (START, START + 2 * DAY + 60 * SECOND)
    runs = [(run.session, span) for run, span in runs_within(week, Span(START + 30, START + DAY))]
    assert runs == [("day0", (START + 30, START + 60 * SECOND))]
    (_, second) = week.facts
    assert rows_of(week, second, week.fills).collect()["session"].unique().to_list() == ["day2"]


@pytest.mark.parametrize(
    ("span", "kept"),
    [
        ((0, 9), [(2, 1.0), (5, 2.0), (9, 2.0)]),
        ((3, 4), [(3, 1.0), (4, 1.0)]),
        ((5, 5), [(5, 2.0), (5, 2.0)]),
        ((0, 1), []),
    ],
)
def test_steps_hold_until_the_next(span: tuple[int, int], kept: list[Any]) -> None:
    rows = pl.DataFrame({"at": [2, 5], "quantity": [1.0, 2.0]})
    assert steps_within(rows, Span(*span)).rows() == kept


def test_the_only_symbol_is_chosen() -> None:
    assert chosen_symbol(one_day(), None) == "AAPL"
    assert subject(one_day()) == "Quoter"
    with pytest.raises(ArgumentError, match="has sent no orders"):
        chosen_symbol(made_result(), "AAPL")


def test_of_very_many_gaps_the_longest_are_shaded() -> None:
    gaps = [
        {"symbol": "AAPL", "from": START + at * SECOND // 4, "to": START + at * SECOND // 4 + at + 1, "why": "gap"}
        for at in range(200)
    ]
    figure: Figure = fills_figure(made_result([order("a", "BUY", 9, 1, 1, filled=0)], gaps=gaps))
    assert len(figure.layout.shapes) == 2 * 100
