"""The map from a live order's reference number to its price, side and shares: chained hashing, compiled.

A chain's first entry is found through `heads`; sixteen references in a row share a cache line of it, because venues
number orders as they come and the young ones are asked for most. Entries that are freed are used again first, so that
the busy part of a day's millions of orders stays in the cache.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.book.kernels import compiled, inlined

__all__ = ["LARGEST_SHARES", "LIVE", "SELL", "WORD", "Orders", "find", "grown", "insert", "new_orders", "pack", "remove"]

LARGEST_SHARES: Final = (1 << 31) - 1
SELL: Final = np.uint64(1 << 31)

REFERENCE, WORD, NEXT = range(3)
_FIELDS: Final = 4  # the fourth keeps an entry within one cache line
FREE, LIVE = range(2)

_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio (Knuth, TAOCP 3, section 6.4)
_LINE: Final = np.uint64(15)
_FOUR: Final = np.uint64(4)
_HALF: Final = np.uint64(32)


class Orders(NamedTuple):
    """`places` number entries from 1; 0 is none. Room is for `len(entries) - 1` orders."""

    heads: npt.NDArray[np.uint32]  # a power of two, of places
    entries: npt.NDArray[np.uint64]  # (places, 4): reference, word, next place
    counts: npt.NDArray[np.int64]  # the first free place, how many orders are live


def new_orders(capacity: int) -> Orders:
    """An empty map with room for `capacity` orders, a power of two of 16 or more."""
    entries = np.zeros((capacity + 1, _FIELDS), np.uint64)
    entries[1:-1, NEXT] = np.arange(2, capacity + 1)
    return Orders(np.zeros(2 * capacity, np.uint32), entries, np.array([1, 0]))


@inlined
def pack(price: Any, is_sell: bool, shares: Any) -> Any:
    """A word for an entry: price in 1e-4 (32 bits), side (1), shares (31)."""
    word = (price << _HALF) | shares
    return word | SELL if is_sell else word


@inlined
def _head(orders: Orders, reference: Any) -> Any:
    line = ((reference >> _FOUR) * _SPREAD) >> _HALF
    return ((line << _FOUR) | (reference & _LINE)) & np.uint64(len(orders.heads) - 1)


@inlined
def find(orders: Orders, reference: Any) -> Any:
    """The place of an order, or 0."""
    place = np.uint64(orders.heads[_head(orders, reference)])
    while place != 0 and orders.entries[place, REFERENCE] != reference:
        place = orders.entries[place, NEXT]
    return place


@inlined
def insert(orders: Orders, reference: Any, word: Any) -> Any:
    """Put an order in that is not there, and return its place. The caller sees to it that there is room."""
    head = _head(orders, reference)
    place = np.uint64(orders.counts[FREE])
    entry = orders.entries[place]
    orders.counts[FREE] = np.int64(entry[NEXT])
    orders.counts[LIVE] += 1
    entry[REFERENCE] = reference
    entry[WORD] = word
    entry[NEXT] = orders.heads[head]
    orders.heads[head] = place
    return place


@inlined
def remove(orders: Orders, place: Any) -> None:
    """Take out the order at a place."""
    entries = orders.entries
    head = _head(orders, entries[place, REFERENCE])
    after = entries[place, NEXT]
    one = np.uint64(orders.heads[head])
    if one == place:
        orders.heads[head] = after
    else:
        while entries[one, NEXT] != place:
            one = entries[one, NEXT]
        entries[one, NEXT] = after
    entries[place, NEXT] = orders.counts[FREE]
    orders.counts[FREE] = np.int64(place)
    orders.counts[LIVE] -= 1


@compiled
def _rehash(orders: Orders) -> None:
    for place in range(1, orders.counts[LIVE] + 1):
        head = _head(orders, orders.entries[place, REFERENCE])
        orders.entries[place, NEXT] = orders.heads[head]
        orders.heads[head] = place


def grown(orders: Orders) -> Orders:
    """The same orders, at the same places, in twice the room. The map must be full."""
    capacity = len(orders.entries) - 1
    assert orders.counts[LIVE] == capacity
    larger = new_orders(2 * capacity)
    larger.entries[1 : capacity + 1] = orders.entries[1:]
    larger.counts[:] = capacity + 1, capacity
    _rehash(larger)
    return larger
