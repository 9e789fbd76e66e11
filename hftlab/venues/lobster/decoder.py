"""Decoder of LOBSTER's columns into EventBatches: the state of the compiled loop, and its memory."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from hftlab.events import ASK, BID, F_LAST, EventBatch
from hftlab.instruments import UNIT, Instrument
from hftlab.kernels.integer_map import new_map, with_capacity
from hftlab.venues.lobster.books import levels_of
from hftlab.venues.lobster.decode_kernel import (
    COUNTS,
    DELETION,
    HALT,
    HIDDEN,
    NEW,
    VISIBLE,
    Lines,
    Orders,
    Rows,
    Window,
    decode,
    seed,
)

__all__ = ["Decoder", "find_bad_message"]

Floats = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_FIRST_ORDERS: Final = 1 << 11
_PRICE: Final = 100_000  # 1e-4 in 1e-9
_LARGEST: Final = 2**31 - 1


class Decoder:
    """Decoder of one stock's messages and order books. `counts` names what the loop has counted so far."""

    def __init__(self, instrument: Instrument, date: dt.date) -> None:
        self._instrument = instrument
        midnight = dt.datetime(date.year, date.month, date.day, tzinfo=ZoneInfo(instrument.venue.timezone))
        self._midnight = int(midnight.timestamp()) * UNIT
        self._orders = _new_orders(_FIRST_ORDERS)
        self._window = Window(np.zeros((2, 0), np.int64), np.zeros((2, 0), np.int64), np.zeros(2, np.int64))
        self._counts = np.zeros(len(COUNTS), np.int64)
        self._line = 1

    @property
    def counts(self) -> dict[str, int]:
        """Counts so far, by name."""
        return dict(zip(COUNTS, self._counts.tolist(), strict=True))

    @property
    def live(self) -> int:
        """Number of known orders."""
        return int(self._orders.live[0])

    def ts_event(self, seconds: float) -> int:
        """Convert a time of the file to ns since 1970; a double holds a day's to the nanosecond."""
        return self._midnight + round(seconds * UNIT)

    def start(self, message: Floats, book: Floats, *, follow: bool) -> EventBatch:
        """Return what rested before the first message: the book after it, with the message undone."""
        prices, sizes = levels_of(book[None])
        rested = _undone(message, prices[0], sizes[0])
        while len(rested) + 2 > len(self._orders.number):
            self._orders = _grown(self._orders)
        if follow:
            shape = (2, prices.shape[2] + 2)
            self._window = Window(np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.zeros(2, np.int64))
        rows = _new_rows(len(rested) + 1)
        sides = np.array([ASK if which == 0 else BID for which, _, _ in rested], np.uint8)
        table = np.array([(price, size) for _, price, size in rested], np.int64).reshape(-1, 2)
        written = seed(self._orders, self._window, rows, sides, table[:, 0].copy(), table[:, 1].copy())
        rows.ts_event[:] = self.ts_event(float(message[0]))
        rows.sequence[:] = 0
        rows.flags[written - 1] |= F_LAST
        return self._batch(rows, written)

    def decode(self, messages: Floats, books: Floats | None) -> Iterator[EventBatch]:
        """Yield the batches of some messages, one as a rule; the books are given always or never."""
        lines = self._lines(messages, books)
        done, capacity = 0, 4 * len(messages) + 64
        while done < len(messages):
            rows = _new_rows(capacity)
            before = done
            done, written = decode(lines, done, self._line, self._orders, self._window, rows, self._counts)
            if written:
                yield self._batch(rows, written)
            if done == before:
                self._orders, capacity = _grown(self._orders), 2 * capacity
        self._line += len(messages)

    def _lines(self, messages: Floats, books: Floats | None) -> Lines:
        _, kind, order, size, price, direction = messages.astype(np.int64).T
        time = self._midnight + np.rint(messages[:, 0] * UNIT).astype(np.int64)
        prices, sizes = levels_of(np.zeros((len(messages), 0)) if books is None else books)
        numbers = np.ascontiguousarray(order.astype(np.uint64))
        kind, size, price, direction = (np.ascontiguousarray(column) for column in (kind, size, price, direction))
        return Lines(time, kind, numbers, size, price, direction, prices, sizes)

    def _batch(self, rows: Rows, written: int) -> EventBatch:
        columns: dict[str, npt.NDArray[Any]] = {name: values[:written] for name, values in rows._asdict().items()}
        return EventBatch(
            **columns,
            ts_recv=columns["ts_event"],
            instrument_id=np.zeros(written, np.int32),
            instruments=(self._instrument,),
        )


def find_bad_message(messages: Floats) -> int | None:
    """Return the first row that is not a LOBSTER message, or None."""
    time, kind, order, size, price, direction = messages.T
    good = (messages[:, 1:] == np.rint(messages[:, 1:])).all(axis=1) & (time >= 0) & (time < 86_400)
    names_order = (kind >= NEW) & (kind <= VISIBLE)
    trades = names_order | (kind == HIDDEN)
    good &= ~names_order | ((order > 0) & (order < 2**53) & (np.abs(direction) == 1))
    good &= ~trades | ((size > 0) & (size <= _LARGEST) & (price > 0) & (price < 2**32))
    good &= (np.abs(size) <= _LARGEST) & (np.abs(price) < 2**32) & ((kind == HALT) | ((size >= 0) & (price >= 0)))
    return None if good.all() else int(np.argmin(good))


def _undone(message: Floats, prices: IntArray, sizes: IntArray) -> list[tuple[int, int, int]]:
    """Return (side, asks first; price; size) of the levels before a message, given those after it."""
    before = {
        (which, price): size
        for which in range(2)
        for price, size in zip(prices[which].tolist(), sizes[which].tolist(), strict=True)
        if size > 0
    }
    kind, _, size, price, direction = message[1:].astype(np.int64).tolist()
    level = (0 if direction < 0 else 1, price)
    if kind in (NEW, DELETION - 1, DELETION, VISIBLE):
        before[level] = before.get(level, 0) + (-size if kind == NEW else size)
    return [(which, price, size) for (which, price), size in before.items() if size > 0]


def _new_orders(capacity: int) -> Orders:
    return Orders(
        new_map(capacity),
        np.zeros(capacity, np.uint64),
        np.zeros(capacity, np.int64),
        np.zeros(capacity, np.int64),
        np.zeros(capacity, np.uint8),
        np.zeros(1, np.int64),
    )


def _grown(orders: Orders) -> Orders:
    return Orders(
        with_capacity(orders.rows, 2 * len(orders.number)),
        _doubled(orders.number),
        _doubled(orders.left),
        _doubled(orders.price),
        _doubled(orders.side),
        orders.live,
    )


def _doubled(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.concatenate([values, np.zeros_like(values)])


def _new_rows(capacity: int) -> Rows:
    return Rows(
        np.zeros(capacity, np.int64),
        np.zeros(capacity, np.int64),
        np.zeros(capacity, np.uint64),
        np.zeros(capacity, np.uint8),
        np.zeros(capacity, np.uint8),
        np.zeros(capacity, np.int64),
        np.zeros(capacity, np.int64),
        np.zeros(capacity, np.uint8),
    )
