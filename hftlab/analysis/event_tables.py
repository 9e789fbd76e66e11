"""Turns order-level events into the tables that the other analyses take."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from hftlab.book import Tops
from hftlab.events import BID, TRADE, EventBatch

__all__ = ["event_quotes", "event_trades"]


def event_quotes(batch: EventBatch, tops: Tops) -> pl.LazyFrame:
    """Return the best bid and offer after each event that changed them, as rows that hftlab.analysis.quotes() takes.

    `tops` is the result of `BookSet.trace(batch)`. Columns: ts_event, ts_recv (ns), symbol (as on the wire), bid and
    ask (in the currency, 0 if the side is empty), bid_size and ask_size (in units).
    """
    numbers = batch.instrument_id[tops.rows]
    best = pl.DataFrame(
        {
            "ts_event": batch.ts_event[tops.rows],
            "ts_recv": batch.ts_recv[tops.rows],
            "symbol": _names(batch, numbers),
            "bid": _each(batch, numbers, "price", tops.bid_ticks[:, 0]),
            "ask": _each(batch, numbers, "price", tops.ask_ticks[:, 0]),
            "bid_size": _each(batch, numbers, "size", tops.bid_lots[:, 0]),
            "ask_size": _each(batch, numbers, "size", tops.ask_lots[:, 0]),
        }
    )
    quote = pl.struct("bid", "ask", "bid_size", "ask_size")
    return best.lazy().filter((quote != quote.shift(1)).fill_null(True).over("symbol"))


def event_trades(batch: EventBatch) -> pl.LazyFrame:
    """Return a batch's trades in the columns of hftlab.analysis.trades(), without those whose aggressor is unknown."""
    rows = np.flatnonzero((batch.action == TRADE) & np.isin(batch.side, list(b"BA")))
    numbers = batch.instrument_id[rows]
    return pl.LazyFrame(
        {
            "ts_event": batch.ts_event[rows],
            "ts_recv": batch.ts_recv[rows],
            "symbol": _names(batch, numbers),
            "price": batch.price[rows] / 1e9,
            "size": _each(batch, numbers, "size", batch.size[rows]),
            "side": pl.Series(np.where(batch.side[rows] == BID, "BUY", "SELL"), dtype=pl.String),
        }
    )


def _names(batch: EventBatch, numbers: npt.NDArray[Any]) -> pl.Series:
    names = pl.Series([one.wire_symbol for one in batch.instruments], dtype=pl.String)
    return names.gather(pl.Series(numbers, dtype=pl.UInt32))


def _each(batch: EventBatch, numbers: npt.NDArray[Any], method: str, values: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """Convert ticks or lots to the currency or to units, each value with its own instrument's step."""
    result = np.empty(len(values))
    for number in np.unique(numbers).tolist():
        own = numbers == number
        result[own] = getattr(batch.instruments[number], method)(values[own])
    return result
