"""Quality of a recording: messages that are missing from it."""

from __future__ import annotations

import polars as pl

__all__ = ["sequence_gaps"]


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
