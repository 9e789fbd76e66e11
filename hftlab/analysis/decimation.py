"""Long lines in as many points as a screen has room for, with their peaks and troughs."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

__all__ = ["decimated"]


def decimated(table: pl.DataFrame, columns: Sequence[str], points: int) -> pl.DataFrame:
    """Keep at most about `points` rows of a table that is sorted by time: the first and last, and all extremes.

    The rows are divided into equal runs, of each of which the first, the last, and the least and the greatest of every
    column stay: a line through them looks like the line through all (M4, Jugel et al., VLDB 2014). Rows without a
    value stay no longer than their run has others. A table with no more than `points` rows is returned as it is.
    """
    if points < 1:
        raise ValueError(f"points must be at least 1, got {points!r}")
    if table.height <= points:
        return table
    runs = max(1, points // (2 + 2 * len(columns)))
    row = pl.int_range(pl.len())
    run = (row * runs // table.height).alias("_run")
    kept = (
        table.lazy()
        .select(row.alias("_row"), run, *columns)
        .group_by("_run")
        .agg(
            pl.col("_row").first().alias("_first"),
            pl.col("_row").last().alias("_last"),
            *(pl.col("_row").get(pl.col(column).arg_min()).alias(f"_least_{column}") for column in columns),
            *(pl.col("_row").get(pl.col(column).arg_max()).alias(f"_most_{column}") for column in columns),
        )
        .drop("_run")
        .collect()
    )
    rows = pl.concat([kept[name] for name in kept.columns]).drop_nulls().unique().sort()
    return table[rows]
