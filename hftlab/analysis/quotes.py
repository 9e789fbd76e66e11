"""Best bid and offer of a session: mid, spread, microprice and imbalance."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import polars as pl

from hftlab.analysis.figure_style import lay_out

__all__ = ["mid_figure", "quotes"]


def quotes(market_data: pl.LazyFrame) -> pl.LazyFrame:
    """Compute the quotes of `market_data`, one row per row of it that has both sides.

    Columns: ts_event (ns), ts_recv (ns), symbol, bid, ask, bid_size, ask_size, mid, spread (in the currency),
    spread_bps, microprice, imbalance (from -1, all size at the ask, to 1, all at the bid). The microprice weighs each
    side's price with the other side's size (Stoikov, "The micro-price", 2018, its first-order form).
    """
    bid, ask, bid_size, ask_size = (pl.col(name) for name in ("bid", "ask", "bid_size", "ask_size"))
    mid, total = (bid + ask) / 2, bid_size + ask_size
    return (
        market_data.filter((bid > 0) & (ask > 0))
        .select("ts_event", "ts_recv", "symbol", "bid", "ask", "bid_size", "ask_size")
        .with_columns(
            mid.alias("mid"),
            (ask - bid).alias("spread"),
            ((ask - bid) / mid * 1e4).alias("spread_bps"),
            pl.when(total > 0).then((bid * ask_size + ask * bid_size) / total).otherwise(mid).alias("microprice"),
            pl.when(total > 0).then((bid_size - ask_size) / total).otherwise(0.0).alias("imbalance"),
        )
    )


def mid_figure(
    quotes: pl.LazyFrame,
    symbols: Iterable[str] | None = None,
    *,
    points: int = 2000,
    coverage: pl.DataFrame | None = None,
) -> Any:
    """Plot each symbol's mid price relative to its first with plotly, in basis points, at most `points` a line.

    With `coverage`, which is session.coverage(detail=True), lines are broken where their symbol was not recorded.
    """
    from hftlab.analysis.figure import Figure

    frame = quotes.select("ts_event", "symbol", "mid").collect()
    figure = Figure()
    for symbol in symbols or frame["symbol"].unique(maintain_order=True):
        line = frame.filter(pl.col("symbol") == symbol)
        if line.is_empty():
            continue
        line = line.gather_every(math.ceil(line.height / points))
        if coverage is not None:
            line = _broken(line, coverage.filter(pl.col("symbol") == symbol))
        change = (line["mid"] / line["mid"][0] - 1) * 1e4
        figure.add_scatter(
            x=line["ts_event"].cast(pl.Datetime("ns")).to_list(), y=change.to_list(), name=symbol, line_shape="hv"
        )
    return lay_out(figure, "Mid price", "time (UTC)", "change, bps", height=420)


def _broken(line: pl.DataFrame, coverage: pl.DataFrame) -> pl.DataFrame:
    """End a line where its symbol's coverage does: with the last mid, which stood until then, and with none."""
    ends = coverage.filter(~pl.col("covered")).select(pl.col("from").alias("ts_event"), "symbol").sort("ts_event")
    first, last = line["ts_event"].min(), line["ts_event"].max()
    inside = ends.filter(pl.col("ts_event").is_between(first, last))
    stood = inside.join_asof(line.select("ts_event", "mid").sort("ts_event"), on="ts_event")
    missing = inside.with_columns(pl.lit(None, pl.Float64).alias("mid"))
    pieces = (piece.select(line.columns) for piece in (line, stood, missing))
    return pl.concat(pieces).sort("ts_event", maintain_order=True)
