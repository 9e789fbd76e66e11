"""Result of a sweep: its table, the best points, and what a notebook shows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import hftlab as hl
from hftlab.errors import ArgumentError, SweepNotFound
from hftlab.sweeps.folder import Plan
from hftlab.sweeps.run_rows import COLUMNS, Run, row_of
from hftlab.sweeps.sweep_result import Sweep

__all__ = ["made_sweep"]


def made_sweep(
    rows: list[tuple[dict[str, Any], str, dict[str, Any] | str]], unfinished: int = 0, sessions: int = 0
) -> Sweep:
    """Make a sweep of (values, session, measures or error)."""
    runs = [Run("m:Maker", "c", session, session, session, values, str(values)) for values, session, _ in rows]
    table = [
        row_of(run, {}, 0.1, found) if isinstance(found, str) else row_of(run, found, 0.1, None)
        for run, (_, _, found) in zip(runs, rows, strict=True)
    ]
    names = list(dict.fromkeys(name for values, _, _ in rows for name in values))
    keys = [*(run.key for run in runs), *map(str, range(unfinished))]
    plan = Plan(strategy="m:Maker", names=names, runs=keys, sessions=sessions)
    return Sweep(plan, pl.DataFrame(table[::-1], schema=COLUMNS))


def test_the_table_is_in_the_order_of_the_plan_with_columns_of_their_types() -> None:
    rows = [
        ({"a": 1, "b": "x", "c": 1, "fills": True}, "day", {"pnl": 1.0, "fills": 3}),
        ({"a": 2.5, "b": None, "c": "y"}, "day", "broken"),
    ]
    sweep = made_sweep(rows, unfinished=2)
    assert sweep.names == ["a", "b", "c", "strategy.fills"]
    assert sweep.table.select(*sweep.names, "session", "pnl", "fills", "error").rows() == [
        (1.0, "x", "1", True, "day", 1.0, 3, None),
        (2.5, None, "y", None, "day", None, None, "broken"),
    ]
    assert sweep.table.schema["a"] == pl.Float64
    assert repr(sweep) == "Sweep(m:Maker: 2 runs of 4, 1 with an error)"
    assert len(sweep) == 2


DAYS = [
    ({"size": 1}, "monday", {"pnl": 1.0, "fills": 2, "max_drawdown": 5.0, "fill_ratio": 0.5}),
    ({"size": 1}, "tuesday", {"pnl": 2.0, "fills": 3, "max_drawdown": 1.0, "fill_ratio": None}),
    ({"size": 2}, "monday", {"pnl": 9.0, "fills": 1, "max_drawdown": 7.0, "fill_ratio": 0.1}),
    ({"size": 2}, "tuesday", {"pnl": -1.0, "fills": 0, "max_drawdown": 6.0, "fill_ratio": 0.2}),
    ({"size": 3}, "monday", {"pnl": 99.0, "fills": 1, "max_drawdown": 0.0, "fill_ratio": 0.1}),
    ({"size": 3}, "tuesday", "broken"),
    ({"size": 4}, "monday", {"pnl": 99.0, "fills": 1, "max_drawdown": 0.0, "fill_ratio": 0.1}),
]


def test_points_are_over_all_sessions() -> None:
    """One with an error, or that has not run on all, is not compared with the others."""
    points = made_sweep(DAYS).by_point().select("size", "sessions", "pnl", "fills", "max_drawdown", "fill_ratio")
    assert [(*row[:5], round(row[5], 9)) for row in points.rows()] == [
        (1, 2, 3.0, 5, 5.0, 0.5),
        (2, 2, 8.0, 1, 7.0, 0.15),
    ]


def test_a_point_is_over_all_sessions_that_were_planned_also_where_none_of_one_has_ended() -> None:
    """As a sweep that was interrupted early has it: what ran on Monday alone is no better than what ran on both."""
    assert len(made_sweep(DAYS[:1], unfinished=1, sessions=2).by_point()) == 0
    assert len(made_sweep(DAYS[:1], sessions=1).by_point()) == 1
    assert len(made_sweep(DAYS, sessions=2).by_point()) == 2


def test_the_best_is_the_highest_or_of_what_costs_the_lowest() -> None:
    sweep = made_sweep(DAYS)
    assert sweep.best()["size"].to_list() == [2, 1]
    assert sweep.best("max_drawdown")["size"].to_list() == [1, 2]
    assert sweep.best("fill_ratio", 1)["size"].to_list() == [1]
    with pytest.raises(ArgumentError, match=r"no measure 'pln' \(nearest: 'pnl'\)"):
        sweep.best("pln")


def test_a_notebook_shows_the_best() -> None:
    html = made_sweep(DAYS)._repr_html_()
    assert "m:Maker: 7 runs, 1 with an error, points by pnl" in html
    assert html.index("<td>8</td>") < html.index("<td>3</td>")


def test_a_sweep_of_which_nothing_has_ended() -> None:
    sweep = Sweep(Plan(strategy="m:Maker", names=["size"], runs=["a"]), pl.DataFrame(schema=COLUMNS))
    assert (len(sweep), len(sweep.by_point()), len(sweep.best())) == (0, 0, 0)
    assert "0 runs of 1" in sweep._repr_html_()


def test_what_is_not_a_sweep_is_not_opened(tmp_path: Path) -> None:
    with pytest.raises(SweepNotFound):
        hl.open_sweep(tmp_path)


def test_values_that_json_has_no_number_for(tmp_path: Path) -> None:
    sweep = made_sweep([({"size": float("inf")}, "day", {"pnl": 1.0}), ({"size": 2}, "day", {"pnl": 1.0})])
    assert sweep.table["size"].to_list() == [float("inf"), 2.0]
    assert json.loads(sweep.table.write_json())[1]["size"] == 2


def test_values_that_are_shown_alike_are_points_of_their_own() -> None:
    sweep = made_sweep([({"x": value}, "day", {"pnl": pnl}) for pnl, value in enumerate((1, 1.0, 2))])
    assert sweep.table["x"].to_list() == [1.0, 1.0, 2.0]
    assert sweep.best().select("x", "pnl").rows() == [(2.0, 2.0), (1.0, 1.0), (1.0, 0.0)]
