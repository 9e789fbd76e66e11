"""Books of levels whose prices are all known before they change, compiled: a total is then set without a search.

A recording tells beforehand at which prices there will be levels. A side then has a place for each of them, sorted as
always, and the levels that are not there now have 0 lots. Its length ends with the best level that has some, so that
whoever reads a side from its best finds what is there, with empty levels in between.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.book.book_state import LEVEL, BookState
from hftlab.events import ADD, ASK, CANCEL, F_MBP, MODIFY, NO_SIDE, EventBatch
from hftlab.kernels.compiling import IntArray, in_place, inlined, place_of, zeros_aligned

__all__ = [
    "NOWHERE",
    "LevelRows",
    "Numbering",
    "add_known_levels",
    "empty_levels",
    "level_rows",
    "number_levels",
    "set_known_level",
    "without_empty_levels",
]

NOWHERE: Final = 2**32 - 1
"""Place of a row that changes no level, or one whose price is not a multiple of the tick."""

Places = npt.NDArray[np.uint32]

_KEY_FACTOR: Final = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio, as in hftlab.book.order_table
_SIDE_FACTOR: Final = np.uint64(0xC2B2AE3D27D4EB4F)


class LevelRows(NamedTuple):
    """Columns of rows of events, see hftlab.events.EventBatch; `instrument_id` is the number of the row's book."""

    instrument_id: npt.NDArray[np.int32]
    action: npt.NDArray[np.uint8]
    side: npt.NDArray[np.uint8]
    price: IntArray
    flags: npt.NDArray[np.uint8]


def level_rows(batch: EventBatch) -> LevelRows:
    """Return the columns of a batch."""
    return LevelRows(batch.instrument_id, batch.action, batch.side, batch.price, batch.flags)


class Numbering(NamedTuple):
    """Numbers of the levels that rows change: each row's, and each number's first row.

    Rows that change no level have the number behind the last.
    """

    ordinals: Places
    firsts: IntArray


def number_levels(rows: LevelRows) -> Numbering:
    """Number the levels that rows flagged F_MBP change, as they come."""
    count = len(rows.price)
    ordinals, firsts = np.empty(count, np.uint32), np.empty(count, np.int64)
    table = np.zeros(1 << max(2 * count - 1, 1).bit_length(), np.uint32)
    used = _number(rows, table, ordinals, firsts)
    return Numbering(np.minimum(ordinals, np.uint32(used)), firsts[:used])


def add_known_levels(
    state: BookState, rows: LevelRows, numbering: Numbering, ticks: IntArray
) -> tuple[BookState, Places]:
    """Give the books a place for each level that some rows change; returns the state and the rows' places.

    A row that does not change a level is NOWHERE, and so is one off the tick. The levels must be changed by
    `set_known_level()` alone. `ticks` are the books' in 1e-9. Places that were returned before do not hold any more if
    a price is new.
    """
    ordinals, firsts = numbering
    is_ask = rows.side[firsts] == ASK
    price = rows.price[firsts]
    sides, keys = 2 * rows.instrument_id[firsts].astype(np.int64) + is_ask, np.where(is_ask, -price, price)
    order = np.lexsort((keys, sides))
    bounds = np.flatnonzero(np.diff(sides[order], prepend=-1, append=-1))
    of_sides = {int(sides[order[start]]): order[start:end] for start, end in pairwise(bounds)}
    added = {}
    for side, its_rows in of_sides.items():
        wanted = keys[its_rows]
        is_new = (wanted % ticks[side >> 1] == 0) & ~np.isin(wanted, _known_keys(state, side), assume_unique=True)
        if is_new.any():
            added[side] = wanted[is_new]
    if added:
        state = _with_keys(state, added, ticks)
    places = np.full(len(keys) + 1, NOWHERE, np.uint32)  # the last one is that of rows without a level
    for side, its_rows in of_sides.items():
        known = _known_keys(state, side)
        at = np.searchsorted(known, keys[its_rows])
        is_known = np.append(known, 0)[at] == keys[its_rows]
        places[its_rows] = np.where(is_known, int(state.sides[side]["start"]) + at, NOWHERE)
    return state, places[ordinals]


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


def without_empty_levels(state: BookState) -> tuple[BookState, IntArray]:
    """Return the state without the places of levels that are not there now, and by row of its levels the row before.

    All of its books must be changed by `set_known_level()` alone. Places that were returned before do not hold any
    more. A market that goes on for ever would have a place for each price that there ever was.
    """
    kept, starts, start = [np.zeros(1, np.int64)], [], 0
    for range_ in state.sides:
        first, capacity = int(range_["start"]), int(range_["capacity"])
        rows = state.slots[first : first + capacity].astype(np.int64)
        kept.append(rows[state.levels["lots"][rows] > 0])
        starts.append(start)
        start += len(kept[-1])
    before = np.concatenate(kept)
    sides, marks = state.sides.copy(), state.marks.copy()
    sides["start"] = starts
    sides["length"] = sides["capacity"] = [len(rows) for rows in kept[1:]]
    marks["keys"], marks["levels"] = start, start + 1
    levels = zeros_aligned(start + 1, LEVEL)
    levels[:] = state.levels[before]
    slots = np.arange(1, start + 1, dtype=np.uint32)
    return state._replace(keys=levels["key"][1:].copy(), slots=slots, sides=sides, levels=levels, marks=marks), before


@in_place
def _number(rows: LevelRows, table: Places, ordinals: Places, firsts: IntArray) -> int:
    count, mask = 0, place_of(len(table) - 1)
    for number in range(len(rows.price)):
        row = place_of(number)
        price, side, book = rows.price[row], rows.side[row], rows.instrument_id[row]
        ordinals[row] = NOWHERE
        if rows.flags[row] & F_MBP == 0 or side == NO_SIDE or rows.action[row] not in (ADD, CANCEL, MODIFY):
            continue
        mixed = (place_of(price) + (place_of(book) << place_of(8) | place_of(side)) * _SIDE_FACTOR) * _KEY_FACTOR
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
            if rows.price[first] == price and rows.side[first] == side and rows.instrument_id[first] == book:
                ordinals[row] = found - 1
                break
            home = (home + place_of(1)) & mask
    return count
