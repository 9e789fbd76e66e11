"""Result of a sweep: a table with a row a run, the best of them, and a figure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import polars as pl

from hftlab.errors import ArgumentError
from hftlab.html_table import rows_table
from hftlab.nearest import describe_unknown, meant
from hftlab.sweeps.folder import Plan, folder_path, read_plan, read_rows
from hftlab.sweeps.measures import ADDED, COSTS, HIGHEST, MEASURES

__all__ = ["Sweep", "open_sweep"]

_OWN: Final = ("session", *MEASURES, "seconds", "error")
_COUNTED: Final = "sessions"
_TOLD: Final = ("pnl", "max_drawdown", "turnover", "fills", "fill_ratio", "markout_1s_bps")
_SHOWN: Final = 10
"""Measures and points that the HTML table shows."""


class Sweep:
    """Result of a sweep: what came of each run. `folder` is where it is kept, None if it is not.

    `table` has a row a run that has ended, in the order of the sweep: the values of the grid, a column a name
    ("strategy.fills" where a measure is called fills as well), `session`, the measures of the backtest's summary
    (`pnl` after fees, `max_drawdown`, `turnover`, `fill_ratio`, `markout_1s_bps`, ...: see
    hftlab.backtest.Performance), `seconds` that it took, and `error`, the text of what was raised.
    """

    def __init__(self, plan: Plan, rows: pl.DataFrame, folder: Path | None = None) -> None:
        self.strategy, self.folder = plan.strategy, folder
        self.planned = len(plan.runs)
        """Number of runs; those that have not ended are not in the table."""
        self._sessions = plan.sessions
        self.names = [f"strategy.{name}" if name in (*_OWN, _COUNTED) else name for name in plan.names]
        """Columns of the table that are of the grid."""
        order = pl.DataFrame({"key": plan.runs}, schema={"key": pl.String})
        found = order.join(rows, on="key", maintain_order="left")
        self._points = found["values"]
        """Values of the grid of each row, also where the table shows two as one: 1 and 1.0."""
        values = [json.loads(text) for text in self._points]
        columns = [
            _column(column, [one.get(name) for one in values])
            for name, column in zip(plan.names, self.names, strict=True)
        ]
        self.table = pl.DataFrame([*columns, *found.select(_OWN).get_columns()])

    @property
    def errors(self) -> pl.DataFrame:
        """Rows of the runs that have raised."""
        return self.table.filter(pl.col("error").is_not_null())

    def by_point(self) -> pl.DataFrame:
        """Return a row a point of the grid, over its sessions: their number, and the measures together.

        Money, orders and fills are added up, of `max_drawdown` and `max_exposure` the highest counts, and of all others
        the mean over the sessions that have them. A point of which a run has an error, or has not ended, is left out.
        """
        numbers = [name for name, kind in MEASURES.items() if kind != pl.String]
        of_all = self._sessions or self.table["session"].n_unique()
        found = self.table.group_by(self._points.alias("a point"), maintain_order=True).agg(
            pl.col(self.names).first(),
            pl.len().alias(_COUNTED),
            pl.col("error").is_null().all().alias("is_whole"),
            *(_together(name) for name in numbers),
        )
        whole = found.filter(pl.col("is_whole") & (pl.col(_COUNTED) == of_all))
        return whole.select(*self.names, _COUNTED, *numbers)

    def best(self, by: str = "pnl", count: int = 10) -> pl.DataFrame:
        """Return the `count` best points of the grid by a measure over all sessions, the best first; see by_point().

        The highest is the best, but of what costs or risks (commissions, drawdown, exposure, rejections, time that is
        not covered) the lowest. Raises ArgumentError for an unknown measure.
        """
        points = self.by_point().filter(pl.col(self._measure(by)).is_not_null())
        return points.sort(by, descending=by not in COSTS, maintain_order=True).head(count)

    def figure(self, by: str = "pnl", x: str | None = None, y: str | None = None, *, title: str | None = None) -> Any:
        """Plot with plotly a measure over one name of the grid, or over two as a heat map.

        Names that have one value are passed over. Where more than two have several, `x` and `y` say which to draw, and
        the others are held at those of the best point. Raises ArgumentError.
        """
        from hftlab.sweeps.sweep_figures import sweep_figure

        return sweep_figure(self, self._measure(by), self._axis(x), self._axis(y), title)

    def _measure(self, name: str) -> str:
        known = [one for one, kind in MEASURES.items() if kind != pl.String]
        return _known(name, known, "measure")

    def _axis(self, name: str | None) -> str | None:
        return None if name is None else _known(name, self.names, "name of the grid")

    def __len__(self) -> int:
        return len(self.table)

    def __repr__(self) -> str:
        return f"Sweep({self.title})"

    @property
    def title(self) -> str:
        """Strategy, number of runs, and how many of these have an error."""
        ended, errors = len(self.table), len(self.errors)
        said = f"{self.strategy}: {ended:,} run{'' if ended == 1 else 's'}"
        if ended < self.planned:
            said += f" of {self.planned:,}"
        return f"{said}, {errors:,} with an error" if errors else said

    def _repr_html_(self) -> str:
        best = self.best(count=_SHOWN)
        heads = [*self.names, _COUNTED, *_TOLD]
        of_all = f", the best {_SHOWN} points by pnl" if len(best) == _SHOWN else ", points by pnl"
        return rows_table(
            self.title + of_all, heads, ([_cell(one) for one in row] for row in best.select(heads).iter_rows())
        )


def open_sweep(folder: Path | str) -> Sweep:
    """Open the folder of a sweep, also of one that is still being run or was interrupted.

    Raises SweepNotFound, SweepTooNew or SweepDamaged.
    """
    path = folder_path(folder)
    plan = read_plan(path)
    return Sweep(plan, read_rows(path), path)


def _cell(value: Any) -> str:
    return "" if value is None else f"{value:,.6g}" if isinstance(value, float) else str(value)


def _together(name: str) -> pl.Expr:
    column = pl.col(name)
    return column.sum() if name in ADDED else column.max() if name in HIGHEST else column.mean()


def _column(name: str, values: list[Any]) -> pl.Series:
    """Return values of a grid as a column: numbers of one kind, truths, or else texts."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {int, float}:
        values = [None if value is None else float(value) for value in values]
    elif len(kinds) > 1:
        values = [value if value is None or isinstance(value, str) else json.dumps(value) for value in values]
    return pl.Series(name, values, dtype=pl.Null if not kinds else None, strict=False)


def _known(name: str, names: Iterable[str], what: str) -> str:
    known = list(names)
    if name not in known:
        raise ArgumentError(
            f"there is no {what} {describe_unknown([str(name)], known)}: there are {', '.join(known) or 'none'}"
        ).advise(instead=meant([str(name)], known))
    return name
