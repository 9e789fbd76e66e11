"""Price levels and their queues of orders, in price-time priority."""

from __future__ import annotations

from typing import Any

from hftlab.book.matching.engine_state import FIRST_CAPACITY, NOBODY, EngineState
from hftlab.kernels.compiling import in_place, inlined
from hftlab.kernels.sorted_keys import find_key, shift_down, shift_up

__all__ = [
    "best_key",
    "best_level",
    "dequeue",
    "drop_order",
    "enqueue",
    "find_order",
    "has_place",
    "move_back",
    "resize",
    "take_order",
]


@inlined
def find_order(state: EngineState, order_id: int) -> int:
    """Return the row of `state.orders` that holds a live order, or NOBODY."""
    if order_id <= 0:
        return NOBODY
    slot = state.buckets[order_id & (len(state.buckets) - 1)]
    while slot != NOBODY and state.orders[slot].id != order_id:
        slot = state.orders[slot].chain
    return int(slot)


@inlined
def best_level(state: EngineState, side: int) -> int:
    """Return the row of `state.levels` of the side's best level, or NOBODY."""
    side_row = state.sides[side]
    if side_row.length == 0:
        return NOBODY
    return int(state.slots[side_row.start + side_row.length - 1])


@inlined
def best_key(state: EngineState, side: int) -> int:
    """Return the key (price times the side's sign) of the best level of a side that is not empty."""
    side_row = state.sides[side]
    return int(state.keys[side_row.start + side_row.length - 1])


@inlined
def take_order(state: EngineState, order_id: int) -> int:
    """Return a free row for a new order, which is found by that id from now on; the arrays must not be full."""
    totals = state.totals[0]
    slot = totals.free_order
    if slot == NOBODY:
        slot = totals.orders_used
        totals.orders_used += 1
    else:
        totals.free_order = state.orders[slot].chain
    bucket = order_id & (len(state.buckets) - 1)
    order = state.orders[slot]
    order.id = order_id
    order.chain = state.buckets[bucket]
    state.buckets[bucket] = slot
    totals.live += 1
    return int(slot)


@inlined
def drop_order(state: EngineState, slot: int) -> None:
    """Remove an order that is not queued."""
    totals, order = state.totals[0], state.orders[slot]
    bucket = order.id & (len(state.buckets) - 1)
    if state.buckets[bucket] == slot:
        state.buckets[bucket] = order.chain
    else:
        before = state.buckets[bucket]
        while state.orders[before].chain != slot:
            before = state.orders[before].chain
        state.orders[before].chain = order.chain
    order.id = 0
    order.chain = totals.free_order
    totals.free_order = slot
    totals.live -= 1


@inlined
def has_place(state: EngineState, side: int) -> bool:
    """Tell whether a new level fits into the side, and note in the totals what is too small."""
    totals, side_row = state.totals[0], state.sides[side]
    fits = True
    if totals.free_level == NOBODY and totals.levels_used == len(state.levels):
        totals.short_of_levels = 1
        fits = False
    if side_row.length == side_row.capacity:
        needed = max(2 * side_row.capacity, FIRST_CAPACITY)
        if totals.keys_used + needed > len(state.keys):
            totals.short_of_keys = needed
            fits = False
    return fits


@inlined
def enqueue(state: EngineState, slot: int, side: int, key: int) -> None:
    """Put an order behind all others of its level; there must be a place."""
    side_row, order = state.sides[side], state.orders[slot]
    start, end = side_row.start, side_row.start + side_row.length
    at = find_key(state.keys, start, end, key)
    row = state.slots[at] if at < end and state.keys[at] == key else _insert_level(state, side, at, key)
    order.level = row
    order.side = side
    _append(state, slot)
    level, chunks = state.levels[row], _chunks(order)
    level.orders += 1
    level.shown += order.shown
    level.hidden += order.hidden
    level.chunks += chunks
    side_row.orders += 1
    side_row.chunks += chunks


@inlined
def dequeue(state: EngineState, slot: int) -> None:
    """Take an order out of its queue, and the level away if it was the last."""
    order = state.orders[slot]
    level, side_row, chunks = state.levels[order.level], state.sides[order.side], _chunks(order)
    _unlink(state, slot)
    level.orders -= 1
    level.shown -= order.shown
    level.hidden -= order.hidden
    level.chunks -= chunks
    side_row.orders -= 1
    side_row.chunks -= chunks
    if level.orders == 0:
        _remove_level(state, order.side, order.level)


@inlined
def resize(state: EngineState, slot: int, shown: int, hidden: int) -> None:
    """Change a queued order's lots; it keeps its place."""
    order = state.orders[slot]
    level, side_row, before = state.levels[order.level], state.sides[order.side], _chunks(order)
    level.shown += shown - order.shown
    level.hidden += hidden - order.hidden
    order.shown = shown
    order.hidden = hidden
    change = _chunks(order) - before
    level.chunks += change
    side_row.chunks += change


@inlined
def move_back(state: EngineState, slot: int) -> None:
    """Put a queued order behind all others of its level."""
    if state.orders[slot].next != NOBODY:
        _unlink(state, slot)
        _append(state, slot)


@inlined
def _chunks(order: Any) -> int:
    chunks = 1 if order.shown > 0 else 0
    if order.hidden > 0:
        chunks += (order.hidden + order.display - 1) // order.display
    return int(chunks)


@inlined
def _append(state: EngineState, slot: int) -> None:
    order = state.orders[slot]
    level = state.levels[order.level]
    order.previous = level.tail
    order.next = NOBODY
    if level.tail == NOBODY:
        level.head = slot
    else:
        state.orders[level.tail].next = slot
    level.tail = slot


@inlined
def _unlink(state: EngineState, slot: int) -> None:
    order = state.orders[slot]
    level = state.levels[order.level]
    if order.previous == NOBODY:
        level.head = order.next
    else:
        state.orders[order.previous].next = order.next
    if order.next == NOBODY:
        level.tail = order.previous
    else:
        state.orders[order.next].previous = order.previous


@in_place
def _insert_level(state: EngineState, side: int, at: int, key: int) -> int:
    totals, side_row = state.totals[0], state.sides[side]
    row = totals.free_level
    if row == NOBODY:
        row = totals.levels_used
        totals.levels_used += 1
    else:
        totals.free_level = state.levels[row].head
    level = state.levels[row]
    level.key = key
    level.head = NOBODY
    level.tail = NOBODY
    level.orders = level.shown = level.hidden = level.chunks = 0
    if side_row.length == side_row.capacity:
        at += _move_to_end(state, side)
    end = side_row.start + side_row.length
    shift_up(state.keys[at : end + 1])
    shift_up(state.slots[at : end + 1])
    state.keys[at] = key
    state.slots[at] = row
    side_row.length += 1
    return int(row)


@in_place
def _remove_level(state: EngineState, side: int, row: int) -> None:
    totals, side_row, level = state.totals[0], state.sides[side], state.levels[row]
    start, end = side_row.start, side_row.start + side_row.length
    at = find_key(state.keys, start, end, level.key)
    shift_down(state.keys[at:end])
    shift_down(state.slots[at:end])
    side_row.length -= 1
    level.head = totals.free_level
    totals.free_level = row


@in_place
def _move_to_end(state: EngineState, side: int) -> int:
    """Move a full side to the end of the pool, with twice the capacity. Returns by how much its keys have moved."""
    totals, side_row = state.totals[0], state.sides[side]
    start, length, target = side_row.start, side_row.length, totals.keys_used
    for offset in range(length):
        state.keys[target + offset] = state.keys[start + offset]
        state.slots[target + offset] = state.slots[start + offset]
    side_row.start = target
    side_row.capacity = max(2 * side_row.capacity, FIRST_CAPACITY)
    totals.keys_used = target + side_row.capacity
    return int(target - start)
