"""Figures of order books, of a position in a queue, and of spreads."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import polars as pl

from hftlab.analysis.figure_style import COLOURS, lay_out
from hftlab.book import Level

__all__ = ["depth_figure", "queue_figure", "spread_figure"]


def depth_figure(bids: Sequence[Level], asks: Sequence[Level], title: str = "Depth") -> Any:
    """Plot the cumulative size of bids and asks with plotly, from the best level outwards."""
    from hftlab.analysis.figure import Figure

    figure = Figure()
    for name, levels, colour in (("bids", bids, COLOURS[0]), ("asks", asks, COLOURS[1])):
        figure.add_scatter(
            x=[price for price, _, _ in levels],
            y=list(accumulate(size for _, size, _ in levels)),
            text=[f"{size:g} in {orders} orders" for _, size, orders in levels],
            hovertemplate="%{x}: %{text}, %{y:g} so far",
            name=name,
            mode="lines+markers",
            marker={"size": 4},
            line={"shape": "hv", "color": colour},
            fill="tozeroy",
        )
    return lay_out(figure, title, "price", "cumulative size")


def queue_figure(places: pl.DataFrame, title: str = "Position of an order in its queue") -> Any:
    """Plot with plotly the sizes `ahead` of one order and `behind` it in its queue, over `seconds`."""
    from hftlab.analysis.figure import Figure

    figure = Figure()
    seconds = places["seconds"].to_list()
    for name, colour in (("ahead", COLOURS[0]), ("behind", COLOURS[1])):
        figure.add_scatter(
            x=seconds, y=places[name].to_list(), name=name, line={"shape": "hv", "color": colour, "width": 2}
        )
    return lay_out(figure, title, "seconds since its arrival", "size in the queue")


def spread_figure(shares: pl.DataFrame, title: str = "Spreads") -> Any:
    """Plot spread_distribution() with plotly: the share of time (logarithmic) at each spread, one line a symbol."""
    from hftlab.analysis.figure import Figure

    figure = Figure()
    for (symbol,), line in shares.filter(pl.col("share") > 0).group_by("symbol", maintain_order=True):
        figure.add_scatter(
            x=line["spread"].to_list(), y=line["share"].to_list(), name=str(symbol), mode="lines+markers"
        )
    lay_out(figure, title, "spread", "share of the time")
    return figure.update_yaxes(type="log", tickformat=".0e")
