"""Compiled loop that decodes LOBSTER's messages and order books into the columns of an EventBatch.

The files show only a window, the best levels of each side. An order added inside is known by its own number; what
rested there before, or came in from below, is one order per level whose number `synthetic()` makes of side and price.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.events import ADD, ASK, BID, CANCEL, CLEAR, F_LAST, F_SNAPSHOT, FILL, NO_SIDE, NONE, TRADE
from hftlab.kernels.compiling import compiled, i64
from hftlab.kernels.integer_map import VALUE, IntegerMap, find_place, insert_key, remove_place

__all__ = [
    "COUNTS",
    "DELETION",
    "HALT",
    "HIDDEN",
    "NEW",
    "VISIBLE",
    "Lines",
    "Orders",
    "Rows",
    "Window",
    "decode",
    "seed",
    "synthetic",
]

IntArray = npt.NDArray[np.int64]

NEW, PARTIAL, DELETION, VISIBLE, HIDDEN, CROSS, HALT = range(1, 8)

_PRICE: Final = 100_000  # 1e-4 in 1e-9
_SYNTHETIC: Final = np.uint64(1 << 63)
_SELL: Final = np.uint64(1 << 62)
_NOBODY: Final = np.uint64(0)

COUNTS: Final = ("unknown_orders", "differing_sizes", "repeated_orders", "revealed", "fell_out", "corrected")
UNKNOWN, DIFFERING, REPEATED, REVEALED, FELL_OUT, CORRECTED = range(len(COUNTS))


class Lines(NamedTuple):
    """Messages, and the levels of the order book after each: (messages, 2, levels), asks first."""

    time: IntArray
    kind: IntArray
    order: npt.NDArray[np.uint64]
    size: IntArray
    price: IntArray  # 1e-4
    direction: IntArray
    prices: IntArray  # 1e-4
    sizes: IntArray  # 0 where there is no such level


class Orders(NamedTuple):
    """Live orders, in no order: `rows` maps an order's number to its row in the arrays."""

    rows: IntegerMap
    number: npt.NDArray[np.uint64]
    left: IntArray
    price: IntArray
    side: npt.NDArray[np.uint8]
    live: IntArray  # one value


class Window(NamedTuple):
    """Levels in sight of each side, asks first, in no order: prices and totals; unused without order books."""

    price: IntArray
    total: IntArray
    length: IntArray


class Rows(NamedTuple):
    """Columns of an EventBatch that the loop writes; the others are the same in every row."""

    ts_event: IntArray
    sequence: IntArray
    order_id: npt.NDArray[np.uint64]
    action: npt.NDArray[np.uint8]
    side: npt.NDArray[np.uint8]
    price: IntArray
    size: IntArray
    flags: npt.NDArray[np.uint8]


@compiled
def synthetic(side: int, price: int) -> np.uint64:
    """Return the number of the order that stands for whatever else rests at a level (B or A, dollars × 10,000).

    The venue's own numbers are smaller.
    """
    number = _SYNTHETIC | np.uint64(price)
    return number | _SELL if side == ASK else number


@compiled
def decode(
    lines: Lines, first: int, sequence: int, orders: Orders, window: Window, rows: Rows, counts: IntArray
) -> tuple[int, int]:
    """Write the rows of the lines from `first` on. Returns (next line, rows written).

    `sequence` is the number of line 0. The next line is not the last if rows or orders might be too few for it.
    """
    levels = lines.prices.shape[2]
    written = 0
    for line in range(first, len(lines.kind)):
        live = orders.live[0]
        # A line makes three rows, and ends each order and each level in sight once at most.
        if written + live + 4 * levels + 8 > len(rows.size) or live + 2 * levels + 2 > len(orders.number):
            return line, written
        begin = written
        written = _take(lines, line, orders, window, rows, written, counts)
        if levels > 0:
            written = _follow(lines, line, orders, window, rows, written, counts)
        for row in range(begin, written):
            rows.ts_event[row] = lines.time[line]
            rows.sequence[row] = sequence + line
        rows.flags[written - 1] |= F_LAST
    return len(lines.kind), written


@compiled
def seed(
    orders: Orders, window: Window, rows: Rows, sides: npt.NDArray[np.uint8], prices: IntArray, sizes: IntArray
) -> int:
    """Write an R and a synthetic order for each level, and keep them. Returns the rows written."""
    counts = np.zeros(REPEATED + 1, np.int64)
    row = _put(rows, 0, CLEAR, NO_SIDE, _NOBODY, 0, 0, F_SNAPSHOT)
    for level in range(len(sides)):
        number = synthetic(sides[level], prices[level])
        row = _add(orders, window, rows, row, sides[level], number, prices[level], sizes[level], F_SNAPSHOT, counts)
    return row


@compiled
def _put(rows: Rows, row: int, action: int, side: int, number: np.uint64, price: int, size: int, flags: int) -> int:
    rows.action[row] = action
    rows.side[row] = side
    rows.order_id[row] = number
    rows.price[row] = price * _PRICE
    rows.size[row] = size
    rows.flags[row] = flags
    return row + 1


@compiled
def _take(lines: Lines, line: int, orders: Orders, window: Window, rows: Rows, row: int, counts: IntArray) -> int:
    """Write the rows of the message itself. Returns the next free row."""
    kind, number, size, price = lines.kind[line], lines.order[line], lines.size[line], lines.price[line]
    side = BID if lines.direction[line] > 0 else ASK
    aggressor = ASK if side == BID else BID
    if kind == NEW:
        return _add(orders, window, rows, row, side, number, price, size, 0, counts)
    if kind == HIDDEN:
        return _put(rows, row, TRADE, aggressor, _NOBODY, price, size, 0)
    if kind == CROSS:
        return _put(rows, row, TRADE, NO_SIDE, _NOBODY, price, size, 0)
    if kind < NEW or kind >= HALT:
        return _put(rows, row, NONE, NO_SIDE, _NOBODY, 0, 0, 0)
    if kind == VISIBLE:
        row = _put(rows, row, TRADE, aggressor, _NOBODY, price, size, 0)
    place = _place(orders, number, side, price)
    if place < 0:
        counts[UNKNOWN] += 1
        return row if kind == VISIBLE else _put(rows, row, NONE, NO_SIDE, _NOBODY, 0, 0, 0)
    is_own = orders.number[place] == number
    left = orders.left[place]
    if size > left or (kind == DELETION and is_own and size != left):
        counts[DIFFERING] += 1
    taken = int(left if kind == DELETION and is_own else min(size, left))
    if kind == VISIBLE:
        row = _put(rows, row, FILL, side, orders.number[place], price, taken, 0)
    return _cancel(orders, window, rows, row, place, taken, 0)


@compiled
def _place(orders: Orders, number: np.uint64, side: int, price: int) -> int:
    """Return where an order is, or else the synthetic one of its level; -1 if neither is there."""
    found = find_place(orders.rows, number)
    if found == 0:
        found = find_place(orders.rows, synthetic(side, price))
    return int(i64(orders.rows.entries[found, VALUE])) if found != 0 else -1


@compiled
def _add(
    orders: Orders,
    window: Window,
    rows: Rows,
    row: int,
    side: int,
    number: np.uint64,
    price: int,
    size: int,
    flags: int,
    counts: IntArray,
) -> int:
    found = find_place(orders.rows, number)
    if found != 0:
        counts[REPEATED] += 1
        place = int(i64(orders.rows.entries[found, VALUE]))
        row = _cancel(orders, window, rows, row, place, int(orders.left[place]), flags)
    place = int(orders.live[0])
    insert_key(orders.rows, number, np.uint64(place))
    orders.number[place], orders.left[place] = number, size
    orders.price[place], orders.side[place] = price, side
    orders.live[0] = place + 1
    _change(window, side, price, size)
    return _put(rows, row, ADD, side, number, price, size, flags)


@compiled
def _cancel(orders: Orders, window: Window, rows: Rows, row: int, place: int, size: int, flags: int) -> int:
    number, side, price = orders.number[place], orders.side[place], orders.price[place]
    orders.left[place] -= size
    if orders.left[place] == 0:
        remove_place(orders.rows, find_place(orders.rows, number))
        last = orders.live[0] - 1
        orders.live[0] = last
        if place < last:
            orders.number[place], orders.left[place] = orders.number[last], orders.left[last]
            orders.price[place], orders.side[place] = orders.price[last], orders.side[last]
            orders.rows.entries[find_place(orders.rows, orders.number[place]), VALUE] = np.uint64(place)
    _change(window, side, price, -size)
    return _put(rows, row, CANCEL, side, number, price, size, flags)


@compiled
def _change(window: Window, side: int, price: int, by: int) -> None:
    """Add to a level's total, and remove the level if that is then 0."""
    which = 0 if side == ASK else 1
    prices, totals, length = window.price[which], window.total[which], window.length[which]
    if len(prices) == 0:
        return
    for at in range(length):
        if prices[at] == price:
            totals[at] += by
            if totals[at] == 0:
                prices[at], totals[at] = prices[length - 1], totals[length - 1]
                window.length[which] = length - 1
            return
    prices[length], totals[length] = price, by
    window.length[which] = length + 1


@compiled
def _follow(lines: Lines, line: int, orders: Orders, window: Window, rows: Rows, row: int, counts: IntArray) -> int:
    """Bring the window to what the order book shows after the line. Returns the next free row."""
    for which in range(2):
        side = ASK if which == 0 else BID
        prices, sizes = lines.prices[line, which], lines.sizes[line, which]
        shown = 0
        while shown < len(sizes) and sizes[shown] > 0:
            shown += 1
        # From the last, because a level that goes is replaced by the last.
        for at in range(window.length[which] - 1, -1, -1):
            price, total = window.price[which, at], window.total[which, at]
            level = 0
            while level < shown and prices[level] != price:
                level += 1
            if level < shown and sizes[level] == total:
                continue
            is_beyond = shown == len(sizes) and (price > prices[shown - 1]) == (side == ASK)
            counts[FELL_OUT if level == shown and is_beyond else CORRECTED] += 1
            row = _drop(orders, window, rows, row, side, price)
        for level in range(shown):
            if _total(window, which, prices[level]) == 0:
                counts[REVEALED if level == shown - 1 else CORRECTED] += 1
                number = synthetic(side, prices[level])
                row = _add(orders, window, rows, row, side, number, prices[level], sizes[level], F_SNAPSHOT, counts)
    return row


@compiled
def _total(window: Window, which: int, price: int) -> int:
    for at in range(window.length[which]):
        if window.price[which, at] == price:
            return int(window.total[which, at])
    return 0


@compiled
def _drop(orders: Orders, window: Window, rows: Rows, row: int, side: int, price: int) -> int:
    """Cancel every order of a level without a message of the venue."""
    for place in range(orders.live[0] - 1, -1, -1):
        if orders.price[place] == price and orders.side[place] == side:
            row = _cancel(orders, window, rows, row, place, orders.left[place], F_SNAPSHOT)
    return row
