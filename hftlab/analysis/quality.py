"""What is absent from a session."""

from __future__ import annotations

import polars as pl

__all__ = ["sequence_gaps"]


def sequence_gaps(market_data: pl.LazyFrame) -> pl.LazyFrame:
    """Per channel: messages, first and last sequence, and `missing`, the sequences in between that are not there.

    Sequences restart when a connection is made anew, so look at one connection at a time (see the control table).
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
