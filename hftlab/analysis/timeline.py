"""A symbol's price and volume over a span of time, in as many points as a screen has room for."""

from __future__ import annotations

import polars as pl

__all__ = ["timeline"]


def timeline(market_data: pl.LazyFrame, symbol: str, start: int, end: int, *, bins: int = 600) -> pl.LazyFrame:
    """Divide the span from `start` to `end` (ts_recv, ns) into bins, and give those in which the symbol had a row.

    Columns: bin (from 0), time (its start, ns), price (the last), volume (what was traded in it: the change of the
    day's volume since the symbol's last row before it, never below 0).
    """
    if bins < 1:
        raise ValueError(f"bins must be at least 1, got {bins!r}")
    width = max(1, -(-(end - start + 1) // bins))
    time, volume = pl.col("ts_recv"), pl.col("volume")
    return (
        market_data.filter((pl.col("symbol") == symbol) & time.is_between(start, end))
        .select(((time - start) // width).alias("bin"), "price", "volume")
        .group_by("bin", maintain_order=True)
        .agg(pl.col("price").last(), volume.first().alias("opening"), volume.last())
        .sort("bin")
        .select(
            "bin",
            (start + pl.col("bin") * width).alias("time"),
            "price",
            (volume - volume.shift(1).fill_null(pl.col("opening"))).clip(0).alias("volume"),
        )
    )
