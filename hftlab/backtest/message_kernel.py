"""Rows of price levels and trades out of messages, compiled: what differs from a symbol's book before.

A side has its levels sorted by their keys, the best last: bids by their price in 1e-9, asks by its negative.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.backtest.decimal_grid import HIGHEST_PRICE, steps_of
from hftlab.backtest.message_columns import Levels, MessageColumns, Prints
from hftlab.events import ADD, ASK, BID, CANCEL, CLEAR, F_LAST, F_MBP, F_SNAPSHOT, F_TOB, MODIFY, NO_SIDE, TRADE
from hftlab.kernels.compiling import IntArray, i64, in_place, inlined

__all__ = ["LISTING", "MEMORY", "MessageBooks", "RowColumns", "Scratch", "compile_messages"]

LISTING: Final = np.dtype(
    [
        ("number", "i4"),  # the instrument's
        ("tick", "i8"),  # 1e-9
        ("tick_numerator", "f8"),
        ("tick_denominator", "f8"),
        ("lot_numerator", "f8"),
        ("lot_denominator", "f8"),
    ]
)
"""Facts of a symbol that are known from the start."""

MEMORY: Final = np.dtype(
    [
        ("is_known", "i8"),  # 1 after a message of the symbol
        ("is_reset", "i8"),  # 1 if its book begins anew with its next message
        ("depth", "i8"),  # most levels that a side has had so far; 0: only the quote is known
        ("has_last", "i8"),
        ("last_price", "f8"),
        ("last_size", "f8"),
        ("last_time", "i8"),
        ("last_buy", "i8"),
    ]
)
"""Memory of a symbol besides its book."""

_LOWEST: Final = -(2**63)
_BEYOND: Final = 2 * HIGHEST_PRICE
"""Price of what is beyond the highest: its multiple of the tick may not be an int64, and nothing trades there."""


class MessageBooks(NamedTuple):
    """Books of all symbols, two sides each, and what else is remembered of them."""

    keys: IntArray  # (sides, capacity)
    lots: IntArray  # (sides, capacity)
    counts: IntArray  # (sides,)
    memory: npt.NDArray[Any]  # MEMORY
    resets: IntArray  # (1,): how many of the resets have been


class RowColumns(NamedTuple):
    """Columns of the rows that are made; the first `used[0]` are filled."""

    ts_event: IntArray
    ts_recv: IntArray
    sequence: IntArray
    instrument_id: npt.NDArray[np.int32]
    action: npt.NDArray[np.uint8]
    side: npt.NDArray[np.uint8]
    price: IntArray
    size: IntArray
    flags: npt.NDArray[np.uint8]
    used: IntArray


class Stamp(NamedTuple):
    """Fields that all rows of a message and symbol have in common."""

    sequence: int
    ts_event: int
    ts_recv: int
    number: int
    level_flags: int


class Scratch(NamedTuple):
    """Levels of one message, best first: (2, most levels of a side)."""

    keys: IntArray
    lots: IntArray


@in_place
def compile_messages(
    columns: MessageColumns,
    codes: IntArray,
    listings: npt.NDArray[Any],
    books: MessageBooks,
    resets: IntArray,
    scratch: Scratch,
    rows: RowColumns,
    first: int,
) -> int:
    """Make the rows of the messages from `first` on; returns the first that is still to do.

    That is the number of messages, unless `rows` or the books are full: then the call is repeated with larger ones.
    `resets` (n, 2) has numbers of messages, rising, and codes: the book of that symbol begins anew behind it.
    """
    for row in range(first, len(codes)):
        while books.resets[0] < len(resets) and resets[books.resets[0], 0] < columns.message[row]:
            books.memory[resets[books.resets[0], 1]].is_reset = 1
            books.resets[0] += 1
        code = codes[row]
        if code < 0:
            continue
        listing, memory = listings[code], books.memory[code]
        # Not the session's: a message must not be read with what only later ones tell.
        depth = memory.depth = max(memory.depth, _told(columns.bids, row), _told(columns.asks, row))
        bids = _read_side(columns.bids, columns.bid[row], columns.bid_size[row], listing, depth, scratch, row, 0)
        asks = _read_side(columns.asks, columns.ask[row], columns.ask_size[row], listing, depth, scratch, row, 1)
        trades = columns.trades.starts[row + 1] - columns.trades.starts[row]
        if not _has_room(books, rows, code, bids, asks, trades):
            return row
        stamp = Stamp(
            columns.message[row],
            columns.ts_event[row],
            columns.ts_recv[row],
            i64(listing.number),
            F_MBP if depth > 0 else F_MBP | F_TOB,
        )
        start = rows.used[0]
        if memory.is_reset != 0:
            _reset(stamp, books, rows, code)
        _add_trades(stamp, listing, memory, columns.trades, columns.last, rows, row)
        memory.is_known = 1
        bid_floor, ask_floor = _floor(depth, scratch, 0, bids), _floor(depth, scratch, 1, asks)
        # First all that goes, so that the book is not crossed within the message.
        _remove(stamp, books, scratch, rows, code, 0, bids, bid_floor)
        _remove(stamp, books, scratch, rows, code, 1, asks, ask_floor)
        _set(stamp, books, scratch, rows, code, 0, bids, bid_floor)
        _set(stamp, books, scratch, rows, code, 1, asks, ask_floor)
        if rows.used[0] > start:
            rows.flags[rows.used[0] - 1] |= F_LAST
    return len(codes)


@inlined
def _has_room(books: MessageBooks, rows: RowColumns, code: int, bids: int, asks: int, trades: int) -> bool:
    held = books.counts[2 * code] + books.counts[2 * code + 1]
    needed = held + max(bids, 0) + max(asks, 0) + trades + 2
    capacity = books.keys.shape[1]
    fits = books.counts[2 * code] + bids <= capacity and books.counts[2 * code + 1] + asks <= capacity
    return bool(fits and rows.used[0] + needed <= len(rows.size))


@inlined
def _told(levels: Levels, row: int) -> int:
    """Return how many levels a message lists of a side, at least 1 if it lists the side at all."""
    return max(i64(levels.starts[row + 1] - levels.starts[row]), 1) if levels.is_there[row] else 0


@in_place
def _read_side(
    levels: Levels, price: float, size: float, listing: Any, depth: int, scratch: Scratch, row: int, side: int
) -> int:
    """Put the levels of a side into the scratch, best first; returns how many, or -1 if the message tells of none."""
    if depth == 0:
        return _put(listing, scratch, side, 0, price, size)
    if not levels.is_there[row]:
        return -1
    count = 0
    for place in range(levels.starts[row], levels.starts[row + 1]):
        count = _put(listing, scratch, side, count, levels.prices[place], levels.sizes[place])
    return count


@inlined
def _put(listing: Any, scratch: Scratch, side: int, count: int, price: float, size: float) -> int:
    """Put a level in its place; of two at a price the later one counts. Returns how many there are now."""
    lots = steps_of(size, listing.lot_denominator, listing.lot_numerator)
    if lots == 0:
        return count
    key = _units_of(price, listing)
    if side == 1:
        key = -key
    keys, all_lots = scratch.keys[side], scratch.lots[side]
    place = count
    while place > 0 and keys[place - 1] < key:
        place -= 1
    if place > 0 and keys[place - 1] == key:
        all_lots[place - 1] = lots
        return count
    for later in range(count, place, -1):
        keys[later], all_lots[later] = keys[later - 1], all_lots[later - 1]
    keys[place], all_lots[place] = key, lots
    return count + 1


@inlined
def _units_of(price: float, listing: Any) -> int:
    """Return a price in 1e-9, on the tick."""
    steps = steps_of(price, listing.tick_denominator, listing.tick_numerator)
    return int(steps * listing.tick) if steps <= HIGHEST_PRICE // listing.tick else _BEYOND


@inlined
def _floor(depth: int, scratch: Scratch, side: int, count: int) -> int:
    """Return the least key of which a message tells: any, unless there may be levels beyond those that it has."""
    if 0 < depth <= count:
        return int(scratch.keys[side, count - 1])
    return _LOWEST


@inlined
def _reset(stamp: Stamp, books: MessageBooks, rows: RowColumns, code: int) -> None:
    """Begin a book anew. What traded meanwhile is not known either."""
    memory = books.memory[code]
    if memory.is_known != 0:
        _emit(stamp, rows, CLEAR, NO_SIDE, 0, 0, F_SNAPSHOT)
    books.counts[2 * code] = books.counts[2 * code + 1] = 0
    memory.is_reset = memory.is_known = memory.has_last = 0


@in_place
def _add_trades(
    stamp: Stamp, listing: Any, memory: Any, trades: Prints, last: Prints, rows: RowColumns, row: int
) -> None:
    start, stop, own = trades.starts[row], trades.starts[row + 1], last.starts[row]
    for place in range(start, stop):
        _add_trade(stamp, listing, rows, trades, place)
    if last.starts[row + 1] > own:
        # The first that a symbol's first message tells may be of any time before.
        if stop == start and memory.is_known != 0 and not _is_same(memory, last, own):
            _add_trade(stamp, listing, rows, last, own)
        _remember(memory, last, own)
    elif stop > start:
        _remember(memory, trades, stop - 1)


@inlined
def _is_same(memory: Any, trades: Prints, place: int) -> bool:
    return bool(
        memory.has_last != 0
        and memory.last_price == trades.prices[place]
        and memory.last_size == trades.sizes[place]
        and memory.last_time == trades.times[place]
        and (memory.last_buy != 0) == trades.is_buy[place]
    )


@inlined
def _remember(memory: Any, trades: Prints, place: int) -> None:
    memory.has_last = 1
    memory.last_price, memory.last_size = trades.prices[place], trades.sizes[place]
    memory.last_time, memory.last_buy = trades.times[place], 1 if trades.is_buy[place] else 0


@inlined
def _add_trade(stamp: Stamp, listing: Any, rows: RowColumns, trades: Prints, place: int) -> None:
    price = _units_of(trades.prices[place], listing)
    lots = steps_of(trades.sizes[place], listing.lot_denominator, listing.lot_numerator)
    at = rows.used[0]
    _emit(stamp, rows, TRADE, BID if trades.is_buy[place] else ASK, price, lots, 0)
    rows.ts_event[at] = trades.times[place]


@in_place
def _remove(
    stamp: Stamp,
    books: MessageBooks,
    scratch: Scratch,
    rows: RowColumns,
    code: int,
    side: int,
    count: int,
    floor: int,
) -> None:
    """Add a C for each level of which a message tells that it has gone."""
    if count < 0:
        return
    keys, new = books.keys[2 * code + side], 0
    for place in range(books.counts[2 * code + side] - 1, -1, -1):
        key = keys[place]
        if key < floor:
            return
        while new < count and scratch.keys[side, new] > key:
            new += 1
        if new == count or scratch.keys[side, new] != key:
            _emit_level(stamp, rows, CANCEL, side, key, 0)


@in_place
def _set(
    stamp: Stamp,
    books: MessageBooks,
    scratch: Scratch,
    rows: RowColumns,
    code: int,
    side: int,
    count: int,
    floor: int,
) -> None:
    """Add an A or M for each level that is new or has changed, and make the book what the message tells."""
    if count < 0:
        return
    keys, lots = books.keys[2 * code + side], books.lots[2 * code + side]
    old = books.counts[2 * code + side] - 1
    for new in range(count):
        key = scratch.keys[side, new]
        while old >= 0 and keys[old] > key:
            old -= 1
        if old < 0 or keys[old] != key:
            _emit_level(stamp, rows, ADD, side, key, scratch.lots[side, new])
        elif lots[old] != scratch.lots[side, new]:
            _emit_level(stamp, rows, MODIFY, side, key, scratch.lots[side, new])
    beyond = books.counts[2 * code + side]
    while beyond > 0 and keys[beyond - 1] >= floor:
        beyond -= 1
    for new in range(count):
        keys[beyond + count - 1 - new] = scratch.keys[side, new]
        lots[beyond + count - 1 - new] = scratch.lots[side, new]
    books.counts[2 * code + side] = beyond + count


@inlined
def _emit_level(stamp: Stamp, rows: RowColumns, action: int, side: int, key: int, lots: int) -> None:
    letter, price = (ASK, -key) if side == 1 else (BID, key)
    _emit(stamp, rows, action, letter, price, lots, stamp.level_flags)


@in_place
def _emit(stamp: Stamp, rows: RowColumns, action: int, side: int, price: int, lots: int, flags: int) -> None:
    at = rows.used[0]
    rows.ts_event[at], rows.ts_recv[at] = stamp.ts_event, stamp.ts_recv
    rows.sequence[at], rows.instrument_id[at] = stamp.sequence, stamp.number
    rows.action[at], rows.side[at], rows.price[at], rows.size[at], rows.flags[at] = action, side, price, lots, flags
    rows.used[0] = at + 1
