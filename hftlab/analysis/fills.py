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
    # An update has the commission of its whole order so far, and every update of an order has it.
    paid = pl.col("commission")
    of_fill = (paid - paid.shift(1).over("account", "order_id").fill_null(0.0)).round(_DECIMALS)
    return (
        order_updates.filter((pl.col("update_type") == "FILL") & ~pl.col("snapshot"))
        .with_columns(of_fill.alias("commission"))
        .select(
            *("ts_recv", "account", "client_order_id", "order_id", "symbol", "side"),
            pl.col("last_fill_price").alias("price"),
            pl.col("last_fill_quantity").alias("quantity"),
            "commission",
        )
    )
