"""Trades of a session, and the bars made of them."""

from __future__ import annotations

import polars as pl

from hftlab.analysis.coverage import covered_share
from hftlab.session.times import to_ns

__all__ = ["bars", "trades"]


def trades(market_data: pl.LazyFrame) -> pl.LazyFrame:
    """Return every trade in order of arrival: ts_event (ns), ts_recv (ns), symbol, price, size, side (the aggressor's).

    A session has trades if the recording client had subscribed to TRADES, or if the recorded source has them.
    """
    trade = pl.col("trades").struct
    return (
        market_data.select("ts_recv", "symbol", "trades")
        .explode("trades")
        .filter(pl.col("trades").is_not_null())
        .select(
            to_ns(trade.field("timestamp")).alias("ts_event"),
            "ts_recv",
            "symbol",
            trade.field("price"),
            trade.field("size"),
            trade.field("side"),
        )
    )


def bars(trades: pl.LazyFrame, every: str = "1s", *, coverage: pl.DataFrame | None = None) -> pl.LazyFrame:
    """Aggregate trades to open, high, low, close, volume, vwap and count per symbol and interval.

    `time` is the interval's start in UTC, `every` a polars duration such as "1s" or "5m". Intervals without a trade
    have no row. With `coverage`, which is session.coverage(detail=True), the column `covered` tells the share of each
    interval in which its symbol was recorded: volumes and counts are too low where it is below 1.
    """
    price, size = pl.col("price"), pl.col("size")
    made = (
        trades.sort("ts_event", maintain_order=True)
        .with_columns(pl.col("ts_event").cast(pl.Datetime("ns")).alias("time"))
        .group_by_dynamic("time", every=every, group_by="symbol")
        .agg(
            price.first().alias("open"),
            price.max().alias("high"),
            price.min().alias("low"),
            price.last().alias("close"),
            size.sum().alias("volume"),
            ((price * size).sum() / size.sum()).alias("vwap"),
            pl.len().alias("count"),
        )
    )
    return made if coverage is None else covered_share(made, coverage, every)
