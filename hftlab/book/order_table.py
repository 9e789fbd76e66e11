"""Hash table from a book and an order id to the order's row: chained hashing, compiled.

A head is the row of the first order of a chain, whose next is in the order itself: a search reads four bytes and then
the memory of the order, which whoever asks for it needs anyway. There are at least four heads for each order, so that a
chain has hardly ever a second one. An order's book is that of its level, and is looked up only when the id is right.
Source: Knuth, The Art of Computer Programming, volume 3, section 6.4, algorithm C with separate lists; the multiplier
is 2^64 divided by the golden ratio, as there.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hftlab.kernels.compiling import in_place, inlined, place_of
from hftlab.kernels.intrinsics import prefetch

__all__ = [
    "HEADS_PER_ORDER",
    "ORDER",
    "Heads",
    "delete_order",
    "expect_head",
    "expect_order",
    "fill_heads",
    "find_row",
    "insert_order",
    "tag_of",
]

Records = npt.NDArray[Any]
Heads = npt.NDArray[np.uint32]

ORDER: Final = np.dtype(
    [("id", "i8"), ("lots", "i8"), ("level", "u4"), ("next", "u4"), ("prev", "u4"), ("after", "u4")]
)
"""Order: its id (the bits of the uint64), its level's row, its neighbours in the queue, and the next of its chain in
the table; 0 for none."""

HEADS_PER_ORDER: Final = 4
"""Heads that there are at least for each order."""

_MULTIPLIER: Final = np.uint64(0x9E3779B97F4A7C15)
_BOOK_MULTIPLIER: Final = np.uint64(0xC2B2AE3D27D4EB4F)
_HALF: Final = np.uint64(32)
_ONE: Final = np.uint64(1)


@inlined
def tag_of(book: Any, order_id: int) -> Any:
    """Return the upper half of the hash of a book and an id."""
    return ((place_of(order_id) + place_of(book) * _BOOK_MULTIPLIER) * _MULTIPLIER) >> _HALF


@inlined
def _home(heads: Heads, tag: Any) -> Any:
    """Return the head whose share of the table is the tag's of 2^32: ids that count upwards are spread evenly."""
    return (place_of(tag) * place_of(len(heads))) >> _HALF


@inlined
def find_row(heads: Heads, orders: Records, levels: Records, tag: Any, book: Any, order_id: int) -> Any:
    """Return the row of an order, or 0 if it is not there; `tag` is its `tag_of()`."""
    row = place_of(heads[_home(heads, tag)])
    while row != 0:
        order = orders[row]
        if order.id == order_id and place_of(levels[order.level].side) >> _ONE == place_of(book):
            return row
        row = place_of(order.after)
    return row


@inlined
def expect_head(heads: Heads, tag: Any) -> None:
    """Begin to fetch the head that `find_row()` will read."""
    prefetch(heads, _home(heads, tag))


@inlined
def expect_order(heads: Heads, orders: Records, tag: Any) -> Any:
    """Begin to fetch the order that `find_row()` will compare first, and return its row.

    Its head should be in the cache by now.
    """
    row = place_of(heads[_home(heads, tag)])
    prefetch(orders, row)
    return row


@inlined
def insert_order(heads: Heads, orders: Records, tag: Any, row: Any) -> None:
    """Put an order that is not there into the table. The caller sets its `id` and, before the next search, `level`."""
    home = _home(heads, tag)
    orders[row].after = heads[home]
    heads[home] = row


@inlined
def delete_order(heads: Heads, orders: Records, tag: Any, row: Any) -> None:
    """Take an order that is there out of the table."""
    home = _home(heads, tag)
    after = orders[row].after
    one = place_of(heads[home])
    if one == row:
        heads[home] = after
        return
    while orders[one].after != row:
        one = place_of(orders[one].after)
    orders[one].after = after


@in_place
def fill_heads(heads: Heads, smaller: Heads, orders: Records, levels: Records) -> None:
    """Move the orders of a table to a larger, empty one."""
    for head in smaller:
        row = place_of(head)
        while row != 0:
            order = orders[row]
            after = place_of(order.after)
            insert_order(heads, orders, tag_of(place_of(levels[order.level].side) >> _ONE, order.id), row)
            row = after
