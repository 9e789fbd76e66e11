"""Resting size by time and price: the columns of a heat map of a recorded book."""

from __future__ import annotations

from typing import Final, NamedTuple

import polars as pl

__all__ = ["BookHeat", "book_heat", "trade_heat"]

_LEVELS: Final = ("price", "size", "orders")


class BookHeat(NamedTuple):
    """Sizes by column and row, and best prices by column.

    `cells` has the columns column, row, size and orders (means over the column's states), only where something rested;
    `row` is the price divided by the height of a row, rounded down. `columns` has column, bid and ask (prices of the
    column's last state, null for an empty side); columns before the first state are missing.
    """

    cells: pl.DataFrame
    columns: pl.DataFrame


def book_heat(
    market_data: pl.LazyFrame,
    symbol: str,
    start: int,
    step: int,
    count: int,
    *,
    tick: float,
    group: int = 1,
    states: int | None = 8,
) -> BookHeat:
    """Compute `count` columns of a heat map from `start` on (ns of ts_event), each `step` ns wide.

    A row is `group` ticks high. The size in a cell is the mean, over the states of the book in its column, of all that
    rested in its row; of each column at most `states` states are taken, evenly chosen, the last one included (None: all
    of them). A column without a state has the last one before it. States without levels are their best quotes.
    """
    if step <= 0 or count <= 0 or group <= 0:
        raise ValueError(f"step, count and group must be above 0, got {step}, {count} and {group}")
    found = _states(market_data, symbol, start, step, count, states).with_row_index("state")
    every = pl.DataFrame({"column": range(count)}, schema={"column": pl.Int64()})
    lasts = found.group_by("column", maintain_order=True).agg(pl.col("state").last())
    carried = every.join_asof(lasts, on="column", strategy="backward").filter(pl.col("state").is_not_null())
    empty = carried.join(lasts, on="column", how="anti")
    used = pl.concat([found.filter(pl.col("column") >= 0).select("column", "state"), empty.select("column", "state")])
    weights = used.group_by("column").agg(pl.len().alias("states"))
    row = ((pl.col("price") / tick).round() / group).floor().cast(pl.Int64)
    levels = pl.concat(
        [
            found.select("state", pl.col(side).alias("level")).explode("level").filter(pl.col("level").is_not_null())
            for side in ("bids", "asks")
        ]
    ).select("state", *(pl.col("level").struct.field(name) for name in _LEVELS))
    cells = (
        used.join(levels, on="state")
        .group_by("column", row.alias("row"))
        .agg(pl.col("size").sum(), pl.col("orders").sum())
        .join(weights, on="column")
        .select("column", "row", *(pl.col(name) / pl.col("states") for name in ("size", "orders")))
        .filter(pl.col("size") > 0)
        .sort("column", "row")
    )
    best = carried.join(found.select("state", "bid", "ask"), on="state").select("column", "bid", "ask").sort("column")
    return BookHeat(cells, best)


def trade_heat(
    trades: pl.LazyFrame, symbol: str, start: int, step: int, count: int, *, tick: float, group: int = 1
) -> pl.DataFrame:
    """Sum up trades, as of hftlab.analysis.trades(), by column, row and side: column, row, side, size, ts_event (mean).

    Columns and rows are those of book_heat().
    """
    time = pl.col("ts_event")
    row = ((pl.col("price") / tick).round() / group).floor().cast(pl.Int64)
    return (
        trades.filter((pl.col("symbol") == symbol) & (time >= start) & (time < start + step * count))
        .group_by(((time - start) // step).alias("column"), row.alias("row"), "side")
        .agg(pl.col("size").sum(), (time - start).mean().round().cast(pl.Int64).alias("since"))
        .select("column", "row", "side", "size", (pl.col("since") + start).alias("ts_event"))
        .sort("column", "row", "side")
        .collect()
    )


def _states(
    market_data: pl.LazyFrame, symbol: str, start: int, step: int, count: int, most: int | None
) -> pl.DataFrame:
    """Return the states of the columns: column, bids, asks, bid, ask; that before `start` has the column -1."""
    time, own = pl.col("ts_event"), market_data.filter(pl.col("symbol") == symbol)
    inside = own.filter((time >= start) & (time < start + step * count))
    # Levels are long: those of the last state before are read alone, once its time is known.
    before = own.filter(time < start).select(time.max()).collect().item()
    column = (time - start) // step
    number, total = pl.int_range(pl.len()).over("column"), pl.len().over("column")
    chosen = inside.sort("ts_event", maintain_order=True).with_columns(column.alias("column"))
    if most is not None:
        every = (total + most - 1) // most
        chosen = chosen.filter((total - 1 - number) % every == 0)
    parts = [chosen]
    if before is not None:
        parts.insert(0, own.filter(time == before).tail(1).with_columns(pl.lit(-1, pl.Int64).alias("column")))
    return pl.concat([_with_levels(part) for part in parts]).collect()


def _with_levels(states: pl.LazyFrame) -> pl.LazyFrame:
    """Return column, bids, asks, bid and ask; a state without levels has its best quote as one a side."""
    sides = []
    for side, best in (("bids", "bid"), ("asks", "ask")):
        quote = pl.struct(
            pl.col(best).alias("price"), pl.col(f"{best}_size").alias("size"), pl.lit(0, pl.Int64).alias("orders")
        )
        levels = pl.col(side).list.eval(
            pl.struct(*(pl.element().struct.field(name) for name in _LEVELS[:2]), _orders())
        )
        is_empty = pl.col("bids").is_null() & pl.col("asks").is_null()
        quotes = pl.when(pl.col(best) > 0).then(pl.concat_list(quote))
        sides.append(pl.when(is_empty).then(quotes).otherwise(levels).alias(side))
    prices = (pl.when(pl.col(best) > 0).then(pl.col(best)).alias(best) for best in ("bid", "ask"))
    return states.select("column", *sides, *prices)


def _orders() -> pl.Expr:
    return pl.element().struct.field("orders").fill_null(0).cast(pl.Int64).alias("orders")
