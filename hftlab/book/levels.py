"""Compiled: the price levels of a side, sorted, and the room that they need."""

from __future__ import annotations

from typing import Final

from hftlab.book.kernels import IntArray, in_place, inlined
from hftlab.book.state import FIRST_STRETCH, State

__all__ = ["close_level", "has_room", "is_crossed", "is_there", "open_level", "position"]

_BLOCK: Final = 16


@inlined
def has_room(state: State, side: int) -> bool:
    """Whether every array can take one more level of this side and one more order."""
    marks, place = state.marks[0], state.sides[side]
    if marks.free_order == 0 and marks.orders == len(state.orders):
        return False
    if marks.free_level == 0 and marks.levels == len(state.levels):
        return False
    if 2 * marks.live >= len(state.table):
        return False
    if place.length < place.capacity:
        return True
    return bool(marks.stretches + max(2 * place.capacity, FIRST_STRETCH) <= len(state.keys))


@inlined
def position(state: State, side: int, key: int) -> int:
    """Where in `keys` the key is, or would have to go."""
    start = state.sides[side].start
    return _search(state.keys, start, start + state.sides[side].length, key)


@inlined
def is_there(state: State, side: int, at: int, key: int) -> bool:
    """Whether `position()` found the key."""
    place = state.sides[side]
    return bool(at < place.start + place.length and state.keys[at] == key)


@inlined
def open_level(state: State, side: int, key: int, tick: int) -> int:
    """The slot of a level, which is made if it is not there; 0 if its price is no multiple of the tick.

    There must be room.
    """
    at = position(state, side, key)
    if is_there(state, side, at, key):
        return int(state.slots[at])
    ticks = key // tick
    if ticks * tick != key:
        return 0
    place = state.sides[side]
    if place.length == place.capacity:
        at += _move_to_end(state, side)
    slot = _new_slot(state)
    end = place.start + place.length
    _shift_up(state.keys[at : end + 1])
    _shift_up(state.slots[at : end + 1])
    state.keys[at] = key
    state.slots[at] = slot
    place.length += 1
    level = state.levels[slot]
    level.key, level.ticks, level.lots = key, -ticks if side % 2 else ticks, 0
    level.side, level.orders, level.head, level.tail = side, 0, 0, 0
    return slot


@inlined
def close_level(state: State, side: int, at: int) -> None:
    """Remove the level at this position."""
    place, marks, slot = state.sides[side], state.marks[0], state.slots[at]
    end = place.start + place.length
    _shift_down(state.keys[at:end])
    _shift_down(state.slots[at:end])
    place.length -= 1
    state.levels[slot].head = marks.free_level
    marks.free_level = slot


@inlined
def is_crossed(state: State, book: int) -> bool:
    """Whether the best bid stands at or above the best ask."""
    bids, asks = state.sides[2 * book], state.sides[2 * book + 1]
    if bids.length == 0 or asks.length == 0:
        return False
    return bool(state.keys[bids.start + bids.length - 1] >= -state.keys[asks.start + asks.length - 1])


@inlined
def _new_slot(state: State) -> int:
    marks = state.marks[0]
    slot = marks.free_level
    if slot != 0:
        marks.free_level = state.levels[slot].head
        return int(slot)
    slot = marks.levels
    marks.levels += 1
    return int(slot)


@in_place
def _search(keys: IntArray, start: int, end: int, key: int) -> int:
    """The first position of [start, end] whose key is not below `key`, sought from the end.

    Two blocks near the best are counted through without a branch on any key, which no processor could foresee; what
    lies deeper is sought in growing steps and then by halves.
    """
    for _ in range(2):
        if end - start < _BLOCK:
            break
        block = keys[end - _BLOCK : end]
        above = 0
        for at in range(_BLOCK):
            above += block[at] >= key
        if above < _BLOCK:
            return end - above
        end -= _BLOCK
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


# A loop of its own over a slice that starts at 0: so LLVM sees a memmove, four times as fast as one over both arrays.
@in_place
def _shift_up(values: IntArray) -> None:
    for at in range(len(values) - 1, 0, -1):
        values[at] = values[at - 1]


@in_place
def _shift_down(values: IntArray) -> None:
    for at in range(len(values) - 1):
        values[at] = values[at + 1]


@in_place
def _move_to_end(state: State, side: int) -> int:
    """Move a side to the end of the keys with twice its room; by how much its positions rise."""
    place, marks = state.sides[side], state.marks[0]
    start, target = place.start, marks.stretches
    capacity = max(2 * place.capacity, FIRST_STRETCH)
    for offset in range(place.length):
        state.keys[target + offset] = state.keys[start + offset]
        state.slots[target + offset] = state.slots[start + offset]
    place.start, place.capacity = target, capacity
    marks.stretches = target + capacity
    return int(target - start)
