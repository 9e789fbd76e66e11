"""Books of levels whose prices are all known before they change, compiled: a total is then set without a search.

A recording tells beforehand at which prices there will be levels. A side then has a place for each of them, sorted as
always, and the levels that are not there now have 0 lots. Its length ends with the best level that has some, so that
whoever reads a side from its best finds what is there, with empty levels in between.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hftlab.book.book_state import LEVEL, BookState
from hftlab.kernels.compiling import IntArray, in_place, inlined, place_of, zeros_aligned

__all__ = ["NOWHERE", "add_known_levels", "empty_levels", "set_known_level"]

NOWHERE: Final = 2**32 - 1
"""Place of a row whose price is not a multiple of the tick."""

Places = npt.NDArray[np.uint32]

_KEY_FACTOR: Final = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio, as in hftlab.book.order_table
_SIDE_FACTOR: Final = np.uint64(0xC2B2AE3D27D4EB4F)


def add_known_levels(
    state: BookState, sides: npt.NDArray[np.uint32], keys: IntArray, ticks: IntArray
) -> tuple[BookState, Places]:
    """Give the sides a place for each key of some rows, and return the state and the rows' places in its keys.

    `sides` and `keys` are the rows'; they hold only for sides that `set_known_level()` alone changes. `ticks` are the
    books' in 1e-9. Places that were returned before do not hold any more if a price is new.
    """
    ordinals, firsts = _numbered(sides, keys)
    their_sides, their_keys = sides[firsts], keys[firsts]
    places = np.empty(len(firsts), np.int64)
    added: dict[int, IntArray] = {}
    order = np.lexsort((their_keys, their_sides))
    bounds = np.flatnonzero(np.diff(their_sides[order], prepend=-1, append=-1))
    ranges = [(int(their_sides[order[start]]), order[start:end]) for start, end in pairwise(bounds)]
    for side, rows in ranges:
        wanted = their_keys[rows]
        known = _known_keys(state, side)
        new = wanted[(wanted % ticks[side >> 1] == 0) & ~np.isin(wanted, known, assume_unique=True)]
        if len(new):
            added[side] = new
    if added:
        state = _with_keys(state, added, ticks)
    for side, rows in ranges:
        known, start = _known_keys(state, side), int(state.sides[side]["start"])
        at = np.searchsorted(known, their_keys[rows])
        found = known[np.minimum(at, len(known) - 1)] == their_keys[rows] if len(known) else np.zeros(len(at), bool)
        places[rows] = np.where(found, start + at, NOWHERE)
    return state, places.astype(np.uint32)[ordinals]


@inlined
def set_known_level(state: BookState, side: Any, place: Any, lots: int) -> None:
    """Set the total of the level at a place of a side; 0 lots remove it."""
    state.levels[place_of(state.slots[place])].lots = lots
    range_ = state.sides[side]
    end = np.int64(place) - range_.start + 1
    if lots > 0:
        range_.length = max(range_.length, end)
    elif end == range_.length:
        _find_best(state, side)


@inlined
def _find_best(state: BookState, side: Any) -> None:
    """End a side with its best level that has lots."""
    range_ = state.sides[side]
    end = range_.length - 1
    while end > 0 and state.levels[place_of(state.slots[place_of(range_.start + end - 1)])].lots == 0:
        end -= 1
    range_.length = end


@in_place
def empty_levels(state: BookState, side: Any) -> None:
    """Remove all levels of a side that has only known ones; their places stay."""
    range_ = state.sides[side]
    for at in range(range_.start, range_.start + range_.length):
        state.levels[state.slots[at]].lots = 0
    range_.length = 0


def _known_keys(state: BookState, side: int) -> IntArray:
    range_ = state.sides[side]
    return state.keys[int(range_["start"]) : int(range_["start"] + range_["capacity"])]


def _with_keys(state: BookState, added: dict[int, IntArray], ticks: IntArray) -> BookState:
    """Return the state with more places, all sides laid out anew one behind the other."""
    sides, used = state.sides.copy(), int(state.marks[0]["levels"])
    keys, slots, start = [], [], 0
    levels = zeros_aligned(max(len(state.levels), used + sum(map(len, added.values()))), LEVEL)
    levels[: len(state.levels)] = state.levels
    for side, range_ in enumerate(sides):
        first, capacity, length = int(range_["start"]), int(range_["capacity"]), int(range_["length"])
        own_keys, own_slots = state.keys[first : first + capacity], state.slots[first : first + capacity]
        if side in added:
            new = added[side]
            rows = levels[used : used + len(new)]
            rows["key"], rows["side"] = new, side
            rows["ticks"] = (-new if side & 1 else new) // ticks[side >> 1]
            best = own_keys[length - 1] if length else None
            at = np.searchsorted(own_keys, new)
            own_keys = np.insert(own_keys, at, new)
            own_slots = np.insert(own_slots, at, np.arange(used, used + len(new), dtype=np.uint32))
            used += len(new)
            range_["capacity"] = len(own_keys)
            range_["length"] = 0 if best is None else int(np.searchsorted(own_keys, best)) + 1
        range_["start"] = start
        start += len(own_keys)
        keys.append(own_keys)
        slots.append(own_slots)
    marks = state.marks.copy()
    marks["keys"], marks["levels"] = start, used
    spare = max(len(state.keys) - int(state.marks[0]["keys"]), 0)
    return state._replace(
        keys=np.concatenate([*keys, np.zeros(spare, np.int64)]),
        slots=np.concatenate([*slots, np.zeros(spare, np.uint32)]),
        sides=sides,
        levels=levels,
        marks=marks,
    )


def _numbered(sides: npt.NDArray[np.uint32], keys: IntArray) -> tuple[Places, IntArray]:
    """Number the distinct pairs of rows as they come; returns each row's number, and each number's first row."""
    ordinals, firsts = np.empty(len(keys), np.uint32), np.empty(len(keys), np.int64)
    table = np.zeros(1 << max(2 * len(keys) - 1, 1).bit_length(), np.uint32)
    count = _number(sides, keys, table, ordinals, firsts)
    return ordinals, firsts[:count]


@in_place
def _number(sides: npt.NDArray[np.uint32], keys: IntArray, table: Places, ordinals: Places, firsts: IntArray) -> int:
    count, mask = 0, place_of(len(table) - 1)
    for number in range(len(keys)):
        row = place_of(number)
        key, side = keys[row], sides[row]
        mixed = (place_of(key) + place_of(side) * _SIDE_FACTOR) * _KEY_FACTOR
        home = (mixed >> place_of(32)) & mask
        while True:
            found = table[home]
            if found == 0:
                firsts[count] = number
                count += 1
                table[home] = count
                ordinals[row] = count - 1
                break
            first = place_of(firsts[place_of(found - 1)])
            if keys[first] == key and sides[first] == side:
                ordinals[row] = found - 1
                break
            home = (home + place_of(1)) & mask
    return count
