"""Figures of arbitrage between venues."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import polars as pl

from hftlab.analysis.arbitrage import caught

__all__ = ["caught_figure", "crossing_figure", "lifetime_figure"]

# Readable on white and on black, and distinguishable with every common colour blindness.
_BID, _ASK, _CROSSED = "#3d8fd1", "#d9772b", "rgba(217, 119, 43, 0.18)"
_COLOURS: Final = (_BID, _ASK, "#2e9e6b", "#b45fb0", "#a08a2c", "#c7566b", "#5f7fa8", "#7a7a7a")
_INK, _GRID, _CLEAR = "#808890", "rgba(128, 136, 144, 0.25)", "rgba(0, 0, 0, 0)"
_LATENCIES: Final = tuple(round(10 ** (exponent / 4)) for exponent in range(16, 41))  # 10 µs to 10 s


def lifetime_figure(opportunities: pl.DataFrame) -> Any:
    """Plot every closed opportunity with plotly: lifetime (ms) against peak edge, logarithmic, one colour a symbol."""
    import plotly.graph_objects as go

    figure = go.Figure()
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
    _lay_out(figure, "Lifetime and peak edge of every opportunity", "lifetime, ms")
    figure.update_xaxes(type="log")
    figure.update_yaxes(type="log", title=f"peak edge after fees, {_currencies(closed)}")
    return figure


def caught_figure(opportunities: pl.DataFrame, latencies: Sequence[int] = _LATENCIES) -> Any:
    """Plot with plotly what is left after each latency (ns): share of the opportunities, and of their peak edges.

    The edge need not fall steadily, since opportunities may grow before they close.
    """
    import plotly.graph_objects as go

    left = [caught(opportunities, latency) for latency in latencies]
    peaks, count = float(opportunities["peak_edge"].sum()), max(opportunities.height, 1)
    milliseconds = [latency / 1e6 for latency in latencies]
    counts = [frame.filter(pl.col("caught_size") > 0).height / count * 100 for frame in left]
    edges = [float(frame["caught_edge"].sum()) / peaks * 100 if peaks else 0.0 for frame in left]
    figure = go.Figure()
    figure.add_scatter(x=milliseconds, y=counts, name="opportunities", line={"width": 3})
    figure.add_scatter(x=milliseconds, y=edges, name="edge of the peaks", line={"dash": "dot"})
    _lay_out(figure, "Opportunities left after a latency", "latency, ms")
    figure.update_xaxes(type="log")
    figure.update_yaxes(title="%", rangemode="tozero")
    figure.update_layout(hovermode="x")
    return figure


def crossing_figure(consolidated: pl.LazyFrame, begin: int, end: int) -> Any:
    """Plot one symbol's consolidated bid and offer with plotly between two times (ns), crossed intervals shaded.

    `consolidated` has the rows of that symbol; times are shown in ms since `begin`.
    """
    import plotly.graph_objects as go

    rows = (
        consolidated.filter(pl.col("ts_event").is_between(begin, end))
        .with_columns(((pl.col("ts_event") - begin) / 1e6).alias("ms"))
        .with_columns(pl.col("ms").shift(-1).fill_null((end - begin) / 1e6).alias("until"))
        .collect()
    )
    figure = go.Figure()
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
        figure.add_vrect(since, until, fillcolor=_CROSSED, line_width=0, layer="below")
    _lay_out(figure, "The consolidated bid and offer", "ms")
    figure.update_yaxes(title="price")
    return figure


def _lay_out(figure: Any, title: str, x_title: str) -> None:
    figure.update_layout(
        template="none",
        title={"text": title, "x": 0.02, "font_size": 16},
        colorway=_COLOURS,
        font={"color": _INK, "size": 12},
        paper_bgcolor=_CLEAR,
        plot_bgcolor=_CLEAR,
        legend={"orientation": "h", "x": 1, "xanchor": "right", "y": 1.02, "yanchor": "bottom"},
        margin={"l": 70, "r": 20, "t": 70, "b": 50},
        height=360,
    )
    figure.update_xaxes(title=x_title, gridcolor=_GRID, zeroline=False)
    figure.update_yaxes(gridcolor=_GRID, zeroline=False)


def _currencies(opportunities: pl.DataFrame) -> str:
    return " or ".join(opportunities["currency"].unique(maintain_order=True)) or "currency"
