"""Changes of a symbol's price levels, and its trades, from the messages of a session: what their states differ in."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from hftlab.session.times import to_ns
from hftlab.venues.state_differences import differences

__all__ = ["CHANGES", "CLEARED", "SET", "TRADED", "level_changes"]

CLEARED, SET, TRADED = range(3)

CHANGES: Final = pl.Schema(
    {
        "message": pl.Int64(),
        "ts_event": pl.Int64(),
        "ts_recv": pl.Int64(),
        "kind": pl.UInt8(),  # the constants above
        "snapshot": pl.Boolean(),
        "side": pl.UInt8(),  # as in hftlab.events; of a trade the aggressor's
        "price": pl.Float64(),
        "size": pl.Float64(),  # of a level the new total, 0 if it is gone
    }
)

_SIDES: Final = {"bids": ord("B"), "asks": ord("A")}
_LEVELS: Final = pl.List(pl.Struct({"price": pl.Float64(), "size": pl.Float64(), "orders": pl.Int64()}))
_DELTA: Final = pl.Struct(
    {"bids": _LEVELS, "asks": _LEVELS, "tsEvent": pl.Float64(), "snapshot": pl.Boolean(), "type": pl.String()}
)
_KEYS: Final = ["message", "ts_event", "ts_recv"]


def level_changes(market_data: pl.LazyFrame, messages: pl.LazyFrame, symbol: str) -> pl.DataFrame:
    """Return the changes that a symbol's messages tell, with the columns CHANGES, in the order of reception.

    Levels come from BOOK_DELTA if the session has some of the symbol, else from the books in MARKET_DATA, else from its
    quotes: a level that is not in the next message is gone. Trades come first in a message, then what is gone. They are
    the `trades` of MARKET_DATA, or each new `last_trade` where these were not recorded.
    """
    own = market_data.filter(pl.col("symbol") == symbol).collect()
    is_delta = (pl.col("type") == "BOOK_DELTA") & pl.col("reason").is_null()
    deltas = messages.filter(is_delta & (pl.col("symbol") == symbol)).select("message", "ts_recv", "payload").collect()
    levels = _delta_levels(deltas) if len(deltas) else _state_levels(own)
    parts = [part.with_columns(place=pl.lit(place)) for place, part in enumerate((_trades(own), *levels))]
    return pl.concat(parts).sort("message", "place", maintain_order=True).select(CHANGES.names())


def _trades(own: pl.DataFrame) -> pl.DataFrame:
    if own["trades"].null_count() < len(own):
        rows = own.filter(~pl.col("snapshot")).select(*_KEYS[::2], "trades").explode("trades").unnest("trades")
        rows = rows.drop_nulls("price")
    else:
        rows = own.select(*_KEYS[::2], "last_trade").drop_nulls("last_trade")
        rows = rows.filter((pl.col("last_trade") != pl.col("last_trade").shift()).fill_null(value=False))
        rows = rows.unnest("last_trade")
    return rows.select(
        "message",
        to_ns(pl.col("timestamp")).alias("ts_event"),
        "ts_recv",
        kind=pl.lit(TRADED, pl.UInt8),
        snapshot=pl.lit(value=False),
        side=pl.when(pl.col("side") == "BUY").then(ord("B")).otherwise(ord("A")).cast(pl.UInt8),
        price="price",
        size="size",
    ).cast(CHANGES)


def _delta_levels(deltas: pl.DataFrame) -> list[pl.DataFrame]:
    told = deltas.select("message", "ts_recv", pl.col("payload").str.json_decode(_DELTA)).unnest("payload")
    told = told.with_columns(to_ns(pl.col("tsEvent")).alias("ts_event"), pl.col("snapshot").fill_null(value=False))
    cleared = told.filter("snapshot").select(
        *_KEYS,
        kind=pl.lit(CLEARED, pl.UInt8),
        snapshot=pl.lit(value=True),
        side=pl.lit(ord("N"), pl.UInt8),
        price=pl.lit(0.0),
        size=pl.lit(0.0),
    )
    changed = [
        told.select(*_KEYS, "snapshot", name)
        .explode(name)
        .unnest(name)
        .drop_nulls("price")
        .select(
            *_KEYS,
            kind=pl.lit(SET, pl.UInt8),
            snapshot="snapshot",
            side=pl.lit(side, pl.UInt8),
            price="price",
            size="size",
        )
        for name, side in _SIDES.items()
    ]
    return [frame.cast(CHANGES) for frame in (cleared, *changed)]


def _state_levels(own: pl.DataFrame) -> list[pl.DataFrame]:
    if all(own[name].null_count() == len(own) for name in _SIDES):
        own = own.with_columns(_best("bid", "bids"), _best("ask", "asks"))
    removed, changed = [], []
    for name, side in _SIDES.items():
        books = own.filter(pl.col(name).is_not_null())
        levels = books.select(name).with_row_index("row").explode(name).unnest(name).drop_nulls("price")
        levels = levels.filter(pl.col("size") > 0)
        rows, prices, sizes = differences(
            levels["row"].to_numpy().astype(np.int64), levels["price"].to_numpy(), levels["size"].to_numpy()
        )
        there = rows < len(books)
        rows, prices, sizes = rows[there], prices[there], sizes[there]
        frame = books[rows].select(
            *_KEYS,
            kind=pl.lit(SET, pl.UInt8),
            snapshot=pl.lit(value=False),
            side=pl.lit(side, pl.UInt8),
            price=pl.Series(prices, dtype=pl.Float64),
            size=pl.Series(sizes, dtype=pl.Float64),
        )
        removed.append(frame.filter(pl.col("size") == 0))
        changed.append(frame.filter(pl.col("size") > 0))
    return [frame.cast(CHANGES) for frame in (*removed, *changed)]


def _best(quote: str, name: str) -> pl.Expr:
    return pl.concat_list(pl.struct(price=quote, size=f"{quote}_size")).alias(name)
