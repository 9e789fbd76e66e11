"""Refused orders of a session's accounts, and why."""

from __future__ import annotations

import polars as pl

__all__ = ["rejections"]


def rejections(order_updates: pl.LazyFrame) -> pl.LazyFrame:
    """Return every request that was refused, oldest first: orders, replacements, and FOK orders that could not fill.

    Columns: ts_recv (ns), account, client_order_id, symbol, side, order_type, time_in_force, quantity, price,
    stop_price, and what a server of hftlab gives as the reason: `check`, such as "tick", and `detail`, with the limit
    and the value. A reason without a check, as another server may give it, is all `detail`.
    """
    reason = pl.col("reason")
    is_killed = (pl.col("time_in_force") == "FOK") & (pl.col("update_type") == "CANCEL")
    has_check = reason.str.contains(": ", literal=True)
    parts = reason.str.splitn(": ", 2).struct
    return order_updates.filter(((pl.col("update_type") == "REJECT") | is_killed) & ~pl.col("snapshot")).select(
        *("ts_recv", "account", "client_order_id", "symbol", "side", "order_type", "time_in_force"),
        *("quantity", "price", "stop_price"),
        pl.when(has_check).then(parts.field("field_0")).alias("check"),
        pl.when(has_check).then(parts.field("field_1")).otherwise(reason).alias("detail"),
    )
