"""Where the order of a book and an id is: a hash table in one array.

Open addressing with linear probing at a load of one half at most; an entry that goes is filled by shifting back those
behind it, so that no graves slow later searches. An entry holds the upper half of the hash and the order's row, eight
bytes that say both whether it is worth a look and where its home is; the id itself stands in the order. Source: Knuth,
The Art of Computer Programming, volume 3, section 6.4, algorithms L and R; the multiplier is 2^64 divided by the golden
ratio, as there.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hftlab.book.kernels import in_place, inlined, place_of
from hftlab.book.intrinsics import prefetch

__all__ = ["ENTRY", "ORDER", "delete_entry", "expect_entry", "expect_order", "fill_table", "find_entry", "set_entry"]

Records = npt.NDArray[Any]

ENTRY: Final = np.dtype([("tag", "u4"), ("order", "u4")])
"""The upper half of the hash and the order's row; row 0 marks a free place."""

ORDER: Final = np.dtype([("id", "i8"), ("lots", "i8"), ("book", "u4"), ("level", "u4"), ("next", "u4"), ("prev", "u4")])
"""An order: its id (the bits of the uint64), its level's row, and its neighbours in the queue, 0 for none."""

_MULTIPLIER: Final = np.uint64(0x9E3779B97F4A7C15)
_BOOK_MULTIPLIER: Final = np.uint64(0xC2B2AE3D27D4EB4F)
_ONE: Final = np.uint64(1)
_HALF: Final = np.uint64(32)


@inlined
def _tag(book: int, order_id: int) -> Any:
    return ((place_of(order_id) + place_of(book) * _BOOK_MULTIPLIER) * _MULTIPLIER) >> _HALF


@inlined
def _home(table: Records, tag: Any) -> Any:
    """The place whose share of the table is the tag's of 2^32: ids that count upwards are spread evenly."""
    return (tag * place_of(len(table))) >> _HALF


@inlined
def find_entry(table: Records, orders: Records, book: int, order_id: int) -> Any:
    """The place of this order in the table, or the free one where it belongs."""
    tag, mask = _tag(book, order_id), place_of(len(table) - 1)
    at = _home(table, tag)
    while table[at].order != 0:
        if table[at].tag == tag:
            order = orders[table[at].order]
            if order.id == order_id and order.book == book:
                break
        at = (at + _ONE) & mask
    return at


@inlined
def expect_entry(table: Records, book: int, order_id: int) -> None:
    """Begin to fetch the entry that `find_entry()` will read first."""
    prefetch(table, _home(table, _tag(book, order_id)))


@inlined
def expect_order(table: Records, orders: Records, book: int, order_id: int) -> None:
    """Begin to fetch the order that `find_entry()` will compare first; its entry should be there by now."""
    prefetch(orders, table[_home(table, _tag(book, order_id))].order)


@inlined
def set_entry(table: Records, orders: Records, at: Any, row: Any, book: int, order_id: int) -> None:
    """Take a free place for this order."""
    entry, order = table[place_of(at)], orders[place_of(row)]
    entry.tag, entry.order = _tag(book, order_id), row
    order.id, order.book = order_id, book


@in_place
def delete_entry(table: Records, at: Any) -> None:
    """Free a place that is taken."""
    mask = place_of(len(table) - 1)
    hole = place_of(at)
    next_ = (hole + _ONE) & mask
    while table[next_].order != 0:
        home = _home(table, place_of(table[next_].tag))
        # It may fill the hole if its home is not between the two.
        if (next_ - home) & mask >= (next_ - hole) & mask:
            table[hole] = table[next_]
            hole = next_
        next_ = (next_ + _ONE) & mask
    table[hole].order = 0


@in_place
def fill_table(table: Records, entries: Records) -> None:
    """Put all entries of another table into an empty one."""
    mask = place_of(len(table) - 1)
    for entry in entries:
        if entry.order != 0:
            at = _home(table, place_of(entry.tag))
            while table[at].order != 0:
                at = (at + _ONE) & mask
            table[at] = entry
