"""Rows of trades and quotes from batches and books, as Python numbers."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.book import Tops
from hftlab.events import TRADE, EventBatch
from hftlab.instruments import Instrument

__all__ = ["Quote", "TradeRow", "quotes", "trades"]

IntArray = npt.NDArray[np.int64]


class TradeRow(NamedTuple):
    """Trade: a row of action T, with the batch's integers."""

    row: int
    instrument_id: int
    ts_event: int
    side: int
    price: int
    size: int


class Quote(NamedTuple):
    """Best levels of a book after one event, in the currency and in units, best first; size 0 means no level."""

    row: int
    instrument_id: int
    ts_event: int
    ts_recv: int
    bid_prices: list[float]
    bid_sizes: list[float]
    bid_orders: list[int]
    ask_prices: list[float]
    ask_sizes: list[float]
    ask_orders: list[int]
    mid: float  # the best of the only side if there is one side, NaN if there is none


def trades(batch: EventBatch) -> dict[int, deque[TradeRow]]:
    """Collect the trades of each instrument, by its number in the batch."""
    rows = np.flatnonzero(batch.action == TRADE)
    columns: tuple[npt.NDArray[Any], ...] = (
        batch.instrument_id,
        batch.ts_event,
        batch.side,
        batch.price,
        batch.size,
    )
    found: defaultdict[int, deque[TradeRow]] = defaultdict(deque)
    for values in zip(rows.tolist(), *(column[rows].tolist() for column in columns), strict=True):
        trade = TradeRow._make(values)
        found[trade.instrument_id].append(trade)
    return found


def quotes(tops: Tops, batch: EventBatch, events: IntArray) -> Iterator[Quote]:
    """Convert the tops numbered `events`, for the whole batch at once."""
    rows = tops.rows[events]
    ids = batch.instrument_id[rows]
    ticks_and_lots = [side[events] for side in (tops.bid_ticks, tops.bid_lots, tops.ask_ticks, tops.ask_lots)]
    numbers = [np.empty(side.shape) for side in ticks_and_lots]
    mid = np.empty(len(ids))
    for number in np.unique(ids).tolist():
        instrument, mine = batch.instruments[number], ids == number
        bid_ticks, bid_lots, ask_ticks, ask_lots = (side[mine] for side in ticks_and_lots)
        numbers[0][mine], numbers[1][mine] = instrument.price(bid_ticks), instrument.size(bid_lots)
        numbers[2][mine], numbers[3][mine] = instrument.price(ask_ticks), instrument.size(ask_lots)
        mid[mine] = _mids(bid_ticks, bid_lots, ask_ticks, ask_lots, instrument)
    columns: tuple[npt.NDArray[Any], ...] = (
        rows,
        ids,
        batch.ts_event[rows],
        batch.ts_recv[rows],
        *numbers[:2],
        tops.bid_orders[events],
        *numbers[2:],
        tops.ask_orders[events],
        mid,
    )
    return map(Quote._make, zip(*(column.tolist() for column in columns), strict=True))


def _mids(
    bid_ticks: IntArray, bid_lots: IntArray, ask_ticks: IntArray, ask_lots: IntArray, instrument: Instrument
) -> npt.NDArray[np.float64]:
    """Compute mids from the sum of the ticks, so that a mid between two prices is as exact as they are."""
    sides = (bid_lots[:, 0] > 0).astype(np.int64) + (ask_lots[:, 0] > 0)
    # A side that is not there has 0 ticks.
    return np.where(sides > 0, instrument.price(bid_ticks[:, 0] + ask_ticks[:, 0]) / np.maximum(sides, 1), np.nan)
