"""Figures of a backtest's orders: fills on the price, and places in the queue."""

from __future__ import annotations

from datetime import datetime
from math import ceil
from typing import Any, Final

import polars as pl

from hftlab.analysis.backtest_traces import (
    Span,
    chosen_symbol,
    draw_quotes,
    draw_steps,
    held,
    runs_within,
    shade_gaps,
    span_of,
    subject,
    times,
    with_session,
)
from hftlab.analysis.figure_style import COLOURS, lay_out
from hftlab.backtest import Result
from hftlab.errors import ArgumentError

__all__ = ["fills_figure", "queue_position_figure"]

_BUY, _SELL, _HELD = COLOURS[:3]
_SIDES: Final = (
    ("BUY", "bought", "triangle-up", _BUY, "buy orders"),
    ("SELL", "sold", "triangle-down", _SELL, "sell orders"),
)
_TIME: Final = "time (UTC)"
_KEY: Final = ["session", "client_order_id"]


def fills_figure(
    result: Result,
    symbol: str | None = None,
    begin: int | datetime | str | None = None,
    end: int | datetime | str | None = None,
    *,
    title: str | None = None,
    points: int = 2000,
) -> Any:
    """Plot with plotly a backtest's fills in a symbol on its bid and ask, and the inventory below.

    `symbol` may be left out where only one was traded. Between two times: int64 nanoseconds, datetimes or text, taken
    as UTC. On hovering a fill says its order, why it was made and what stood ahead of it. At most `points` fills a side
    are drawn, and lines have at most about so many points. Raises ArgumentError for a symbol that was not traded.
    """
    from hftlab.analysis.figure import Figure

    name, span = chosen_symbol(result, symbol), span_of(result, begin, end)
    figure = Figure().set_subplots(rows=2, shared_xaxes=True, vertical_spacing=0.06, row_heights=[0.72, 0.28])
    shade_gaps(figure, result, [name], span, rows=2)
    draw_quotes(figure, result, name, span, points)
    within = (pl.col("symbol") == name) & pl.col("at").is_between(*span)
    _draw_fills(figure, result.fills.filter(within).collect(), points)
    for run, both in runs_within(result, span):
        draw_steps(
            figure, held(result, run, name, both), "quantity", points, name="inventory", colour=_HELD, row=2,
            showlegend=False, fill="tozeroy", hovertemplate="held %{y:,}<extra></extra>",
        )  # fmt: skip
    lay_out(figure, title or f"{subject(result)}: fills in {name}", "", "", height=520)
    figure.update_xaxes(title=_TIME, row=2)
    figure.update_yaxes(title=f"price, {result.facts[0].instruments[name].currency}", row=1)
    figure.update_yaxes(title="inventory", row=2)
    return figure.update_layout(hovermode="closest", legend_traceorder="normal", margin_l=90)


def _draw_fills(figure: Any, made: pl.DataFrame, points: int) -> None:
    told = ("quantity", "client_order_id", "liquidity", "why", "ahead")
    for side, name, shape, colour, _ in _SIDES:
        rows = made.filter(pl.col("side") == side)
        every = max(1, ceil(rows.height / points))
        some = rows.gather_every(every)
        figure.add_scatter(
            x=times(some["at"]), y=some["price"].to_list(), customdata=some.select(told).rows(),
            name=name if every == 1 else f"{name} (1 of {every})", mode="markers",
            hovertemplate=f"{name} %{{customdata[0]:,}} at %{{y}}<br>%{{customdata[1]}}: %{{customdata[2]}}, "
            "%{customdata[3]}<br>%{customdata[4]:,} stood ahead<extra></extra>",
            marker={"symbol": shape, "size": 9, "color": colour}, row=1, col=1,
        )  # fmt: skip


def queue_position_figure(
    result: Result,
    symbol: str | None = None,
    begin: int | datetime | str | None = None,
    end: int | datetime | str | None = None,
    *,
    title: str | None = None,
    points: int = 4000,
) -> Any:
    """Plot with plotly what stood ahead of each resting order in its queue over time: 0 is the front.

    A line goes from an order's arrival to its end; a marker is a fill. `symbol`, `begin` and `end` are those of
    fills_figure(): a minute of a market maker's orders can be read, a day's cannot. Of more than about `points` points
    a side only every second, third... order is drawn. Raises ArgumentError for a symbol that was not traded, and for a
    result that has not kept the places in the queue.
    """
    from hftlab.analysis.figure import Figure

    name, span = chosen_symbol(result, symbol), span_of(result, begin, end)
    places = _places(result, name, span)
    if places.is_empty():
        raise ArgumentError(
            f"the result has no places in the queue of {name} in this time: give a time in which an order rested, of a "
            "backtest that has kept them"
        )
    figure = Figure().set_subplots(rows=1)
    shade_gaps(figure, result, [name], span, rows=1)
    within = (pl.col("symbol") == name) & pl.col("at").is_between(*span)
    made = with_session(result, result.fills).filter(within).collect()
    for side, said, shape, colour, orders in _SIDES:
        rows, every = _fewer(places.filter(pl.col("side") == side), points)
        x, y, names = _broken(rows)
        figure.add_scatter(
            x=x, y=y, text=names, name=orders if every == 1 else f"{orders} (1 of {every})", mode="lines",
            line={"shape": "hv", "width": 1.5, "color": colour},
            hovertemplate="%{text}: %{y:,} ahead<extra></extra>", row=1, col=1,
        )  # fmt: skip
        some = _with_place(made.filter(pl.col("side") == side), rows)
        figure.add_scatter(
            x=times(some["at"]), y=some["now"].to_list(), name=said, mode="markers", hoverinfo="skip",
            marker={"symbol": shape, "size": 8, "color": colour}, cliponaxis=False, row=1, col=1,
        )  # fmt: skip
    lay_out(figure, title or f"{subject(result)}: places in the queue of {name}", _TIME, "quantity ahead", height=420)
    figure.update_yaxes(rangemode="tozero")
    return figure.update_layout(hovermode="closest", legend_traceorder="normal", margin_l=90)


def _places(result: Result, symbol: str, span: Span) -> pl.DataFrame:
    """Return session, client_order_id, side, at and ahead of the orders of a symbol, each until its end, in a time."""
    until = pl.lit(span.until)
    orders = with_session(result, result.orders).filter(pl.col("symbol") == symbol).select(*_KEY, "side", "ended")
    rows = (
        with_session(result, result.queue)
        .filter(pl.col("at") <= until)
        .join(orders, on=_KEY)
        .select(*_KEY, "side", "at", "ahead", pl.col("ended").fill_null(until).clip(upper_bound=until))
        .collect()
    )
    ends = rows.group_by(_KEY, maintain_order=True).last().with_columns(at=pl.max_horizontal("at", "ended"))
    return (
        pl.concat([rows, ends.select(rows.columns)])
        .filter((pl.col("at").max() >= span.since).over(_KEY))
        .with_columns(pl.col("at").clip(lower_bound=span.since), pl.col("at").first().over(_KEY).alias("first"))
        .sort("first", *_KEY, "at", maintain_order=True)
        .unique([*_KEY, "at"], keep="last", maintain_order=True)
    )


def _fewer(rows: pl.DataFrame, points: int) -> tuple[pl.DataFrame, int]:
    """Keep every n-th order, so that about so many rows are left; returns n as well."""
    every = max(1, ceil(rows.height / points))
    return rows.filter(pl.struct(_KEY).rle_id() % every == 0), every


def _broken(rows: pl.DataFrame) -> tuple[list[Any], list[Any], list[str]]:
    """Return the times, places and names of orders one after the other, with a hole between two."""
    x: list[Any] = []
    y: list[float | None] = []
    names: list[str] = []
    for (_, order), path in rows.group_by(_KEY, maintain_order=True):
        x += [*times(path["at"]), None]
        y += [*path["ahead"].to_list(), None]
        names += [str(order)] * (path.height + 1)
    return x, y, names


def _with_place(made: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Return the fills of orders with `now`, what stood ahead of the order just then."""
    paths = rows.select(*_KEY, "at", pl.col("ahead").alias("now")).sort("at", maintain_order=True)
    joined = made.sort("at", maintain_order=True).join_asof(paths, on="at", by=_KEY, check_sortedness=False)
    return joined.drop_nulls("now")
