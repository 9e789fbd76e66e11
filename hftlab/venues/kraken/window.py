"""Depth window: the levels that a subscriber of a bounded book has to drop by itself.

Source: Kraken, "WebSocket API v1", Book: the client truncates its book to the subscribed depth after each update; no
message reports the levels that fall out, and they are published again when they come back.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.events import ADD, ASK, BID, CANCEL, CLEAR, COLUMNS, F_LAST, F_MBP, MODIFY, EventBatch
from hftlab.kernels.compiling import compiled

__all__ = ["DepthWindow"]

IntArray = npt.NDArray[np.int64]


class DepthWindow:
    """Window that follows every book's prices and adds C rows for levels beyond the depth; `dropped` counts them."""

    def __init__(self) -> None:
        self.dropped = 0
        self._depths: list[int] = []
        # Per side of each instrument: the levels' keys ascending, the best last; bids by price, asks by its negative.
        self._keys = np.zeros((0, 0), np.int64)
        self._lengths = np.zeros(0, np.int64)

    def set_depth(self, instrument_id: int, depth: int) -> None:
        """Set the depth of an instrument's book, a known one or the next."""
        if instrument_id == len(self._depths):
            self._depths.append(depth)
            self._lengths = np.concatenate([self._lengths, np.zeros(2, np.int64)])
        self._depths[instrument_id] = depth

    def trim(self, batch: EventBatch) -> EventBatch:
        """Return the batch with a C row, at the end of its event, for each level that an event pushes out."""
        self._reserve(batch)
        depths = np.array(self._depths, np.int64)
        # An event drops no more levels than it has rows.
        out = _Dropped(np.empty(len(batch), np.int64), np.empty(len(batch), np.int64), np.empty(len(batch), np.uint8))
        rows = _Rows(batch.instrument_id, batch.action, batch.side, batch.price, batch.flags)
        dropped = _trim(rows, self._keys, self._lengths, depths, out)
        self.dropped += dropped
        if not dropped:
            return batch
        return _with_rows(batch, _Dropped(out.row[:dropped], out.price[:dropped], out.side[:dropped]))

    def _reserve(self, batch: EventBatch) -> None:
        """Reserve the rows of the longest event, by which a side can grow between two truncations."""
        ends = np.flatnonzero(batch.flags & F_LAST)
        longest = int(np.diff(ends, prepend=-1).max(initial=0))
        width = max(self._depths, default=0) + longest
        kept = self._keys
        rows, columns = len(self._lengths), max(width, kept.shape[1])
        if (rows, columns) != kept.shape:
            self._keys = np.zeros((rows, columns), np.int64)
            self._keys[: kept.shape[0], : kept.shape[1]] = kept


class _Rows(NamedTuple):
    """Columns of an EventBatch that the kernel reads."""

    instrument_id: npt.NDArray[np.int32]
    action: npt.NDArray[np.uint8]
    side: npt.NDArray[np.uint8]
    price: IntArray
    flags: npt.NDArray[np.uint8]


class _Dropped(NamedTuple):
    """Levels that fall out: the last row of the event, price and side."""

    row: IntArray
    price: IntArray
    side: npt.NDArray[np.uint8]


def _with_rows(batch: EventBatch, dropped: _Dropped) -> EventBatch:
    """Insert a C after the last row of an event for each level that it drops; the last C ends the event."""
    rows = dropped.row
    is_last = np.append(rows[1:] != rows[:-1], True)
    flags = batch.flags.copy()
    flags[rows] &= ~np.uint8(F_LAST)
    new: dict[str, npt.NDArray[Any]] = {name: getattr(batch, name)[rows] for name in COLUMNS}
    new |= {
        "action": np.full(len(rows), CANCEL, np.uint8),
        "side": dropped.side,
        "price": dropped.price,
        "size": np.zeros(len(rows), np.int64),
        "flags": flags[rows] | F_MBP | np.where(is_last, np.uint8(F_LAST), np.uint8(0)),
    }
    old: dict[str, npt.NDArray[Any]] = {name: getattr(batch, name) for name in COLUMNS} | {"flags": flags}
    columns = {name: np.insert(old[name], rows + 1, new[name]) for name in COLUMNS}
    return EventBatch(**columns, instruments=batch.instruments)


@compiled
def _trim(batch: _Rows, keys: IntArray, lengths: IntArray, depths: IntArray, out: _Dropped) -> int:
    """Follow the levels, and write those that fall out. Returns how many."""
    written = 0
    for row in range(len(batch.action)):
        book, action = batch.instrument_id[row], batch.action[row]
        if action == CLEAR:
            lengths[2 * book : 2 * book + 2] = 0
        elif action in (ADD, MODIFY, CANCEL):
            is_bid = batch.side[row] == BID
            number = 2 * book if is_bid else 2 * book + 1
            key = batch.price[row] if is_bid else -batch.price[row]
            _set(keys[number], lengths, number, key, action != CANCEL)
        if batch.flags[row] & F_LAST:
            for number in (2 * book, 2 * book + 1):
                excess = _truncate(keys[number], lengths, number, depths[book], out.price[written:])
                out.row[written : written + excess] = row
                out.side[written : written + excess] = ASK if number % 2 else BID
                written += excess
    return written


@compiled
def _truncate(keys: IntArray, lengths: IntArray, number: int, depth: int, prices: IntArray) -> int:
    """Drop the worst levels beyond the depth and write their prices. Returns how many."""
    excess = max(lengths[number] - depth, 0)
    if excess == 0:
        return 0
    for at in range(excess):
        prices[at] = abs(keys[at])
    for at in range(depth):
        keys[at] = keys[at + excess]
    lengths[number] = depth
    return int(excess)


@compiled
def _set(keys: IntArray, lengths: IntArray, number: int, key: int, is_there: bool) -> None:
    """Put a key into a side or take it out."""
    length = lengths[number]
    at = np.searchsorted(keys[:length], key)
    found = at < length and keys[at] == key
    if found and not is_there:
        for place in range(at, length - 1):
            keys[place] = keys[place + 1]
        lengths[number] = length - 1
    elif is_there and not found:
        for place in range(length, at, -1):
            keys[place] = keys[place - 1]
        keys[at] = key
        lengths[number] = length + 1
