"""Pictures of what venues disagree on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import polars as pl

from hftlab.analysis.arbitrage import caught

__all__ = ["caught_figure", "crossing_figure", "lifetime_figure"]

# Read on white as well as on black, and told apart with every common colour blindness.
_BID, _ASK, _CROSSED = "#3d8fd1", "#d9772b", "rgba(217, 119, 43, 0.18)"
_COLOURS: Final = (_BID, _ASK, "#2e9e6b", "#b45fb0", "#a08a2c", "#c7566b", "#5f7fa8", "#7a7a7a")
_INK, _GRID, _CLEAR = "#808890", "rgba(128, 136, 144, 0.25)", "rgba(0, 0, 0, 0)"
_LATENCIES: Final = tuple(round(10 ** (exponent / 4)) for exponent in range(16, 41))  # 10 µs to 10 s


def lifetime_figure(opportunities: pl.DataFrame) -> Any:
    """A plotly figure of every closed opportunity: lifetime (ms, logarithmic) against peak edge, a colour a symbol."""
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
    _lay_out(figure, "Every opportunity: how long it lasted, and what it was worth", "lifetime, ms")
    figure.update_xaxes(type="log")
    figure.update_yaxes(type="log", title=f"peak edge after fees, {_currencies(closed)}")
    return figure


def caught_figure(opportunities: pl.DataFrame, latencies: Sequence[int] = _LATENCIES) -> Any:
    """A plotly figure of what is left at each latency (ns): the share of opportunities, and of the edge of their peaks.

    Opportunities may grow before they go, so that the edge need not fall all the way.
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
    _lay_out(figure, "What a latency leaves", "latency, ms")
    figure.update_xaxes(type="log")
    figure.update_yaxes(title="%", rangemode="tozero")
    figure.update_layout(hovermode="x")
    return figure


def crossing_figure(consolidated: pl.LazyFrame, begin: int, end: int) -> Any:
    """A plotly figure of a symbol's consolidated bid and offer between two times (ns), the crossed stretches shaded.

    `consolidated` has the rows of one symbol; times are shown in ms since `begin`.
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
    stretches = (
        rows.with_columns(pl.col("state").rle_id().alias("stretch"))
        .filter(pl.col("state") == "crossed")
        .group_by("stretch", maintain_order=True)
        .agg(pl.col("ms").first(), pl.col("until").last())
    )
    for _, since, until in stretches.iter_rows():
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
