"""Order-level events as the tables that the other functions here take."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from hftlab.book import Tops
from hftlab.events import BID, TRADE, EventBatch

__all__ = ["event_quotes", "event_trades"]


def event_quotes(batch: EventBatch, tops: Tops) -> pl.LazyFrame:
    """The best bid and offer after each event that has changed it, as rows that hftlab.analysis.quotes() takes.

    `tops` is what `BookSet.trace(batch)` has returned. Columns: ts_event, ts_recv (ns), symbol (as on the wire), bid,
    ask (0 where the side is empty), bid_size, ask_size, in the currency and in units.
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
    """The trades of a batch in the columns of hftlab.analysis.trades(); those of unknown aggressors are left out."""
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
    """Integers as numbers of the currency or of units, each with its own instrument's step."""
    result = np.empty(len(values))
    for number in np.unique(numbers).tolist():
        own = numbers == number
        result[own] = getattr(batch.instruments[number], method)(values[own])
    return result
