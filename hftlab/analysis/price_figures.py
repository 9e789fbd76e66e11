"""Figures of one symbol's market: bid, ask, trades and volume."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any, Final

import polars as pl

from hftlab.analysis.figure_style import COLOURS, FAINT, lay_out
from hftlab.analysis.trades import trades
from hftlab.clock import nanoseconds
from hftlab.errors import ArgumentError
from hftlab.nearest import describe_unknown, meant
from hftlab.palette import AXIS

__all__ = ["price_figure"]

_MOST: Final = 60
"""Bars of the volume, at most about."""
_ROUND: Final = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
"""Widths of the bars in seconds."""
_SIDES: Final = (("BUY", "bought", COLOURS[0]), ("SELL", "sold", COLOURS[1]))


def price_figure(
    market_data: pl.LazyFrame,
    symbol: str,
    begin: int | datetime | str | None = None,
    end: int | datetime | str | None = None,
    *,
    unit: str = "USD",
    title: str | None = None,
    points: int = 1500,
) -> Any:
    """Plot with plotly the bid and ask of a symbol, its trades by the side that took, and the volume below.

    Between two times: int64 nanoseconds, datetimes or text, taken as UTC. `unit` is what its prices are in. There are
    at most `points` quotes and trades. Raises ArgumentError for a symbol that there is not.
    """
    from hftlab.analysis.figure import Figure

    rows = market_data.filter(pl.col("symbol") == symbol)
    if begin is not None:
        rows = rows.filter(pl.col("ts_recv") >= nanoseconds(begin))
    if end is not None:
        rows = rows.filter(pl.col("ts_recv") < nanoseconds(end))
    quotes = rows.select("ts_recv", *(_known(side) for side in ("bid", "ask"))).collect()
    made = trades(rows).select("ts_event", "price", "size", "side").collect()
    if quotes.is_empty():
        _check_symbol(market_data, symbol)
    figure = Figure().set_subplots(rows=2, shared_xaxes=True, vertical_spacing=0.06, row_heights=[0.72, 0.28])
    _draw_quotes(figure, quotes, points)
    _draw_trades(figure, made, points)
    every = _draw_volume(figure, made)
    lay_out(figure, title or f"{symbol}: bid, ask and trades", "", "", height=480)
    figure.update_xaxes(title="time (UTC)", row=2)
    figure.update_yaxes(title=f"price, {unit}", row=1)
    figure.update_yaxes(title=f"volume per {every:g} s", row=2)
    return figure.update_layout(
        hovermode="x", barmode="overlay", legend_traceorder="normal", legend_itemsizing="constant", margin_l=80
    )


def _check_symbol(market_data: pl.LazyFrame, symbol: str) -> None:
    symbols = market_data.select(pl.col("symbol").unique().sort()).collect()["symbol"].to_list()
    if symbol not in symbols:
        error = ArgumentError(f"market_data has no rows of {describe_unknown([symbol], symbols)}")
        raise error.advise(instead=meant([symbol], symbols))


def _known(side: str) -> pl.Expr:
    """A price, None where its side of the book is empty."""
    return pl.when(pl.col(side) > 0).then(pl.col(side)).alias(side)


def _draw_quotes(figure: Any, quotes: pl.DataFrame, points: int) -> None:
    both = pl.struct("bid", "ask")
    changed = quotes.filter(both.ne_missing(both.shift(1)))
    line = pl.concat([changed.gather_every(max(1, math.ceil(changed.height / points))), quotes.tail(1)])
    style = {"shape": "hv", "width": 1, "color": AXIS}
    # Plotly draws a wedge across a hole of a filled line.
    is_whole = line["bid"].null_count() == line["ask"].null_count() == 0
    for side, fill in (("bid", None), ("ask", "tonexty" if is_whole else None)):
        figure.add_scatter(
            x=_times(line["ts_recv"]), y=line[side].to_list(), name=side, mode="lines", line=style, fill=fill,
            fillcolor=FAINT, showlegend=False, row=1, col=1,
        )  # fmt: skip


def _draw_trades(figure: Any, made: pl.DataFrame, points: int) -> None:
    for side, name, colour in _SIDES:
        some = made.filter(pl.col("side") == side)
        some = some.gather_every(max(1, math.ceil(2 * some.height / points)))
        figure.add_scatter(
            x=_times(some["ts_event"]), y=some["price"].to_list(), customdata=some["size"].to_list(), name=name,
            mode="markers", marker={"size": 4, "color": colour, "opacity": 0.75},
            hovertemplate=f"{name} %{{customdata:,}} at %{{y}}<extra></extra>", row=1, col=1,
        )  # fmt: skip


def _draw_volume(figure: Any, made: pl.DataFrame) -> float:
    """Draw bars of the volume, and return the seconds that each stands for."""
    times = made["ts_event"]
    seconds = (int(times.max()) - int(times.min())) / 1e9 if times.len() else 0.0  # type: ignore[arg-type]
    every = next((width for width in _ROUND if seconds / width <= _MOST), _ROUND[-1])
    step = round(every * 1e9)
    volumes = (
        made.group_by((pl.col("ts_event") // step * step + step // 2).alias("middle"))
        .agg(pl.col("size").sum())
        .sort("middle")
    )
    figure.add_bar(
        x=_times(volumes["middle"]), y=volumes["size"].to_list(), width=every * 1000 * 0.85, marker={"color": AXIS},
        name="volume", showlegend=False, hovertemplate="%{y:,}<extra></extra>", row=2, col=1,
    )  # fmt: skip
    return every


def _times(column: pl.Series) -> list[Any]:
    return column.cast(pl.Datetime("ns")).to_list()
