"""Figures of a sweep: a measure over one name of its grid, or over two."""

from __future__ import annotations

from typing import Any, Final

import polars as pl

from hftlab.analysis.figure_style import COLOURS, lay_out
from hftlab.errors import ArgumentError
from hftlab.palette import HEAT_BOTH_WAYS, HEAT_LIGHT
from hftlab.sweeps.sweep_result import Sweep

__all__ = ["sweep_figure"]

_TOLD: Final = 150
"""Cells up to which a heat map has its numbers in them."""
_ROW: Final = 34
"""Pixels."""


def sweep_figure(sweep: Sweep, by: str, x: str | None, y: str | None, title: str | None) -> Any:
    """Plot a measure over `x`, or over `x` and `y`; see Sweep.figure()."""
    points = sweep.by_point()
    if points.is_empty():
        raise ArgumentError("no point of the grid has all of its runs without an error: see the column error of .table")
    several = [name for name in sweep.names if points[name].n_unique() > 1]
    if x is None and y is None:
        if len(several) > 2:
            raise ArgumentError(
                f"{', '.join(several)} have several values each: say which to draw, as in "
                f"figure({by!r}, x={several[0]!r}, y={several[1]!r})"
            )
        x, y = (*several, None, None)[:2]
    elif x is None or x == y:
        x, y = y, None
    if x is None:
        raise ArgumentError("the sweep has one point: there is nothing to draw")
    held = [name for name in several if name not in (x, y)]
    best = sweep.best(by, 1)
    for name in held:
        points = points.filter(pl.col(name).eq_missing(best[name][0]))
    sessions = points["sessions"][0]
    said = title or " ".join(
        [
            f"{sweep.strategy.partition(':')[2]}: {by} over {sessions:,} session{'' if sessions == 1 else 's'}",
            *([f"({', '.join(f'{name} {best[name][0]}' for name in held)})"] if held else []),
        ]
    )
    return _line(points, by, x, said) if y is None else _heat(points, by, x, y, said)


def _line(points: pl.DataFrame, by: str, x: str, title: str) -> Any:
    from hftlab.analysis.figure import Figure

    is_number = points[x].dtype.is_numeric()
    rows = points.sort(x) if is_number else points
    xs = rows[x].to_list() if is_number else [str(one) for one in rows[x]]
    figure = Figure()
    figure.add_scatter(
        x=xs, y=rows[by].to_list(), mode="lines+markers" if is_number else "markers", showlegend=False,
        line={"color": COLOURS[0], "width": 2}, marker={"color": COLOURS[0], "size": 8}, cliponaxis=False,
        hovertemplate=f"{x} %{{x}}<br>{by} %{{y:,.6g}}<extra></extra>",
    )  # fmt: skip
    lay_out(figure, title, x, by)
    return figure.update_layout(margin_l=90, hovermode="closest")


def _heat(points: pl.DataFrame, by: str, x: str, y: str, title: str) -> Any:
    from hftlab.analysis.figure import Figure

    xs, ys = (_places(points[name]) for name in (x, y))
    values = {(str(at), str(up)): value for at, up, value in points.select(x, y, by).iter_rows()}
    cells = [[values.get((at, up)) for at in xs] for up in ys]
    known = [value for value in values.values() if value is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    most = max(-low, high)
    is_both = low < 0
    is_told = len(xs) * len(ys) <= _TOLD
    figure = Figure()
    figure.add_heatmap(
        x=xs, y=ys, z=cells, colorscale=list(HEAT_BOTH_WAYS if is_both else HEAT_LIGHT),
        zmin=-most if is_both else low, zmax=most if is_both else high, showscale=not is_told,
        xgap=1, ygap=1, colorbar={"title": {"text": by}, "outlinewidth": 0},
        texttemplate="%{z:,.4~g}" if is_told else None,
        hovertemplate=f"{x} %{{x}}<br>{y} %{{y}}<br>{by} %{{z:,.6g}}<extra></extra>",
    )  # fmt: skip
    lay_out(figure, title, x, y, height=max(300, 130 + _ROW * len(ys)))
    figure.update_xaxes(type="category", showgrid=False)
    figure.update_yaxes(type="category", showgrid=False)
    longest = max(len(one) for one in ys)
    return figure.update_layout(margin_l=min(240, 60 + 7 * longest), hovermode="closest")


def _places(column: pl.Series) -> list[str]:
    """Return the values of an axis as texts: numbers in their order, others as they come."""
    values = column.unique(maintain_order=True)
    return [str(one) for one in (values.sort() if values.dtype.is_numeric() else values)]
