"""Hash table, in one array, from a book and an order id to the order's row.

It consists of buckets of eight entries, a cache line each, that are compared all at once: so hardly any branch depends
on the data. An order is in its home bucket, or where that is full in the next one that is not; the load is one
half at most. Whenever an entry leaves a full bucket, a later one that belongs further to the front takes its
place, so that a search may end at the first bucket with a free entry. An entry holds the upper half of the hash and
the order's row, eight bytes that tell both whether the order can match and where its home is; the id itself is in
the order. Source: Knuth, The Art of Computer Programming, volume 3, section 6.4, "External searching" (buckets) and
algorithm R; the multiplier is 2^64 divided by the golden ratio, as there.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hftlab.kernels.compiling import in_place, inlined, place_of
from hftlab.kernels.intrinsics import WAYS, first_bit, free_entries, prefetch, tagged_entries

__all__ = [
    "ENTRY",
    "ORDER",
    "delete_entry",
    "expect_entry",
    "expect_order",
    "fill_table",
    "find_entry",
    "set_entry",
    "tag_of",
]

Records = npt.NDArray[Any]

ENTRY: Final = np.dtype([("tag", "u4"), ("order", "u4")])
"""The upper half of the hash and the order's row; all zero is a free place."""

ORDER: Final = np.dtype([("id", "i8"), ("lots", "i8"), ("book", "u4"), ("level", "u4"), ("next", "u4"), ("prev", "u4")])
"""An order: its id (the bits of the uint64), its level's row, and its neighbours in the queue, 0 for none."""

_MULTIPLIER: Final = np.uint64(0x9E3779B97F4A7C15)
_BOOK_MULTIPLIER: Final = np.uint64(0xC2B2AE3D27D4EB4F)
_ONE: Final = np.uint64(1)
_HALF: Final = np.uint64(32)
_WAYS: Final = np.uint64(WAYS)
_BUCKET: Final = ~np.uint64(WAYS - 1)
_BEYOND: Final = np.uint64(1 << WAYS)


@inlined
def tag_of(book: Any, order_id: int) -> Any:
    """Return the upper half of the hash of a book and an id."""
    return ((place_of(order_id) + place_of(book) * _BOOK_MULTIPLIER) * _MULTIPLIER) >> _HALF


@inlined
def _home(table: Records, tag: Any) -> Any:
    """Return the bucket whose share of the table is the tag's of 2^32: ids that count upwards are spread evenly."""
    return ((tag * place_of(len(table))) >> _HALF) & _BUCKET


@inlined
def find_entry(table: Records, orders: Records, tag: Any, book: int, order_id: int) -> Any:
    """Return the place of this order in the table, or the free one where it belongs; `tag` is its `tag_of()`."""
    mask = place_of(len(table) - 1)
    bucket = _home(table, place_of(tag))
    while True:
        tagged = tagged_entries(table, bucket, place_of(tag))
        while tagged != 0:
            at = bucket + first_bit(tagged)
            order = orders[table[at].order]
            if order.id == order_id and order.book == book:
                return at
            tagged &= tagged - _ONE
        free = free_entries(table, bucket)
        if free != 0:
            return bucket + first_bit(free)
        bucket = (bucket + _WAYS) & mask


@inlined
def expect_entry(table: Records, tag: Any) -> None:
    """Begin to fetch the bucket that `find_entry()` will read first."""
    prefetch(table, _home(table, place_of(tag)))


@inlined
def expect_order(table: Records, orders: Records, tag: Any) -> None:
    """Begin to fetch the order that `find_entry()` will compare first; its bucket should be in the cache by now."""
    bucket = _home(table, place_of(tag))
    tagged = tagged_entries(table, bucket, place_of(tag)) | _BEYOND
    prefetch(orders, table[(bucket + first_bit(tagged)) & place_of(len(table) - 1)].order)


@inlined
def set_entry(table: Records, orders: Records, at: Any, row: Any, tag: Any, book: int, order_id: int) -> None:
    """Put an order into a free place."""
    entry, order = table[place_of(at)], orders[place_of(row)]
    entry.tag, entry.order = tag, row
    order.id, order.book = order_id, book


@inlined
def delete_entry(table: Records, at: Any) -> None:
    """Free a place that is taken."""
    hole = place_of(at)
    is_full = free_entries(table, hole & _BUCKET) == 0
    _clear(table, hole)
    if is_full:
        _refill(table, hole)


@inlined
def _clear(table: Records, at: Any) -> None:
    table[at].tag, table[at].order = 0, 0


@in_place
def _refill(table: Records, hole: Any) -> None:
    """Fill a hole in a bucket that was full with a later entry that may be there, then the hole that leaves."""
    mask = place_of(len(table) - 1)
    bucket = hole & _BUCKET
    while True:
        bucket = (bucket + _WAYS) & mask
        is_full = free_entries(table, bucket) == 0
        for way in range(WAYS):
            at = bucket + place_of(way)
            home = _home(table, place_of(table[at].tag))
            # It may if its home is not after the hole.
            if table[at].order != 0 and (bucket - home) & mask >= (bucket - (hole & _BUCKET)) & mask:
                table[hole] = table[at]
                _clear(table, at)
                hole = at
                break
        if not is_full:
            return


@in_place
def fill_table(table: Records, entries: Records) -> None:
    """Copy all entries of another table into an empty one."""
    mask = place_of(len(table) - 1)
    for entry in entries:
        if entry.order != 0:
            bucket = _home(table, place_of(entry.tag))
            while free_entries(table, bucket) == 0:
                bucket = (bucket + _WAYS) & mask
            table[bucket + first_bit(free_entries(table, bucket))] = entry
