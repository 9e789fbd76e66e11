"""Fills of a session's accounts."""

from __future__ import annotations

import polars as pl

__all__ = ["fills"]

_DECIMALS = 9
"""Decimals of money on the wire; the difference of two sums has the noise of binary fractions beyond."""


def fills(order_updates: pl.LazyFrame) -> pl.LazyFrame:
    """Return every fill of a session's `order_updates`, oldest first.

    Columns: ts_recv (ns), account, client_order_id, order_id, symbol, side, price, quantity, and the commission of that
    fill (a rebate is below 0, null where the server does not say).
    """
    # An update has the commission of its whole order so far, as has the snapshot of one that was filled in part before.
    told = pl.col("commission").forward_fill().shift(1).over("account", "order_id").fill_null(0.0)
    # Another server may have given the same id before: nothing was paid before an order's first fill.
    is_first = pl.col("filled_quantity") <= pl.col("last_fill_quantity")
    before = pl.when(is_first).then(0.0).otherwise(told)
    return (
        order_updates.with_columns((pl.col("commission") - before).round(_DECIMALS).alias("commission"))
        .filter((pl.col("update_type") == "FILL") & ~pl.col("snapshot"))
        .select(
            *("ts_recv", "account", "client_order_id", "order_id", "symbol", "side"),
            pl.col("last_fill_price").alias("price"),
            pl.col("last_fill_quantity").alias("quantity"),
            "commission",
        )
    )
