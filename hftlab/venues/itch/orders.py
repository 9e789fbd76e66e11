"""The map from a live order's reference number to its price, side and shares: chained hashing, compiled.

A chain's first entry is found through `heads`; sixteen references in a row share a cache line of it, because venues
number orders as they come and the young ones are asked for most. Entries that are freed are used again first, so that
the busy part of a day's millions of orders stays in the cache.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.kernels.compiling import compiled, inlined, zeros_aligned
from hftlab.kernels.intrinsics import prefetch
from hftlab.venues.itch.byte_order import i64

__all__ = [
    "LARGEST_SHARES",
    "LIVE",
    "SELL",
    "SIDELESS",
    "WORD",
    "Orders",
    "expect",
    "expect_head",
    "find",
    "insert",
    "new_orders",
    "pack",
    "remove",
    "with_room",
]

LARGEST_SHARES: Final = (1 << 30) - 1
SELL: Final = np.uint64(1 << 31)
SIDELESS: Final = np.uint64(1 << 30)
"""Marks an order that took the place of an unknown one: a replacement does not say its side."""

REFERENCE, WORD = range(2)
FREE, LIVE = range(2)

_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio (Knuth, TAOCP 3, section 6.4)
_LINE: Final = np.uint64(15)
_FOUR: Final = np.uint64(4)
_HALF: Final = np.uint64(32)


class Orders(NamedTuple):
    """`places` number entries from 1; 0 is none. Room is for `len(entries) - 1` orders."""

    heads: npt.NDArray[np.uint32]  # a power of two, of places
    entries: npt.NDArray[np.uint64]  # (places, 2): reference, word
    after: npt.NDArray[np.uint32]  # (places,): the next place of its chain
    counts: npt.NDArray[np.int64]  # the first free place, how many orders are live


def new_orders(capacity: int) -> Orders:
    """An empty map with room for `capacity` orders, a power of two of 16 or more."""
    entries = zeros_aligned((capacity + 1) * 2, np.uint64).reshape(-1, 2)
    after = np.arange(1, capacity + 2, dtype=np.uint32)
    after[0] = after[capacity] = 0
    return Orders(zeros_aligned(2 * capacity, np.uint32), entries, after, np.array([1, 0]))


@inlined
def pack(price: Any, marks: Any, shares: Any) -> Any:
    """A word for an entry: price in 1e-4 (32 bits), SELL and SIDELESS, shares (30 bits)."""
    return (price << _HALF) | marks | shares


@inlined
def _head(orders: Orders, reference: Any) -> Any:
    line = ((reference >> _FOUR) * _SPREAD) >> _HALF
    return ((line << _FOUR) | (reference & _LINE)) & np.uint64(len(orders.heads) - 1)


@inlined
def find(orders: Orders, reference: Any) -> Any:
    """The place of an order, or 0."""
    place = np.uint64(orders.heads[_head(orders, reference)])
    while place != 0 and orders.entries[place, REFERENCE] != reference:
        place = np.uint64(orders.after[place])
    return place


@inlined
def expect_head(orders: Orders, reference: Any) -> None:
    """Begin to fetch what `expect()` will read."""
    prefetch(orders.heads, _head(orders, reference))


@inlined
def expect(orders: Orders, reference: Any) -> None:
    """Begin to fetch what `find()` will read, so that it need not wait."""
    prefetch(orders.entries, orders.heads[_head(orders, reference)])


@inlined
def insert(orders: Orders, reference: Any, word: Any) -> Any:
    """Put an order in that is not there, and return its place. The caller sees to it that there is room."""
    head = _head(orders, reference)
    place = np.uint64(orders.counts[FREE])
    entry = orders.entries[place]
    orders.counts[FREE] = i64(orders.after[place])
    orders.counts[LIVE] += 1
    entry[REFERENCE] = reference
    entry[WORD] = word
    orders.after[place] = orders.heads[head]
    orders.heads[head] = place
    return place


@inlined
def remove(orders: Orders, place: Any) -> None:
    """Take out the order at a place."""
    head = _head(orders, orders.entries[place, REFERENCE])
    after = orders.after[place]
    one = np.uint64(orders.heads[head])
    if one == place:
        orders.heads[head] = after
    else:
        while orders.after[one] != place:
            one = np.uint64(orders.after[one])
        orders.after[one] = after
    orders.after[place] = orders.counts[FREE]
    orders.counts[FREE] = i64(place)
    orders.counts[LIVE] -= 1


def with_room(orders: Orders, capacity: int) -> Orders:
    """The same orders at the same places in a map with room for `capacity`; itself, if it has that already."""
    if len(orders.entries) > capacity:
        return orders
    larger = new_orders(1 << (capacity - 1).bit_length())
    _move(orders, larger)
    return larger


@compiled
def _move(orders: Orders, larger: Orders) -> None:
    is_live = np.zeros(len(larger.entries), np.bool_)
    for first in orders.heads:
        place = np.uint64(first)
        while place != 0:
            is_live[place] = True
            larger.entries[place] = orders.entries[place]
            head = _head(larger, larger.entries[place, REFERENCE])
            larger.after[place] = larger.heads[head]
            larger.heads[head] = place
            place = np.uint64(orders.after[place])
    larger.counts[FREE] = 0
    for free in range(len(is_live) - 1, 0, -1):
        if not is_live[free]:
            larger.after[free] = larger.counts[FREE]
            larger.counts[FREE] = free
    larger.counts[LIVE] = orders.counts[LIVE]
