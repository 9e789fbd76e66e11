"""Map from unsigned 64-bit integers to values of the same kind: chained hashing, compiled.

A chain's first entry is found through `heads`. Sixteen keys in a row share a cache line of it, because venues number
orders as they come and the youngest are asked for most. Entries that were removed are used again first, so that the
busy part of millions of keys stays in the cache.

The decoders of ITCH and LOBSTER and the encoder of ITCH use it. Two other maps stay apart, because they would get
slower: `hftlab.book.order_table` has to compare a book and an id, and its chains lie in the orders' own memory; the
matching engine numbers its orders itself, counting up, so that the low bits of an id are a good hash, and its chains
lie there too (see `hftlab.book.matching.engine_state`).
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.kernels.compiling import compiled, i64, inlined, zeros_aligned
from hftlab.kernels.intrinsics import prefetch

__all__ = [
    "LIVE",
    "VALUE",
    "IntegerMap",
    "find_place",
    "insert_key",
    "new_map",
    "prefetch_entry",
    "prefetch_head",
    "remove_place",
    "with_capacity",
]

KEY, VALUE, _AFTER = range(3)
FREE, LIVE = range(2)

_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio (Knuth, TAOCP 3, section 6.4)
_LINE: Final = np.uint64(15)
_FOUR: Final = np.uint64(4)
_HALF: Final = np.uint64(32)


class IntegerMap(NamedTuple):
    """Arrays of a map. Places number its entries from 1; 0 is none. It holds at most `len(entries) - 1` keys."""

    heads: npt.NDArray[np.uint32]  # a power of two, of places
    entries: npt.NDArray[np.uint64]  # (places, 4): key, value, the next place of its chain, unused: half a cache line
    counts: npt.NDArray[np.int64]  # the first free place, how many keys are live


def new_map(capacity: int) -> IntegerMap:
    """Make an empty map for up to `capacity` keys, a power of two of 16 or more."""
    entries = zeros_aligned((capacity + 1) * 4, np.uint64).reshape(-1, 4)
    entries[1:capacity, _AFTER] = np.arange(2, capacity + 1)
    return IntegerMap(zeros_aligned(2 * capacity, np.uint32), entries, np.array([1, 0]))


@inlined
def _head(table: IntegerMap, key: Any) -> Any:
    line = ((key >> _FOUR) * _SPREAD) >> _HALF
    return ((line << _FOUR) | (key & _LINE)) & np.uint64(len(table.heads) - 1)


@inlined
def find_place(table: IntegerMap, key: Any) -> Any:
    """Return the place of a key, or 0 if it is not there."""
    place = np.uint64(table.heads[_head(table, key)])
    while place != 0 and table.entries[place, KEY] != key:
        place = table.entries[place, _AFTER]
    return place


@inlined
def prefetch_head(table: IntegerMap, key: Any) -> None:
    """Begin to fetch the memory that `prefetch_entry()` will read."""
    prefetch(table.heads, _head(table, key))


@inlined
def prefetch_entry(table: IntegerMap, key: Any) -> None:
    """Begin to fetch the memory that `find_place()` will read, so that it need not wait."""
    prefetch(table.entries, table.heads[_head(table, key)])


@inlined
def insert_key(table: IntegerMap, key: Any, value: Any) -> Any:
    """Insert a key that is not there and return its place. The caller makes sure that the map is not full."""
    head = _head(table, key)
    place = np.uint64(table.counts[FREE])
    entry = table.entries[place]
    table.counts[FREE] = i64(entry[_AFTER])
    table.counts[LIVE] += 1
    entry[KEY] = key
    entry[VALUE] = value
    entry[_AFTER] = np.uint64(table.heads[head])
    table.heads[head] = place
    return place


@inlined
def remove_place(table: IntegerMap, place: Any) -> None:
    """Remove the key at a place."""
    entry = table.entries[place]
    head, after = _head(table, entry[KEY]), entry[_AFTER]
    one = np.uint64(table.heads[head])
    if one == place:
        table.heads[head] = after
    else:
        while table.entries[one, _AFTER] != place:
            one = table.entries[one, _AFTER]
        table.entries[one, _AFTER] = after
    entry[_AFTER] = np.uint64(table.counts[FREE])
    table.counts[FREE] = i64(place)
    table.counts[LIVE] -= 1


def with_capacity(table: IntegerMap, capacity: int) -> IntegerMap:
    """Return a map for `capacity` keys with the same keys at the same places: `table` itself if it is large enough."""
    if len(table.entries) > capacity:
        return table
    larger = new_map(1 << (capacity - 1).bit_length())
    _move(table, larger)
    return larger


@compiled
def _move(table: IntegerMap, larger: IntegerMap) -> None:
    is_live = np.zeros(len(larger.entries), np.bool_)
    for first in table.heads:
        place = np.uint64(first)
        while place != 0:
            is_live[place] = True
            larger.entries[place] = table.entries[place]
            head = _head(larger, larger.entries[place, KEY])
            larger.entries[place, _AFTER] = np.uint64(larger.heads[head])
            larger.heads[head] = place
            place = table.entries[place, _AFTER]
    larger.counts[FREE] = 0
    for free in range(len(is_live) - 1, 0, -1):
        if not is_live[free]:
            larger.entries[free, _AFTER] = np.uint64(larger.counts[FREE])
            larger.counts[FREE] = free
    larger.counts[LIVE] = table.counts[LIVE]
