"""Compiled loops over whole batches that keep price-level books.

All books of a set live in one pool of arrays, so that one call serves a batch of many instruments. A side is a stretch
of the pool, `start` to `start + length`, sorted so that **its best level is the last**: most changes are near the top
and move few others. Bids are kept by their tick and asks by its negative, which makes the best of both the greatest key
and leaves one code path. A side that outgrows its stretch moves to the pool's end with twice the room.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeVar, cast

import numpy as np
import numpy.typing as npt
from numba import njit

from hftlab.events import ADD, ASK, BID, CANCEL, CLEAR, F_LAST, F_MBP, MODIFY

__all__ = [
    "BAD_INSTRUMENT",
    "BAD_PRICE",
    "BAD_SIDE",
    "CLEARS",
    "CROSSED",
    "FIRST_CAPACITY",
    "NOT_LEVELS",
    "TALLIES",
    "UNKNOWN_LEVELS",
    "Columns",
    "Pool",
    "Tops",
    "apply_levels",
    "compiled",
    "find_bad_row",
]

Function = TypeVar("Function", bound=Callable[..., Any])
IntArray = npt.NDArray[np.int64]

FIRST_CAPACITY: Final = 64
CLEARS, CROSSED, UNKNOWN_LEVELS, TALLIES = range(4)
BAD_INSTRUMENT, BAD_SIDE, NOT_LEVELS, BAD_PRICE = range(1, 5)


def compiled(function: Function) -> Function:
    """numba's njit as this project uses it: kept on disk between processes, and without the interpreter's lock."""
    return cast("Function", njit(cache=True, nogil=True, error_model="numpy")(function))


class Pool(NamedTuple):
    """The state of a set of books. Book b owns the sides 2b (bids) and 2b + 1 (asks)."""

    keys: IntArray  # bids: ticks, asks: -ticks; ascending within a side
    lots: IntArray
    used: IntArray  # one value: where the free end of keys and lots begins
    start: IntArray  # per side
    length: IntArray  # per side
    capacity: IntArray  # per side
    tallies: IntArray  # (books, TALLIES)


class Columns(NamedTuple):
    """What the kernels read of an EventBatch, and per instrument of the batch its book and its tick (1e-9 units)."""

    instrument_id: npt.NDArray[np.int32]
    action: npt.NDArray[np.uint8]
    side: npt.NDArray[np.uint8]
    price: IntArray
    size: IntArray
    flags: npt.NDArray[np.uint8]
    books: IntArray
    ticks: IntArray


class Tops(NamedTuple):
    """The best levels after each row flagged F_LAST, best first; a level that is not there has 0 lots.

    `rows` (n,) are rows of the batch, the others (n, depth) ticks and lots.
    """

    rows: IntArray
    bid_ticks: IntArray
    bid_lots: IntArray
    ask_ticks: IntArray
    ask_lots: IntArray


@compiled
def find_bad_row(columns: Columns) -> tuple[int, int]:
    """The first row that price-level books cannot take, and which rule it breaks: (row, rule), (-1, 0) for none."""
    instruments = len(columns.books)
    for row in range(len(columns.action)):
        instrument = columns.instrument_id[row]
        if instrument < 0 or instrument >= instruments:
            return row, BAD_INSTRUMENT
        action = columns.action[row]
        if action in (ADD, MODIFY, CANCEL):
            if columns.side[row] != BID and columns.side[row] != ASK:
                return row, BAD_SIDE
            if not columns.flags[row] & F_MBP:
                return row, NOT_LEVELS
            if columns.price[row] % columns.ticks[instrument] != 0:
                return row, BAD_PRICE
    return -1, 0


@compiled
def apply_levels(pool: Pool, columns: Columns, tops: Tops, first: int, written: int) -> tuple[int, int]:
    """Apply the rows from `first` on, and write the tops from `written` on (none if their depth is 0).

    Returns the next row and the number of tops written. The next row is not the last only if the pool is full: then
    that row has done nothing yet, and the call is repeated with a larger pool.
    """
    depth = tops.bid_ticks.shape[1]
    for row in range(first, len(columns.action)):
        instrument = columns.instrument_id[row]
        book = columns.books[instrument]
        action = columns.action[row]
        changes = True
        if action in (ADD, MODIFY, CANCEL):
            ticks = columns.price[row] // columns.ticks[instrument]
            lots = 0 if action == CANCEL else columns.size[row]
            if columns.side[row] == ASK:
                fits = _set_level(pool, book, 2 * book + 1, -ticks, lots)
            else:
                fits = _set_level(pool, book, 2 * book, ticks, lots)
            if not fits:
                return row, written
        elif action == CLEAR:
            pool.length[2 * book] = 0
            pool.length[2 * book + 1] = 0
            pool.tallies[book, CLEARS] += 1
        else:
            changes = False
        if columns.flags[row] & F_LAST:
            if changes and _is_crossed(pool, book):
                pool.tallies[book, CROSSED] += 1
            if depth > 0:
                tops.rows[written] = row
                _write_side(pool, 2 * book, 1, tops.bid_ticks[written], tops.bid_lots[written])
                _write_side(pool, 2 * book + 1, -1, tops.ask_ticks[written], tops.ask_lots[written])
                written += 1
    return len(columns.action), written


@compiled
def _set_level(pool: Pool, book: int, side: int, key: int, lots: int) -> bool:
    """Set the level's total, or remove it when `lots` is 0; False if the pool has no room for it."""
    start, length = pool.start[side], pool.length[side]
    end = start + length
    at = _find(pool.keys, start, end, key)
    if at < end and pool.keys[at] == key:
        if lots > 0:
            pool.lots[at] = lots
            return True
        _shift_down(pool.keys[at:end])
        _shift_down(pool.lots[at:end])
        pool.length[side] = length - 1
        return True
    if lots == 0:
        pool.tallies[book, UNKNOWN_LEVELS] += 1
        return True
    if length == pool.capacity[side]:
        if not _move_to_end(pool, side):
            return False
        at += pool.start[side] - start
        end = pool.start[side] + length
    _shift_up(pool.keys[at : end + 1])
    _shift_up(pool.lots[at : end + 1])
    pool.keys[at] = key
    pool.lots[at] = lots
    pool.length[side] = length + 1
    return True


# A loop of its own over a slice that starts at 0: so LLVM sees a memmove, four times as fast as one over both arrays.
@compiled
def _shift_up(values: IntArray) -> None:
    for at in range(len(values) - 1, 0, -1):
        values[at] = values[at - 1]


@compiled
def _shift_down(values: IntArray) -> None:
    for at in range(len(values) - 1):
        values[at] = values[at + 1]


@compiled
def _find(keys: IntArray, start: int, end: int, key: int) -> int:
    """The first position of [start, end] whose key is not below `key`, sought from the end in growing steps."""
    low, high, step = end - 1, end, 1
    while low >= start and keys[low] >= key:
        high = low
        low -= step
        step *= 2
    low = max(low + 1, start)
    while low < high:
        middle = (low + high) // 2
        if keys[middle] < key:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def _move_to_end(pool: Pool, side: int) -> bool:
    start, length, target = pool.start[side], pool.length[side], pool.used[0]
    capacity = max(2 * pool.capacity[side], FIRST_CAPACITY)
    if target + capacity > len(pool.keys):
        return False
    pool.keys[target : target + length] = pool.keys[start : start + length]
    pool.lots[target : target + length] = pool.lots[start : start + length]
    pool.start[side] = target
    pool.capacity[side] = capacity
    pool.used[0] = target + capacity
    return True


@compiled
def _is_crossed(pool: Pool, book: int) -> bool:
    bids, asks = 2 * book, 2 * book + 1
    if pool.length[bids] == 0 or pool.length[asks] == 0:
        return False
    bid = pool.keys[pool.start[bids] + pool.length[bids] - 1]
    ask = -pool.keys[pool.start[asks] + pool.length[asks] - 1]
    return bool(bid >= ask)


@compiled
def _write_side(pool: Pool, side: int, sign: int, ticks: IntArray, lots: IntArray) -> None:
    last = pool.start[side] + pool.length[side] - 1
    there = min(pool.length[side], len(ticks))
    for level in range(there):
        ticks[level] = sign * pool.keys[last - level]
        lots[level] = pool.lots[last - level]
    for level in range(there, len(ticks)):
        ticks[level] = 0
        lots[level] = 0
