"""Figures of arbitrage between venues."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import polars as pl

from hftlab.analysis.arbitrage import caught
from hftlab.analysis.figure_style import COLOURS, lay_out

__all__ = ["caught_figure", "crossing_figure", "lifetime_figure"]

_BID, _ASK = COLOURS[:2]
_HEIGHT: Final = 360
_LATENCIES: Final = tuple(round(10 ** (exponent / 4)) for exponent in range(16, 41))  # 10 µs to 10 s


def lifetime_figure(opportunities: pl.DataFrame) -> Any:
    """Plot every closed opportunity with plotly: lifetime (ms) against peak edge, logarithmic, one colour a symbol."""
    from hftlab.analysis.figure import Figure

    figure = Figure()
    closed = opportunities.filter(pl.col("lifetime") > 0).with_columns(milliseconds=pl.col("lifetime") / 1e6)
    for symbol in closed["symbol"].unique(maintain_order=True):
        some = closed.filter(pl.col("symbol") == symbol)
        figure.add_scatter(
            x=some["milliseconds"].to_list(),
            y=some["peak_edge"].to_list(),
            text=(some["buy_venue"] + " → " + some["sell_venue"]).to_list(),
            mode="markers",
            marker={"size": 7, "opacity": 0.6},
            name=symbol,
            hovertemplate="%{text}<br>%{x:.3f} ms, %{y:.2f}",
        )
    edge = f"peak edge after fees, {_currencies(closed)}"
    lay_out(figure, "Lifetime and peak edge of every opportunity", "lifetime, ms", edge, height=_HEIGHT)
    figure.update_xaxes(type="log")
    figure.update_yaxes(type="log")
    return figure


def caught_figure(opportunities: pl.DataFrame, latencies: Sequence[int] = _LATENCIES) -> Any:
    """Plot with plotly what is left after each latency (ns): share of the opportunities, and of their peak edges.

    The edge need not fall steadily, since opportunities may grow before they close.
    """
    from hftlab.analysis.figure import Figure

    left = [caught(opportunities, latency) for latency in latencies]
    peaks, count = float(opportunities["peak_edge"].sum()), max(opportunities.height, 1)
    milliseconds = [latency / 1e6 for latency in latencies]
    counts = [frame.filter(pl.col("caught_size") > 0).height / count * 100 for frame in left]
    edges = [float(frame["caught_edge"].sum()) / peaks * 100 if peaks else 0.0 for frame in left]
    figure = Figure()
    figure.add_scatter(x=milliseconds, y=counts, name="opportunities", line={"width": 3})
    figure.add_scatter(x=milliseconds, y=edges, name="edge of the peaks", line={"dash": "dot"})
    lay_out(figure, "Opportunities left after a latency", "latency, ms", "%", height=_HEIGHT)
    figure.update_xaxes(type="log")
    figure.update_yaxes(rangemode="tozero")
    figure.update_layout(hovermode="x")
    return figure


def crossing_figure(consolidated: pl.LazyFrame, begin: int, end: int) -> Any:
    """Plot one symbol's consolidated bid and offer with plotly between two times (ns), crossed intervals shaded.

    `consolidated` has the rows of that symbol; times are shown in ms since `begin`.
    """
    from hftlab.analysis.figure import Figure

    rows = (
        consolidated.filter(pl.col("ts_event").is_between(begin, end))
        .with_columns(((pl.col("ts_event") - begin) / 1e6).alias("ms"))
        .with_columns(pl.col("ms").shift(-1).fill_null((end - begin) / 1e6).alias("until"))
        .collect()
    )
    figure = Figure()
    for side, colour in (("bid", _BID), ("ask", _ASK)):
        figure.add_scatter(
            x=rows["ms"].to_list(),
            y=rows[side].to_list(),
            text=rows[f"{side}_venue"].to_list(),
            name=f"best {side}",
            line={"shape": "hv", "width": 2, "color": colour},
            hovertemplate="%{y} at %{text}",
        )
    crossed = (
        rows.with_columns(pl.col("state").rle_id().alias("interval"))
        .filter(pl.col("state") == "crossed")
        .group_by("interval", maintain_order=True)
        .agg(pl.col("ms").first(), pl.col("until").last())
    )
    for _, since, until in crossed.iter_rows():
        figure.add_vrect(since, until, fillcolor=_ASK, opacity=0.18, line_width=0, layer="below")
    return lay_out(figure, "The consolidated bid and offer", "ms", "price", height=_HEIGHT)


def _currencies(opportunities: pl.DataFrame) -> str:
    return " or ".join(opportunities["currency"].unique(maintain_order=True)) or "currency"
