"""Queues of own orders, compiled: a linked list for each side of a book, in the order of the orders' places."""

from __future__ import annotations

from typing import Any

from hftlab.backtest.fill_state import NO_KEY, FillState
from hftlab.kernels.compiling import in_place, inlined

__all__ = [
    "best_own",
    "count_parts",
    "has_ample_room",
    "has_room",
    "join",
    "leave",
    "open_own",
    "report",
    "shown_of",
    "take_off",
]


@inlined
def has_room(state: FillState, number: int, lots: int, levels: int) -> bool:
    """Tell whether another order fits, and all reports that a row or a request of so many lots can make.

    Own orders are filled once for each part that they show, and each fill is one of at least a lot. A request that
    meets them has its own report of each, one of the level ahead, and takes so many levels besides.
    """
    marks, reports = state.marks[0], state.reports
    marks.needed = 3 * (marks.live + min(marks.parts, max(lots, 0))) + levels + 16
    if marks.free == 0 and marks.used == len(state.own):
        return False
    return bool(number < len(state.where) and reports.used[0] + marks.needed <= len(reports.rows))


@inlined
def has_ample_room(state: FillState) -> bool:
    """Tell whether all reports fit that any row can make, whatever its lots: until one is made it need not be asked."""
    marks, reports = state.marks[0], state.reports
    if marks.free == 0 and marks.used == len(state.own):
        return False
    return bool(reports.used[0] + 3 * (marks.live + marks.parts) + 16 <= len(reports.rows))


@inlined
def report(
    state: FillState, time: int, cause: int, number: int, lots: int, ticks: int, why: int, ahead: int, is_taker: int
) -> None:
    """Write one report."""
    reports = state.reports
    row = reports.rows[reports.used[0]]
    row.time, row.cause, row.number, row.lots = time, cause, number, lots
    row.price, row.why, row.ahead, row.is_taker = ticks, why, ahead, is_taker
    reports.used[0] += 1


@inlined
def open_own(state: FillState, number: int) -> Any:
    """Return a row of `own` for a new order, known by its number."""
    marks = state.marks[0]
    row = marks.free
    if row != 0:
        marks.free = state.own[row].next
    else:
        row = marks.used
        marks.used += 1
    marks.live += 1
    state.where[number] = row
    state.own[row].number = number
    return row


@inlined
def shown_of(lots: int, display: int) -> int:
    """Return the lots that an order shows of those that are open."""
    return lots if display == 0 else min(lots, display)


@inlined
def count_parts(state: FillState, row: Any) -> None:
    """Count how often an order that has got its lots can show some."""
    own, marks = state.own[row], state.marks[0]
    marks.parts -= own.parts
    own.parts = 1 if own.display == 0 else (own.lots + own.display - 1) // own.display
    marks.parts += own.parts


@in_place
def join(state: FillState, row: int, ahead: int, front: int) -> None:
    """Put an order behind all others of its side.

    `front` lots of recorded orders are at its price, `ahead` without those that own orders have taken.
    """
    own, marks = state.own[row], state.marks[0]
    side = state.sides[own.side]
    marks.joins += 1
    own.joined, own.ahead, own.front, own.traded = marks.joins, ahead, front, 0.0
    own.shown = shown_of(own.lots, own.display)
    own.next, own.prev = 0, side.tail
    if side.tail == 0:
        side.head = row
        side.near = side.far = own.key
    else:
        state.own[side.tail].next = row
        side.near, side.far = max(side.near, own.key), min(side.far, own.key)
    side.tail = row
    side.count += 1


@in_place
def leave(state: FillState, row: int) -> None:
    """Take an order out of its queue."""
    own = state.own[row]
    side = state.sides[own.side]
    if own.prev == 0:
        side.head = own.next
    else:
        state.own[own.prev].next = own.next
    if own.next == 0:
        side.tail = own.prev
    else:
        state.own[own.next].prev = own.prev
    side.count -= 1
    if own.key == side.near or own.key == side.far:
        side.near = side.far = NO_KEY if side.head == 0 else state.own[side.head].key
        other = side.head
        while other != 0:
            side.near, side.far = max(side.near, state.own[other].key), min(side.far, state.own[other].key)
            other = state.own[other].next


@in_place
def take_off(state: FillState, row: int) -> None:
    """Forget an order that is over; it is in no queue any more."""
    own, marks = state.own[row], state.marks[0]
    state.where[own.number] = 0
    own.next = marks.free
    marks.free = row
    marks.live -= 1
    marks.parts -= own.parts
    own.parts = 0


@in_place
def best_own(state: FillState, side: int, least: int, below: int, after: int) -> int:
    """Return the next order of a side by key and place, at a key of `least` or better; 0 if there is none.

    Only those behind the key `below` and place `after` count, so that a walk can leave out what it has passed.
    """
    found = 0
    row = state.sides[side].head
    while row != 0:
        own = state.own[row]
        is_behind = own.key < below or (own.key == below and own.joined > after)
        if own.key >= least and is_behind and (found == 0 or own.key > state.own[found].key):
            found = row
        row = own.next
    return found
