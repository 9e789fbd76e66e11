"""Compiled loop that turns rows about orders into rows about the totals of price levels."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.book.anomalies import FINE
from hftlab.book.book_state import BookState
from hftlab.book.changes import apply_order, clear_book
from hftlab.book.levels import can_add_level, is_there, position, side_of
from hftlab.book.order_table import find_row, tag_of
from hftlab.events import ADD, ASK, BID, CANCEL, CLEAR, F_LAST, F_MBP, MODIFY, TRADE
from hftlab.kernels.compiling import IntArray, in_place, inlined, place_of

__all__ = ["CollapsedColumns", "OrderColumns", "collapse_rows"]


class OrderColumns(NamedTuple):
    """Columns of the rows that are read, and the instruments' ticks (1e-9)."""

    instrument_id: npt.NDArray[np.int32]
    order_id: IntArray  # the bits of the uint64
    action: npt.NDArray[np.uint8]
    side: npt.NDArray[np.uint8]
    price: IntArray
    size: IntArray
    flags: npt.NDArray[np.uint8]
    ticks: IntArray


class CollapsedColumns(NamedTuple):
    """Columns of the rows that are made, two for each that is read at most; the first `used[0]` are filled."""

    source: IntArray  # the row that it was made of
    action: npt.NDArray[np.uint8]
    side: npt.NDArray[np.uint8]
    price: IntArray
    size: IntArray
    flags: npt.NDArray[np.uint8]
    used: IntArray
    event: IntArray  # (1,): the first row that is made of the present event


@in_place
def collapse_rows(state: BookState, rows: OrderColumns, made: CollapsedColumns, first: int) -> int:
    """Apply the rows from `first` on and add what they do to the levels; returns the first that is still to do.

    That is the number of rows, unless the state is full: then the call is repeated with a larger one.
    """
    for row in range(first, len(rows.action)):
        action, flags = rows.action[row], rows.flags[row]
        if action in (ADD, CANCEL, MODIFY) and not flags & F_MBP:
            book, is_ask = place_of(rows.instrument_id[row]), rows.side[row] == ASK
            if action != CANCEL and not can_add_level(state, side_of(book, is_ask)):
                return row
            if is_ask or rows.side[row] == BID:
                _collapse(state, rows, made, row, book, is_ask)
        elif action in (ADD, CANCEL, MODIFY, CLEAR, TRADE):
            if action == CLEAR:
                clear_book(state, place_of(rows.instrument_id[row]))
            _emit(made, row, action, rows.side[row], rows.price[row], rows.size[row], flags & ~F_LAST)
        if flags & F_LAST:
            # The last row itself may have been left out.
            if made.used[0] > made.event[0]:
                made.flags[made.used[0] - 1] |= F_LAST
            made.event[0] = made.used[0]
    return len(rows.action)


@inlined
def _collapse(state: BookState, rows: OrderColumns, made: CollapsedColumns, row: int, book: Any, is_ask: bool) -> None:
    """Apply a row about an order, and add a row for each level whose total is another then."""
    action, order_id = rows.action[row], rows.order_id[row]
    side, price = side_of(book, is_ask), rows.price[row]
    tag, tick = tag_of(book, order_id), rows.ticks[book]
    key = -price if is_ask else price
    found = find_row(state.heads, state.orders, state.levels, tag, book, order_id)
    old_key = state.levels[state.orders[found].level].key if found != 0 else key
    old_lots, lots = _lots(state, side, old_key), _lots(state, side, key)
    if apply_order(state, book, action, rows.side[row], tag, order_id, price, tick, rows.size[row]) != FINE:
        return
    if old_key != key:
        _add_change(state, rows, made, row, side, is_ask, old_key, old_lots)
    _add_change(state, rows, made, row, side, is_ask, key, lots)


@inlined
def _lots(state: BookState, side: Any, key: int) -> int:
    """Return the total of a level, 0 if it is not there."""
    at = position(state, side, key)
    if not is_there(state, side, at, key):
        return 0
    return int(state.levels[state.slots[place_of(at)]].lots)


@in_place
def _add_change(
    state: BookState,
    rows: OrderColumns,
    made: CollapsedColumns,
    row: int,
    side: Any,
    is_ask: bool,
    key: int,
    before: int,
) -> None:
    lots = _lots(state, side, key)
    if lots == before:
        return
    action = CANCEL if lots == 0 else ADD if before == 0 else MODIFY
    flags = (rows.flags[row] & ~F_LAST) | F_MBP
    _emit(made, row, action, ASK if is_ask else BID, -key if is_ask else key, lots, flags)


@inlined
def _emit(made: CollapsedColumns, row: int, action: int, side: int, price: int, lots: int, flags: int) -> None:
    at = made.used[0]
    made.source[at], made.action[at], made.side[at] = row, action, side
    made.price[at], made.size[at], made.flags[at] = price, lots, flags
    made.used[0] = at + 1
