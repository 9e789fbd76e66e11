"""Live orders of a feed, compiled: price, size, marks and slot of the instrument, by order number.

What decoders keep of an order whose later messages only name it. A slot numbers an instrument of the feed.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.kernels.compiling import i64, in_place, inlined, place_of
from hftlab.kernels.integer_map import (
    LIVE,
    VALUE,
    IntegerMap,
    find_place,
    insert_key,
    new_map,
    remove_place,
    with_capacity,
)

__all__ = [
    "MARKS",
    "SELL",
    "LiveOrders",
    "clear_orders",
    "find_order",
    "forget_order",
    "has_room",
    "keep_order",
    "live_count",
    "marks_of",
    "new_orders",
    "price_of",
    "set_order",
    "size_of",
    "slot_of",
    "with_more_orders",
    "with_more_slots",
]

IntArray = npt.NDArray[np.int64]

SELL: Final = 1
"""Mark of an order that sells; the marks 2, 4 and 8 are the format's own."""
MARKS: Final = 15

_TAG: Final = 3  # the word of an entry that the map leaves to its user: size, slot and marks
_SLOT: Final = np.uint64(4)
_SIZE: Final = np.uint64(32)
_SLOTS: Final = np.uint64((1 << 28) - 1)
_MARKS: Final = np.uint64(MARKS)
_LOW: Final = np.uint64((1 << 32) - 1)
_FIRST_ORDERS: Final = 1 << 12


class LiveOrders(NamedTuple):
    """Orders by number, and how many each slot has."""

    table: IntegerMap
    counts: IntArray


def new_orders() -> LiveOrders:
    """Make an empty store without slots."""
    return LiveOrders(new_map(_FIRST_ORDERS), np.zeros(0, np.int64))


def with_more_orders(orders: LiveOrders) -> LiveOrders:
    """Return a store of the same orders with twice the room."""
    return orders._replace(table=with_capacity(orders.table, 2 * len(orders.table.entries)))


def with_more_slots(orders: LiveOrders, count: int) -> LiveOrders:
    """Return a store of the same orders for at least `count` slots, of 32 bits less four at most."""
    more = max(0, count - len(orders.counts))
    return orders._replace(counts=np.concatenate([orders.counts, np.zeros(more, np.int64)])) if more else orders


def live_count(orders: LiveOrders) -> int:
    """Return the number of orders."""
    return int(orders.table.counts[LIVE])


@inlined
def has_room(orders: LiveOrders, count: int) -> bool:
    """Tell whether so many more orders fit."""
    return bool(orders.table.counts[LIVE] + count < len(orders.table.entries))


@inlined
def find_order(orders: LiveOrders, order: Any) -> Any:
    """Return the place of an order, 0 if it is not there."""
    return find_place(orders.table, order)


@inlined
def keep_order(orders: LiveOrders, order: Any, slot: Any, marks: Any, price: Any, size: Any) -> bool:
    """Remember an order. Returns True if its number was there: that order goes."""
    place = find_place(orders.table, order)
    is_repeated = place != 0
    if is_repeated:
        forget_order(orders, place)
    place = insert_key(orders.table, order, np.uint64(price))
    orders.table.entries[place, _TAG] = (np.uint64(size) << _SIZE) | (np.uint64(slot) << _SLOT) | np.uint64(marks)
    orders.counts[place_of(slot)] += 1
    return bool(is_repeated)


@inlined
def price_of(orders: LiveOrders, place: Any) -> Any:
    """Return the price of the order at a place, in the format's units."""
    return i64(orders.table.entries[place, VALUE])


@inlined
def size_of(orders: LiveOrders, place: Any) -> Any:
    """Return the size that is left of the order at a place."""
    return i64(orders.table.entries[place, _TAG] >> _SIZE)


@inlined
def slot_of(orders: LiveOrders, place: Any) -> Any:
    """Return the slot of the order at a place."""
    return i64((orders.table.entries[place, _TAG] >> _SLOT) & _SLOTS)


@inlined
def marks_of(orders: LiveOrders, place: Any) -> Any:
    """Return the marks of the order at a place."""
    return i64(orders.table.entries[place, _TAG] & _MARKS)


@inlined
def set_order(orders: LiveOrders, place: Any, price: Any, size: Any) -> None:
    """Give the order at a place another price and size."""
    entry = orders.table.entries[place]
    entry[VALUE] = np.uint64(price)
    entry[_TAG] = (np.uint64(size) << _SIZE) | (entry[_TAG] & _LOW)


@inlined
def forget_order(orders: LiveOrders, place: Any) -> None:
    """Forget the order at a place."""
    orders.counts[place_of(slot_of(orders, place))] -= 1
    orders.table.entries[place, _TAG] = np.uint64(0)
    remove_place(orders.table, place)


@in_place
def clear_orders(orders: LiveOrders, slot: Any, mask: int, marks: int) -> None:
    """Forget the orders of a slot that have these marks among those of the mask."""
    if orders.counts[place_of(slot)] == 0:
        return
    entries = orders.table.entries
    for number in range(1, len(entries)):
        # An order has a size or, at least while it is live, a key that leads to its place.
        tag = entries[number, _TAG]
        if i64((tag >> _SLOT) & _SLOTS) != i64(slot) or i64(tag & np.uint64(mask)) != marks:
            continue
        place = np.uint64(number)
        if find_place(orders.table, entries[number, 0]) == place:
            forget_order(orders, place)
