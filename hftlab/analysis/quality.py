"""Quality of a recording: messages that are missing from it, and those that came late."""

from __future__ import annotations

import polars as pl

__all__ = ["late_messages", "sequence_gaps"]


def sequence_gaps(market_data: pl.LazyFrame) -> pl.LazyFrame:
    """Count the gaps in each channel's sequences: messages, first and last sequence, and `missing`, those in between.

    Sequences restart with every connection, so pass one connection's rows at a time; the control table tells where one
    begins.
    """
    sequence = pl.col("sequence")
    return (
        market_data.filter(sequence.is_not_null() & ~pl.col("snapshot"))
        .group_by("channel", maintain_order=True)
        .agg(
            sequence.n_unique().alias("messages"),
            sequence.min().alias("first"),
            sequence.max().alias("last"),
            (sequence.max() - sequence.min() + 1 - sequence.n_unique()).cast(pl.Int64).alias("missing"),
        )
    )


def late_messages(market_data: pl.LazyFrame) -> pl.LazyFrame:
    """Count each symbol's late rows: those whose ts_event is before one that had come already.

    Columns: symbol, rows, late, and behind, how far the latest of them was behind (ns, 0 without any). Snapshots repeat
    old state and do not count. Rows are taken in the order of reception.
    """
    behind = (pl.col("ts_event").cum_max() - pl.col("ts_event")).over("symbol")
    return (
        market_data.filter(~pl.col("snapshot"))
        .select("symbol", behind.alias("behind"))
        .group_by("symbol")
        .agg(
            pl.len().cast(pl.Int64).alias("rows"),
            (pl.col("behind") > 0).sum().cast(pl.Int64).alias("late"),
            pl.col("behind").max(),
        )
        .sort("symbol")
    )
