"""Price-level order books of many instruments, fed with batches of events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np

from hftlab.book.kernels import (
    BAD_INSTRUMENT,
    BAD_PRICE,
    BAD_SIDE,
    CLEARS,
    CROSSED,
    NOT_LEVELS,
    TALLIES,
    UNKNOWN_LEVELS,
    Columns,
    Pool,
    Tops,
    apply_levels,
    find_bad_row,
)
from hftlab.errors import EventError
from hftlab.events import F_LAST, EventBatch
from hftlab.instruments import Instrument

__all__ = ["BookSet", "Level", "OrderBook", "Tops"]

Level: TypeAlias = tuple[float, float, int]
"""(price in the currency, size in units, number of orders); 0 orders where the venue does not tell how many."""

_FIRST_POOL = 4096


class BookSet:
    """The books of every instrument that its batches name.

    `books.apply(batch)` brings them up to date in one compiled call; `books["BTCUSDT"]` is then that symbol's book.
    Rows that change a book must be flagged F_MBP. Not to be shared between threads without a lock.
    """

    def __init__(self) -> None:
        self._numbers: dict[Instrument, int] = {}
        self._batch_instruments: tuple[Instrument, ...] | None = None
        self._batch_books = self._batch_ticks = np.empty(0, np.int64)
        empty = np.zeros(0, np.int64)
        self._pool = Pool(
            keys=np.zeros(_FIRST_POOL, np.int64),
            lots=np.zeros(_FIRST_POOL, np.int64),
            used=np.zeros(1, np.int64),
            start=empty,
            length=empty,
            capacity=empty,
            tallies=np.zeros((0, TALLIES), np.int64),
        )

    def apply(self, batch: EventBatch) -> None:
        """Apply a batch. Raises EventError, and changes nothing, if a row does not fit (see `trace()`)."""
        self._run(batch, _new_tops(0, 0))

    def trace(self, batch: EventBatch, depth: int = 10) -> Tops:
        """Apply a batch and return the best `depth` levels after each of its rows flagged F_LAST.

        `rows` (n,) index the batch; `bid_ticks`, `bid_lots`, `ask_ticks`, `ask_lots` are (n, depth) integers, best
        first, 0 lots where there is no such level. With depth=1 it is the best bid and offer. Raises ValueError for a
        depth below 1, and EventError, changing nothing, for a row that names an unknown instrument, has no side, is
        not flagged F_MBP, or whose price is no multiple of the instrument's tick.
        """
        if depth < 1:
            raise ValueError(f"depth must be 1 or more, got {depth}")
        tops = _new_tops(int(np.count_nonzero(batch.flags & F_LAST)), depth)
        self._run(batch, tops)
        return tops

    def __getitem__(self, key: str | Instrument) -> OrderBook:
        """The book of an instrument, or of a symbol if only one venue has it. Raises KeyError."""
        if isinstance(key, Instrument):
            return OrderBook(self, key, self._numbers[key])
        found = [instrument for instrument in self._numbers if instrument.symbol == key]
        if len(found) != 1:
            venues = " and ".join(instrument.venue.name for instrument in found)
            raise KeyError(f"{key} is in the books of {venues}: index by Instrument" if found else key)
        return self[found[0]]

    def __contains__(self, key: object) -> bool:
        return key in self._numbers or any(instrument.symbol == key for instrument in self._numbers)

    def __iter__(self) -> Iterator[OrderBook]:
        return (OrderBook(self, instrument, number) for instrument, number in self._numbers.items())

    def __len__(self) -> int:
        return len(self._numbers)

    def __repr__(self) -> str:
        return f"BookSet({', '.join(instrument.symbol for instrument in self._numbers)})"

    def _run(self, batch: EventBatch, tops: Tops) -> None:
        columns = self._columns(batch)
        row, rule = find_bad_row(columns)
        if rule:
            raise _unfit(batch, row, rule)
        row, written = apply_levels(self._pool, columns, tops, 0, 0)
        while row < len(batch):
            self._grow_pool()
            row, written = apply_levels(self._pool, columns, tops, row, written)

    def _columns(self, batch: EventBatch) -> Columns:
        if batch.instruments is not self._batch_instruments:
            self._add_books(batch.instruments)
        return Columns(
            batch.instrument_id,
            batch.action,
            batch.side,
            batch.price,
            batch.size,
            batch.flags,
            self._batch_books,
            self._batch_ticks,
        )

    def _add_books(self, instruments: tuple[Instrument, ...]) -> None:
        for instrument in instruments:
            self._numbers.setdefault(instrument, len(self._numbers))
        pool, missing = self._pool, len(self._numbers) - len(self._pool.tallies)
        sides = np.zeros(2 * missing, np.int64)
        self._pool = pool._replace(
            start=np.concatenate([pool.start, sides]),
            length=np.concatenate([pool.length, sides]),
            capacity=np.concatenate([pool.capacity, sides]),
            tallies=np.concatenate([pool.tallies, np.zeros((missing, TALLIES), np.int64)]),
        )
        self._batch_instruments = instruments
        self._batch_books = np.array([self._numbers[instrument] for instrument in instruments], np.int64)
        self._batch_ticks = np.array([instrument.tick for instrument in instruments], np.int64)

    def _grow_pool(self) -> None:
        pool = self._pool
        room = np.zeros(len(pool.keys), np.int64)
        self._pool = pool._replace(keys=np.concatenate([pool.keys, room]), lots=np.concatenate([pool.lots, room]))


class OrderBook:
    """One instrument's book as it stands now: a view into its BookSet, which follows every later batch."""

    __slots__ = ("_books", "_number", "instrument")

    def __init__(self, books: BookSet, instrument: Instrument, number: int) -> None:
        self._books, self.instrument, self._number = books, instrument, number

    def bids(self, depth: int = 10) -> list[Level]:
        """The best `depth` bids, highest first: (price, size, orders)."""
        return self._levels(2 * self._number, depth, 1)

    def asks(self, depth: int = 10) -> list[Level]:
        """The best `depth` asks, lowest first: (price, size, orders)."""
        return self._levels(2 * self._number + 1, depth, -1)

    def best(self) -> tuple[Level | None, Level | None]:
        """The best bid and the best ask; None for an empty side."""
        return next(iter(self.bids(1)), None), next(iter(self.asks(1)), None)

    @property
    def levels(self) -> tuple[int, int]:
        """How many price levels the bids and the asks have."""
        length = self._books._pool.length
        return int(length[2 * self._number]), int(length[2 * self._number + 1])

    @property
    def unknown_levels(self) -> int:
        """How often a level was to be removed that was not there. At venues that cap their snapshots it is normal."""
        return self._tally(UNKNOWN_LEVELS)

    @property
    def crossed(self) -> int:
        """After how many events the best bid stood at or above the best ask."""
        return self._tally(CROSSED)

    @property
    def clears(self) -> int:
        """How often the book was cleared (action R), snapshots included."""
        return self._tally(CLEARS)

    def __repr__(self) -> str:
        bid, ask = self.best()
        sides = " / ".join(f"{level[1]:g} @ {level[0]:.12g}" if level else "-" for level in (bid, ask))
        return f"OrderBook({self.instrument.symbol} at {self.instrument.venue.name}: {sides})"

    def _levels(self, side: int, depth: int, sign: int) -> list[Level]:
        pool = self._books._pool
        end = int(pool.start[side] + pool.length[side])
        begin = max(end - max(depth, 0), int(pool.start[side]))
        prices = self.instrument.price(sign * pool.keys[begin:end][::-1]).tolist()
        sizes = self.instrument.size(pool.lots[begin:end][::-1]).tolist()
        return [(price, size, 0) for price, size in zip(prices, sizes, strict=True)]

    def _tally(self, which: int) -> int:
        return int(self._books._pool.tallies[self._number, which])


def _new_tops(rows: int, depth: int) -> Tops:
    shape = (rows, depth)
    return Tops(np.empty(rows, np.int64), *(np.empty(shape, np.int64) for _ in range(4)))


def _unfit(batch: EventBatch, row: int, rule: int) -> EventError:
    if rule == BAD_INSTRUMENT:
        return EventError(f"column instrument_id has {batch.instrument_id[row]} in row {row}: no such instrument")
    symbol = batch.instruments[batch.instrument_id[row]].symbol
    action = chr(batch.action[row])
    if rule == BAD_SIDE:
        return EventError(f"column side has {chr(batch.side[row])} in row {row}: action {action} needs B or A")
    if rule == NOT_LEVELS:
        return EventError(f"column flags has no F_MBP in row {row}: this book takes price levels, not orders")
    assert rule == BAD_PRICE
    return EventError(
        f"column price has {batch.price[row]} in row {row}, no multiple of the tick of {symbol}: "
        f"give the instrument the tick of that day"
    )
