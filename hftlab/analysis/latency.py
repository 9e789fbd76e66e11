"""Latency of a session's messages, from the venue to the server and from there to the recorder."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from hftlab.analysis.figure_style import lay_out, new_figure

__all__ = ["latency", "latency_figure", "latency_summary", "percentile_figure"]

_QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}


def latency(market_data: pl.LazyFrame) -> pl.LazyFrame:
    """Compute each message's latency in ns: feed = ts_out - ts_event, network = ts_recv - ts_out, and total.

    Columns: message, ts_recv (ns), feed, network, total. Snapshots repeat old state and are left out. The times come
    from different clocks: negative values mean that these disagree.
    """
    first = pl.col("ts_event").max().alias("ts_event")
    per_message = (
        market_data.filter(~pl.col("snapshot"))
        .group_by("message", maintain_order=True)
        .agg(pl.col("ts_recv").first(), pl.col("ts_out").first(), first)
    )
    return per_message.select(
        "message",
        "ts_recv",
        (pl.col("ts_out") - pl.col("ts_event")).alias("feed"),
        (pl.col("ts_recv") - pl.col("ts_out")).alias("network"),
        (pl.col("ts_recv") - pl.col("ts_event")).alias("total"),
    )


def latency_summary(latency: pl.LazyFrame) -> pl.DataFrame:
    """Summarise latency(): count, min, mean, p50, p95, p99, p99.9 and max of each component, in µs.

    Columns: component, count, unit ("µs"), and the statistics.
    """
    components = ["feed", "network", "total"]
    long = latency.unpivot(components, variable_name="component", value_name="ns").with_columns(pl.col("ns") / 1000)
    value = pl.col("ns")
    return (
        long.group_by("component", maintain_order=True)
        .agg(
            value.len().alias("count"),
            pl.lit("µs").alias("unit"),
            value.min().alias("min"),
            value.mean().alias("mean"),
            *(value.quantile(q, "higher").alias(name) for name, q in _QUANTILES.items()),
            value.max().alias("max"),
        )
        .collect()
    )


def latency_figure(latency: pl.LazyFrame, component: str = "network") -> Any:
    """Plot a histogram of one component of latency() with plotly, in µs on a logarithmic axis.

    Values below 1 ns count as 1 ns.
    """
    import numpy as np

    from hftlab.analysis.figure import Figure

    values = latency.select(component).collect().to_series().to_numpy()
    counts, edges = np.histogram(np.log10(np.maximum(values, 1) / 1000), bins=60)
    figure = Figure()
    figure.add_bar(
        x=10 ** ((edges[:-1] + edges[1:]) / 2),
        y=counts,
        width=np.diff(10**edges),
        hovertemplate="%{x:.4g} µs: %{y:,} messages<extra></extra>",
    )
    lay_out(figure, f"Latency: {component}", "latency, µs", "messages", height=360)
    return figure.update_xaxes(type="log")


def percentile_figure(samples: Mapping[str, Sequence[float]], title: str = "Latency by percentile") -> Any:
    """Plot with plotly how long the slowest shares of latencies (ns) took, one line a series, in ms.

    The axis gives each further nine (90 %, 99 %, 99.9 %) the same room. A line ends with its largest latency.
    """
    figure = new_figure(title, "percentile", "latency, ms")
    most = 1.0
    for name, values in samples.items():
        ranked = sorted(values)
        shares = [1 / (1 - rank / len(ranked)) for rank in range(len(ranked))]
        most = max(most, *shares, 10.0)
        line = {"shape": "hv", "width": 2}
        figure.add_scatter(x=shares, y=[value / 1e6 for value in ranked], name=name, mode="lines", line=line)
    nines = range(math.ceil(math.log10(most)) + 1)
    labels = ["0 %", *(f"{100 - 100 / 10**nine:.{max(nine - 2, 0)}f} %" for nine in nines[1:])]
    figure.update_xaxes(type="log", tickvals=[10**nine for nine in nines], ticktext=labels)
    return figure.update_yaxes(rangemode="tozero")
