"""Rows of trades and quotes from batches and books, as Python numbers."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.book import Tops
from hftlab.events import TRADE, EventBatch
from hftlab.instruments import Instrument
from hftlab.instruments.units import reduced

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
    bid_ticks, bid_lots, ask_ticks, ask_lots = (
        side[events] for side in (tops.bid_ticks, tops.bid_lots, tops.ask_ticks, tops.ask_lots)
    )
    tick, lot = (step.of(ids) for step in _steps(batch.instruments))
    # Mids from the sum of the ticks, so that one between two prices is as exact as they are. A side that is not there
    # has 0 ticks.
    sides = (bid_lots[:, 0] > 0).astype(np.int64) + (ask_lots[:, 0] > 0)
    sums = tick.values((bid_ticks[:, 0] + ask_ticks[:, 0])[:, np.newaxis])[:, 0]
    columns: tuple[npt.NDArray[Any], ...] = (
        rows,
        ids,
        batch.ts_event[rows],
        batch.ts_recv[rows],
        tick.values(bid_ticks),
        lot.values(bid_lots),
        tops.bid_orders[events],
        tick.values(ask_ticks),
        lot.values(ask_lots),
        tops.ask_orders[events],
        np.where(sides > 0, sums / np.maximum(sides, 1), np.nan),
    )
    return map(Quote._make, zip(*(column.tolist() for column in columns), strict=True))


class _Steps(NamedTuple):
    """Steps of 1e-9 of several instruments, in lowest terms; see hftlab.instruments.units."""

    numerators: IntArray
    denominators: IntArray

    def of(self, numbers: npt.NDArray[Any]) -> _Steps:
        """Return the step of each row, given the numbers of their instruments."""
        return _Steps(self.numerators[numbers][:, np.newaxis], self.denominators[numbers][:, np.newaxis])

    def values(self, counts: IntArray) -> npt.NDArray[np.float64]:
        """Return what rows of so many steps are, as Instrument.price() and size() do."""
        return counts * self.numerators / self.denominators


@lru_cache(maxsize=64)
def _steps(instruments: tuple[Instrument, ...]) -> tuple[_Steps, _Steps]:
    """Return the ticks and the lots of instruments."""
    ticks, lots = [reduced(one.tick) for one in instruments], [reduced(one.lot) for one in instruments]
    return _Steps(*np.array(ticks, np.int64).T), _Steps(*np.array(lots, np.int64).T)
