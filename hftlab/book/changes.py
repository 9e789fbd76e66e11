"""Changes of a book by one row, of an order or of a price level, compiled."""

from __future__ import annotations

from typing import Any

from hftlab.book.anomalies import (
    BAD_PRICE,
    FINE,
    MISMATCH,
    NO_SIDE,
    NO_SIZE,
    OVER_CANCEL,
    REPEATED_ORDER,
    UNKNOWN_LEVEL,
    UNKNOWN_ORDER,
)
from hftlab.book.book_state import BookState
from hftlab.book.levels import close_level, is_there, open_level, position, side_of
from hftlab.book.order_table import delete_order, find_row, insert_order, tag_of
from hftlab.events import ADD, ASK, BID, CANCEL
from hftlab.kernels.compiling import in_place, inlined, place_of

__all__ = ["apply_level", "apply_order", "clear_book", "note_fill"]


@inlined
def apply_level(state: BookState, book: Any, action: int, side_letter: Any, price: int, tick: int, lots: int) -> int:
    """Set a level's total, or remove the level. Returns the kind of anomaly, or FINE."""
    if side_letter != BID and side_letter != ASK:
        return NO_SIDE
    is_ask = side_letter == ASK
    side, key = side_of(book, is_ask), -price if is_ask else price
    if action != CANCEL and lots > 0:
        slot = open_level(state, side, key, tick)
        if slot == 0:
            return BAD_PRICE
        state.levels[slot].lots = lots
        return FINE
    at = position(state, side, key)
    if is_there(state, side, at, key):
        close_level(state, side, at)
        return FINE
    return UNKNOWN_LEVEL if price % tick == 0 else BAD_PRICE


@inlined
def apply_order(
    state: BookState,
    book: Any,
    action: int,
    side_letter: Any,
    tag: Any,
    order_id: int,
    price: int,
    tick: int,
    lots: int,
) -> int:
    """Add, cancel or modify an order. Returns the kind of anomaly, or FINE."""
    if side_letter != BID and side_letter != ASK:
        return NO_SIDE
    is_ask = side_letter == ASK
    side, key = side_of(book, is_ask), -price if is_ask else price
    row = find_row(state.heads, state.orders, state.levels, tag, book, order_id)
    if action == ADD:
        return REPEATED_ORDER if row != 0 else _add(state, tag, side, order_id, key, tick, lots)
    if row == 0:
        return UNKNOWN_ORDER
    order = state.orders[row]
    level = state.levels[order.level]
    stays = level.key == key
    if level.side != side or (action == CANCEL and not stays):
        return MISMATCH
    if action == CANCEL:
        lots = order.lots - lots
        if lots < 0:
            return OVER_CANCEL
    if lots == 0:
        _leave(state, row)
        _free(state, tag, row)
        return FINE
    # A modify to more than the fills left shows the next part of an iceberg, without saying where that queues.
    if stays and lots <= order.lots and not (state.marks[0].filled > 0 and _reloads(state, row, action, lots)):
        level.lots -= order.lots - lots
        order.lots = lots
        return FINE
    return _requeue(state, row, side, key, tick, lots)


@in_place
def _reloads(state: BookState, row: Any, action: int, lots: int) -> bool:
    """Settle an order's fills with a change at its price that leaves it so many lots, and tell whether it reloads."""
    filled, before = state.filled[row], state.orders[row].lots
    if filled == 0:
        return False
    _settle(state, row, before - lots if action == CANCEL else filled)
    return bool(action != CANCEL and lots > before - filled)


@in_place
def note_fill(state: BookState, tag: Any, book: Any, order_id: int, lots: int) -> None:
    """Remember the lots of a fill until a later row of the order says what is left of it.

    A fill itself changes nothing, also if its order is not there.
    """
    row = find_row(state.heads, state.orders, state.levels, tag, book, order_id)
    if row == 0 or lots == 0:
        return
    before = state.filled[row]
    state.marks[0].filled += 1 if before == 0 else 0
    state.filled[row] = before + min(lots, state.orders[row].lots - before)


@in_place
def _forget_fills(state: BookState, row: Any) -> None:
    if state.filled[row] > 0:
        _settle(state, row, state.filled[row])


@inlined
def _settle(state: BookState, row: Any, lots: int) -> None:
    """Forget so many lots of an order's fills."""
    if lots < state.filled[row]:
        state.filled[row] -= lots
    else:
        state.filled[row] = 0
        state.marks[0].filled -= 1


@inlined
def _add(state: BookState, tag: Any, side: Any, order_id: int, key: int, tick: int, lots: int) -> int:
    if lots == 0:
        return NO_SIZE
    slot = open_level(state, side, key, tick)
    if slot == 0:
        return BAD_PRICE
    marks = state.marks[0]
    row = place_of(marks.free_order)
    if row != 0:
        marks.free_order = state.orders[row].next
    else:
        row = place_of(marks.orders)
        marks.orders += 1
    marks.live += 1
    state.orders[row].id = order_id
    insert_order(state.heads, state.orders, tag, row)
    _join(state, row, slot, lots)
    return FINE


@inlined
def _requeue(state: BookState, row: Any, side: Any, key: int, tick: int, lots: int) -> int:
    """Give an order a new price or more size, behind all others."""
    old = state.orders[row].level
    slot = open_level(state, side, key, tick)
    if slot == 0:
        return BAD_PRICE
    if state.marks[0].filled > 0:
        _forget_fills(state, row)
    if slot == old:
        _unlink(state, row)
    else:
        _leave(state, row)
    _join(state, row, slot, lots)
    return FINE


@inlined
def _join(state: BookState, row: Any, slot: Any, lots: int) -> None:
    """Put an order at the end of a queue."""
    order, level = state.orders[row], state.levels[slot]
    tail = level.tail
    order.lots, order.level, order.next, order.prev = lots, slot, 0, tail
    # Row 0 means no order and is never read: so no branch is needed that the processor could not predict.
    state.orders[tail].next = row
    level.head = row if tail == 0 else level.head
    level.tail = row
    level.lots += lots
    level.orders += 1


@inlined
def _unlink(state: BookState, row: Any) -> None:
    """Take an order out of its queue."""
    order = state.orders[row]
    level = state.levels[order.level]
    next_, prev = order.next, order.prev
    level.lots -= order.lots
    level.orders -= 1
    state.orders[prev].next = next_
    state.orders[next_].prev = prev
    level.head = next_ if prev == 0 else level.head
    level.tail = prev if next_ == 0 else level.tail


@inlined
def _leave(state: BookState, row: Any) -> None:
    """Take an order out of its queue, and remove the level if the order was its last."""
    level = state.levels[state.orders[row].level]
    _unlink(state, row)
    if level.orders == 0:
        close_level(state, level.side, position(state, level.side, level.key))


@inlined
def _free(state: BookState, tag: Any, row: Any) -> None:
    marks = state.marks[0]
    if marks.filled > 0:
        _forget_fills(state, row)
    delete_order(state.heads, state.orders, tag, row)
    state.orders[row].next = marks.free_order
    marks.free_order = row
    marks.live -= 1


@in_place
def clear_book(state: BookState, book: Any) -> None:
    """Remove every level and every order of a book."""
    for is_ask in (False, True):
        side = side_of(book, is_ask)
        place = state.sides[side]
        while place.length > 0:
            at = place.start + place.length - 1
            row = state.levels[state.slots[at]].head
            while row != 0:
                behind = state.orders[row].next
                _free(state, tag_of(book, state.orders[row].id), row)
                row = behind
            close_level(state, side, at)
