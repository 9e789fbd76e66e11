"""Figure of the fill models' scores."""

from __future__ import annotations

from typing import Any, Final

import polars as pl

from hftlab.analysis.figure_style import COLOURS, lay_out
from hftlab.analysis.fill_scores import ORDERS
from hftlab.errors import ArgumentError

__all__ = ["fill_scores_figure"]

_HORIZONS: Final = (("brier_1s", "within 1 s"), ("brier_10s", "within 10 s"), ("brier_end", "by the end"))
_APART: Final = 0.22
"""Rows between the marks of a model."""
_WIDE: Final = 1.96
"""Standard errors of a 95 % interval, each way."""


def fill_scores_figure(scores: pl.DataFrame, orders: str = "tested", *, title: str | None = None) -> Any:
    """Plot with plotly the Brier scores of fill models for a group of orders, as fill_scores() returns them.

    Left is better, 0 is right. A line is the 95 % interval: where those of two models overlap widely, the data does not
    tell which is better. Raises ArgumentError for a group without scores.
    """
    from hftlab.analysis.figure import Figure

    rows = scores.filter(pl.col("orders").cast(pl.String) == orders)
    if rows.is_empty():
        raise ArgumentError(f"there are no scores of orders {orders!r}: the groups are {', '.join(ORDERS)}")
    names = [name if n is None else f"{name}({n:g})" for name, n in rows.select("model", "n").iter_rows()]
    figure = Figure()
    for number, (column, label) in enumerate(_HORIZONS):
        places = [row + (1 - number) * _APART for row in range(rows.height - 1, -1, -1)]
        values, errors = rows[column].to_list(), rows[f"{column}_error"].to_list()
        x, y = _bars(values, errors, places)
        colour = COLOURS[number]
        figure.add_scatter(
            x=x, y=y, mode="lines", line={"color": colour, "width": 1.5}, hoverinfo="skip", showlegend=False
        )
        figure.add_scatter(
            x=values, y=places, mode="markers", name=label, marker={"color": colour, "size": 8}, cliponaxis=False,
            customdata=list(zip(names, errors, strict=True)),
            hovertemplate=f"%{{customdata[0]}}, {label}<br>%{{x:.4f}} ± %{{customdata[1]:.4f}}<extra></extra>",
        )  # fmt: skip
    count, filled = rows.select("count", "filled").row(0)
    said = title or f"Fill models on {count:,} {orders if orders != 'all' else 'recorded'} orders, {filled:,} filled"
    lay_out(figure, said, "Brier score of the filled share (0 is right)", "", height=120 + 44 * rows.height)
    figure.update_xaxes(rangemode="tozero")
    figure.update_yaxes(tickvals=list(range(rows.height - 1, -1, -1)), ticktext=names, showgrid=False)
    return figure.update_layout(hovermode="closest", margin_l=110)


def _bars(values: list[float], errors: list[float], places: list[float]) -> tuple[list[Any], list[Any]]:
    """Return the intervals as one line with holes; a Brier score is not below 0."""
    x: list[float | None] = []
    y: list[float | None] = []
    for value, error, place in zip(values, errors, places, strict=True):
        x += [max(value - _WIDE * error, 0.0), value + _WIDE * error, None]
        y += [place, place, None]
    return x, y
