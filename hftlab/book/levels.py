"""Price levels of a side, sorted, and the capacity that they need, compiled."""

from __future__ import annotations

from typing import Any

from hftlab.book.book_state import FIRST_CAPACITY, BookState
from hftlab.book.order_table import HEADS_PER_ORDER
from hftlab.kernels.compiling import IntArray, in_place, inlined, place_of
from hftlab.kernels.intrinsics import BLOCK, count_not_below
from hftlab.kernels.sorted_keys import find_key, shift_down, shift_up

__all__ = [
    "can_add_level",
    "close_level",
    "is_crossed",
    "is_full",
    "is_there",
    "open_level",
    "position",
    "side_of",
    "spare_rows",
]


@inlined
def side_of(book: Any, is_ask: bool) -> Any:
    """Return the row of `sides` of a book's bids or asks."""
    return (place_of(book) << place_of(1)) | place_of(is_ask)


@inlined
def can_add_level(state: BookState, side: Any) -> bool:
    """Tell whether every array can take one more level of this side and one more order."""
    marks, place = state.marks[0], state.sides[side]
    if marks.free_order == 0 and marks.orders == len(state.orders):
        return False
    if marks.free_level == 0 and marks.levels == len(state.levels):
        return False
    if HEADS_PER_ORDER * marks.live >= len(state.heads):
        return False
    if place.length < place.capacity:
        return True
    return bool(marks.keys + max(2 * place.capacity, FIRST_CAPACITY) <= len(state.keys))


@inlined
def spare_rows(state: BookState) -> int:
    """Return how many more rows fit for certain, as long as `is_full()` is False."""
    marks = state.marks[0]
    orders, levels = len(state.orders) - 1 - marks.live, len(state.levels) - marks.levels
    return int(min(orders, levels, len(state.heads) // HEADS_PER_ORDER - marks.live))


@inlined
def is_full(state: BookState, side: Any) -> bool:
    """Tell whether a new level of this side needs a longer range of keys."""
    place = state.sides[side]
    return bool(place.length == place.capacity)


@inlined
def position(state: BookState, side: Any, key: int) -> int:
    """Return where in `keys` the key is, or where it belongs."""
    start = state.sides[side].start
    return _search(state.keys, start, start + state.sides[side].length, key)


@inlined
def is_there(state: BookState, side: Any, at: int, key: int) -> bool:
    """Tell whether the key is at the place that `position()` returned."""
    place = state.sides[side]
    return bool(at < place.start + place.length and state.keys[place_of(at)] == key)


@inlined
def open_level(state: BookState, side: Any, key: int, tick: int) -> Any:
    """Return the slot of a level, made if it is not there; 0 if its price is not a multiple of the tick.

    The arrays must not be full, see `can_add_level()`.
    """
    at = position(state, side, key)
    if is_there(state, side, at, key):
        return place_of(state.slots[place_of(at)])
    return _new_level(state, side, at, key, tick)


@inlined
def _new_level(state: BookState, side: Any, at: int, key: int, tick: int) -> Any:
    ticks = key // tick
    if ticks * tick != key:
        return place_of(0)
    place = state.sides[side]
    if place.length == place.capacity:
        at += _move_to_end(state, side)
    slot = _new_slot(state)
    end = place.start + place.length
    shift_up(state.keys[at : end + 1])
    shift_up(state.slots[at : end + 1])
    state.keys[at] = key
    state.slots[at] = slot
    place.length += 1
    level = state.levels[slot]
    level.key, level.ticks, level.lots = key, -ticks if side & 1 else ticks, 0
    level.side, level.orders, level.head, level.tail = side, 0, 0, 0
    return slot


@inlined
def close_level(state: BookState, side: Any, at: int) -> None:
    """Remove the level at this position."""
    place, marks, slot = state.sides[side], state.marks[0], state.slots[at]
    end = place.start + place.length
    shift_down(state.keys[at:end])
    shift_down(state.slots[at:end])
    place.length -= 1
    state.levels[slot].head = marks.free_level
    marks.free_level = slot


@inlined
def is_crossed(state: BookState, book: Any) -> bool:
    """Tell whether the best bid is at or above the best ask."""
    bids, asks = state.sides[side_of(book, False)], state.sides[side_of(book, True)]
    if bids.length == 0 or asks.length == 0:
        return False
    bid, ask = place_of(bids.start + bids.length - 1), place_of(asks.start + asks.length - 1)
    return bool(state.keys[bid] >= -state.keys[ask])


@inlined
def _new_slot(state: BookState) -> Any:
    marks = state.marks[0]
    slot = place_of(marks.free_level)
    if slot != 0:
        marks.free_level = state.levels[slot].head
        return slot
    slot = place_of(marks.levels)
    marks.levels += 1
    return slot


@inlined
def _search(keys: IntArray, start: int, end: int, key: int) -> int:
    """Return the first position of [start, end] whose key is not below `key`, searching from the end.

    A block near the best is counted through without a branch on any key, which no processor could predict.
    """
    if end - start < BLOCK:
        return find_key(keys, start, end, key)
    above = count_not_below(keys, place_of(end - BLOCK), key)
    return end - above if above < BLOCK else find_key(keys, start, end - BLOCK, key)


@in_place
def _move_to_end(state: BookState, side: Any) -> int:
    """Move a side to the end of the keys with twice its capacity. Returns by how much its positions rise."""
    place, marks = state.sides[side], state.marks[0]
    start, target = place.start, marks.keys
    capacity = max(2 * place.capacity, FIRST_CAPACITY)
    for offset in range(place.length):
        state.keys[target + offset] = state.keys[start + offset]
        state.slots[target + offset] = state.slots[start + offset]
    place.start, place.capacity = target, capacity
    marks.keys = target + capacity
    return int(target - start)
