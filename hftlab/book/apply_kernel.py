"""Compiled loop that applies a batch of events to a set of books."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.book.anomalies import CLEAR_BOOK, CROSSED, FINE, KINDS, RAISE, TIME_BACK
from hftlab.book.book_state import (
    AUCTION,
    CONTINUOUS,
    HOLDS_LEVELS,
    HOLDS_ORDERS,
    OPENING,
    UNOPENED,
    BookState,
    Records,
)
from hftlab.book.changes import apply_level, apply_order, clear_book, note_fill
from hftlab.book.levels import can_add_level, is_crossed, is_full, side_of, spare_rows
from hftlab.book.order_table import expect_head, expect_order, tag_of
from hftlab.events import ADD, ASK, CANCEL, CLEAR, F_LAST, F_MBP, FILL, MODIFY, TRADE
from hftlab.kernels.compiling import IntArray, in_place, inlined, place_of
from hftlab.kernels.intrinsics import prefetch

__all__ = ["FULL", "Columns", "Tops", "apply_rows", "find_mixed"]

FULL: Final = -1
_KINDS: Final = len(KINDS) + 1
_FAR, _NEAR = 16, 8  # rows


class Columns(NamedTuple):
    """Columns of an EventBatch that the kernels read, and per instrument of the batch its book and tick (1e-9 units).

    `apply_rows()` writes the `tags`, which are as long as the batch.
    """

    ts_event: IntArray
    instrument_id: npt.NDArray[np.int32]
    order_id: IntArray  # the bits of the uint64
    action: npt.NDArray[np.uint8]
    side: npt.NDArray[np.uint8]
    price: IntArray
    size: IntArray
    flags: npt.NDArray[np.uint8]
    books: IntArray
    ticks: IntArray
    tags: npt.NDArray[np.uint32]


class Tops(NamedTuple):
    """Best levels of a book after each of a batch's events.

    `rows` (n,) are the rows of the batch; the others are (n, depth), best first, in ticks, lots and numbers of orders.
    0 lots means no level; orders are 0 where the venue does not say how many.
    """

    rows: IntArray
    bid_ticks: IntArray
    bid_lots: IntArray
    bid_orders: IntArray
    ask_ticks: IntArray
    ask_lots: IntArray
    ask_orders: IntArray


@in_place
def find_mixed(columns: Columns, books: Records) -> int:
    """Return the first row that names orders where its book holds levels, or the other way round; -1 for none.

    `books` is a copy, into which the first row of each book writes what that holds.
    """
    if _are_alike(columns, books):
        return -1
    for row in range(len(columns.action)):
        action = columns.action[row]
        if action in (ADD, CANCEL, MODIFY):
            holds = HOLDS_LEVELS if columns.flags[row] & F_MBP else HOLDS_ORDERS
            book = columns.books[columns.instrument_id[row]]
            if books[book].holds != holds:
                if books[book].holds != 0:
                    return row
                books[book].holds = holds
    return -1


@inlined
def _are_alike(columns: Columns, books: Records) -> bool:
    """Tell whether all rows are of one kind and all books of the batch hold that kind, as is nearly always the case."""
    some = every = columns.flags[0] if len(columns.flags) > 0 else 0
    for flags in columns.flags:
        some |= flags
        every &= flags
    alike = some & F_MBP == every & F_MBP
    holds = HOLDS_LEVELS if some & F_MBP else HOLDS_ORDERS
    for book in columns.books:
        alike &= books[book].holds == holds
    return bool(alike)


@in_place
def apply_rows(
    state: BookState, columns: Columns, policies: IntArray, tops: Tops, first: int, written: int
) -> tuple[int, int, int]:
    """Apply the rows from `first` on, and write the tops from `written` on (none if their depth is 0).

    Returns the next row, the number of tops written, and why it stopped. FINE: there are no more rows. FULL: there is
    an array full; that row has done nothing yet, and the call is repeated with a larger state. Another: the kind of an
    anomaly in that row whose policy is RAISE.
    """
    depth, rows, spare = tops.bid_ticks.shape[1], len(columns.action), spare_rows(state)
    if first == 0:
        _write_tags(columns)
    for number in range(first, rows):
        row = place_of(number)
        _look_ahead(state, columns, place_of(min(number + _FAR, rows - 1)), place_of(min(number + _NEAR, rows - 1)))
        action = columns.action[row]
        book = _book_of(columns, row)
        if action in (ADD, CANCEL, MODIFY, CLEAR):
            if action != CANCEL:
                side = side_of(book, columns.side[row] == ASK)
                if (spare <= 0 or is_full(state, side)) and not can_add_level(state, side):
                    return number, written, FULL
                spare -= 1
            policy = _apply_row(state, columns, policies, row, book)
            if policy > RAISE:
                return number, written, policy - RAISE
        elif action == FILL:
            note_fill(state, columns.tags[row], book, columns.order_id[row], columns.size[row])
        elif action == TRADE:
            _note_trade(state.books[book])
        if columns.flags[row] & F_LAST:
            if state.books[book].changed and _end_event(state, policies, book) == RAISE:
                return number, written, CROSSED
            if depth > 0:
                tops.rows[written] = row
                _write_tops(state, book, tops, written)
                written += 1
    return rows, written, FINE


@inlined
def _look_ahead(state: BookState, columns: Columns, far: Any, near: Any) -> None:
    """Begin to fetch what two later rows will read: first the head in the table of orders, then the order."""
    expect_head(state.heads, columns.tags[far])
    row = expect_order(state.heads, state.orders, columns.tags[near])
    if columns.action[near] == FILL:
        prefetch(state.filled, row)


@in_place
def _write_tags(columns: Columns) -> None:
    """Write the hash of each row's order, which is needed three times."""
    for number in range(len(columns.tags)):
        row = place_of(number)
        columns.tags[row] = tag_of(_book_of(columns, row), columns.order_id[row])


@inlined
def _book_of(columns: Columns, row: Any) -> Any:
    return place_of(columns.books[place_of(columns.instrument_id[row])])


@inlined
def _apply_row(state: BookState, columns: Columns, policies: IntArray, row: Any, book: Any) -> int:
    """Apply a row that may change its book. Returns 0, or RAISE plus the kind of an anomaly that must be raised."""
    time, record = columns.ts_event[row], state.books[book]
    if time < record.time:
        policy = _note(state, policies, book, TIME_BACK)
        if policy == RAISE:
            return RAISE + TIME_BACK
        if policy == CLEAR_BOOK:
            return 0
    else:
        record.time = time
    action, side = columns.action[row], columns.side[row]
    price, tick, lots = columns.price[row], columns.ticks[place_of(columns.instrument_id[row])], columns.size[row]
    if action == CLEAR:
        clear_book(state, book)
        record.clears += 1
        # What follows may be the orders of the next day's opening.
        if record.phase != AUCTION:
            record.phase = UNOPENED
        kind = FINE
    elif columns.flags[row] & F_MBP:
        kind = apply_level(state, book, action, side, price, tick, lots)
    else:
        kind = apply_order(state, book, action, side, columns.tags[row], columns.order_id[row], price, tick, lots)
    if kind == FINE:
        # What goes from a book that is not crossed does not make it so.
        record.changed |= (action != CANCEL) | record.crossed
        return 0
    return RAISE + kind if _note(state, policies, book, kind) == RAISE else 0


@inlined
def _note_trade(record: Any) -> None:
    """A first trade opens the book, one that is still crossed once it no longer is."""
    if record.phase == UNOPENED:
        record.phase = OPENING if record.crossed else CONTINUOUS


@inlined
def _end_event(state: BookState, policies: IntArray, book: Any) -> int:
    """Judge a changed book at the end of an event. Returns the policy if it is crossed outside of an auction, else 0.

    A book that has not opened is not cleared: orders before an opening may cross.
    """
    record = state.books[book]
    record.changed = 0
    record.crossed = is_crossed(state, book)
    if not record.crossed:
        if record.phase == OPENING:
            record.phase = CONTINUOUS
        return 0
    if record.phase == AUCTION:
        return 0
    if record.phase != CONTINUOUS and policies[CROSSED] == CLEAR_BOOK:
        _count(state, book, CROSSED)
        return 0
    return _note(state, policies, book, CROSSED)


@inlined
def _count(state: BookState, book: Any, kind: int) -> None:
    state.tallies[np.int64(book) * _KINDS + kind] += 1


@in_place
def _note(state: BookState, policies: IntArray, book: Any, kind: int) -> int:
    """Count an anomaly, clear the book if that is the policy, and return the policy."""
    _count(state, book, kind)
    policy = policies[kind]
    if policy == CLEAR_BOOK:
        clear_book(state, book)
    return int(policy)


@in_place
def _write_tops(state: BookState, book: Any, tops: Tops, number: int) -> None:
    bids, asks = side_of(book, False), side_of(book, True)
    _write_side(state, bids, tops.bid_ticks[number], tops.bid_lots[number], tops.bid_orders[number])
    _write_side(state, asks, tops.ask_ticks[number], tops.ask_lots[number], tops.ask_orders[number])


@inlined
def _write_side(state: BookState, side: Any, ticks: IntArray, lots: IntArray, orders: IntArray) -> None:
    place = state.sides[side]
    last = place.start + place.length - 1
    there = min(place.length, len(ticks))
    for number in range(there):
        level = state.levels[state.slots[last - number]]
        ticks[number] = level.ticks
        lots[number] = level.lots
        orders[number] = level.orders
    for number in range(there, len(ticks)):
        ticks[number] = lots[number] = orders[number] = 0
