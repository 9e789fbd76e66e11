"""Markouts: how far the market had gone from the price of a fill, some time after it."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

import polars as pl

from hftlab.backtest.result_tables import DECIMAL, with_doubles
from hftlab.clock import duration

__all__ = ["HORIZONS", "markouts", "mids"]

HORIZONS: Final = ("100ms", "1s", "10s")
_HALF: Final = Decimal("0.5")


def mids(quotes: pl.LazyFrame) -> pl.LazyFrame:
    """Return exact quotes as doubles, with their `mid`: null where a side of the book is empty."""
    both = (pl.col("bid") > 0) & (pl.col("ask") > 0)
    middle = (pl.col("bid") + pl.col("ask")) * pl.lit(_HALF, DECIMAL)
    return with_doubles(quotes.with_columns(pl.when(both).then(middle).alias("mid")))


def markouts(
    fills: pl.LazyFrame, quotes: pl.LazyFrame, gaps: pl.LazyFrame, ends: pl.LazyFrame, horizons: Iterable[str | float]
) -> pl.LazyFrame:
    """Return each fill's markout at each horizon: a row a fill and horizon, in the order of both.

    `fills`, `quotes` and `gaps` are exact tables of a result; `ends` has a session's `end` (ns). Horizons are lengths
    of time such as "100ms", or seconds. Columns: session, at, client_order_id, symbol, side, liquidity, price,
    quantity, horizon (ns), mid, markout. The markout is what a unit has earned since the fill by the middle of the
    market: mid - price of a purchase, price - mid of a sale. It is null where the mid is not known: behind the end of
    the session, in a gap of the recording, and where a side of the book was empty.
    """
    key = ["session", "symbol"]
    prices = mids(quotes).select(*key, "at", "mid").sort("at", maintain_order=True)
    holes = gaps.select(*key, pl.col("from").alias("_from"), pl.col("to").alias("_to")).sort("_from")
    horizon = pl.lit([duration(one) for one in horizons], pl.List(pl.Int64))
    sign = pl.when(pl.col("side") == "BUY").then(1.0).otherwise(-1.0)
    is_known = (pl.col("_then") <= pl.col("end")) & ~(pl.col("_then") < pl.col("_to")).fill_null(False)
    return (
        with_doubles(fills)
        .select(*key, "at", "client_order_id", "side", "liquidity", "price", "quantity")
        .with_row_index("_fill")
        .with_columns(horizon.alias("horizon"))
        .explode("horizon")
        .with_columns((pl.col("at") + pl.col("horizon")).alias("_then"))
        .sort("_then")
        .join_asof(prices, left_on="_then", right_on="at", by=key, suffix="_of_quote", check_sortedness=False)
        .join_asof(holes, left_on="_then", right_on="_from", by=key, check_sortedness=False)
        .join(ends, on="session", how="left")
        .with_columns(pl.when(is_known).then("mid").alias("mid"))
        .sort("_fill", "horizon")
        .select(
            *("session", "at", "client_order_id", "symbol", "side", "liquidity", "price", "quantity", "horizon", "mid"),
            (sign * (pl.col("mid") - pl.col("price"))).alias("markout"),
        )
    )
