"""Coverage of a session carried into what is computed from it."""

from __future__ import annotations

import polars as pl

__all__ = ["covered_share", "covered_time"]


def covered_share(bins: pl.LazyFrame, coverage: pl.DataFrame, every: str, *, ends: bool = False) -> pl.LazyFrame:
    """Add the column `covered` to bins of time: the share of each, from 0 to 1, in which its symbol was recorded.

    `bins` has the columns symbol and time (Datetime, UTC), the start of an interval of length `every`, a polars
    duration; with `ends` its end. `coverage` is session.coverage(detail=True), whose times are those of reception: bins
    by ts_event are off by the latency. A symbol that is not in it is covered nowhere.
    """
    time = pl.col("time").dt.replace_time_zone(None).cast(pl.Datetime("ns"))
    start, end = (time.dt.offset_by(f"-{every}"), time) if ends else (time, time.dt.offset_by(every))
    start, end = start.cast(pl.Int64), end.cast(pl.Int64)
    return covered_time(bins, coverage, start, end).with_columns(pl.col("covered") / (end - start))


def covered_time(rows: pl.LazyFrame, coverage: pl.DataFrame, start: pl.Expr, end: pl.Expr) -> pl.LazyFrame:
    """Add the column `covered` to rows with a symbol: the ns between `start` and `end` in which it was recorded.

    `start` and `end` are ns as int64; `coverage` is session.coverage(detail=True).
    """
    length = pl.col("to") - pl.col("from")
    covered = pl.when(pl.col("covered")).then(length).otherwise(0)
    pieces = (
        coverage.lazy()
        .sort("symbol", "from")
        .with_columns((covered.cum_sum() - covered).over("symbol").alias("before"))
        .select("symbol", "from", "to", "before", pl.col("covered").alias("is_covered"))
        .sort("from")
    )
    numbered = rows.with_row_index("_row").with_columns(start.alias("_start"), end.alias("_end"))
    for edge in ("_start", "_end"):
        numbered = (
            numbered.sort(edge)
            .join_asof(pieces, left_on=edge, right_on="from", by="symbol", check_sortedness=False, coalesce=False)
            .with_columns(_covered_until(edge).alias(f"{edge}_covered"))
            .drop("from", "to", "before", "is_covered", "symbol_right", strict=False)
        )
    return (
        numbered.sort("_row")
        .with_columns((pl.col("_end_covered") - pl.col("_start_covered")).alias("covered"))
        .drop("_row", "_start", "_end", "_start_covered", "_end_covered")
    )


def _covered_until(edge: str) -> pl.Expr:
    """Time that was covered up to an edge, of the piece that it is in."""
    within = pl.min_horizontal(pl.col(edge), pl.col("to")) - pl.col("from")
    return (pl.col("before") + pl.when(pl.col("is_covered")).then(within).otherwise(0)).fill_null(0)
