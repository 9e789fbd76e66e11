"""Compiled loop that encodes the columns of an EventBatch as ITCH bytes."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.events import ADD, CANCEL, CLEAR, FILL, MODIFY, TRADE
from hftlab.kernels.byte_order import store_u32, store_u64
from hftlab.kernels.compiling import in_place
from hftlab.kernels.integer_map import IntegerMap, find_place, insert_key, remove_place
from hftlab.venues.encodable_rows import FINE, REPEATED, TOO_MUCH, UNEQUAL, UNKNOWN, goes_on, is_taken_off
from hftlab.venues.itch.message_writers import Events, write_add, write_cancel, write_delete, write_head, write_replace

__all__ = ["COUNTERS", "FIRST_OWN", "SKIPPED", "TABLE_FIELDS", "Live", "encode"]

Bytes = npt.NDArray[np.uint8]
IntArray = npt.NDArray[np.int64]
WordArray = npt.NDArray[np.uint64]
Step = tuple[int, int, int]  # rows taken, where the free bytes begin, what is wrong

FIRST_OWN: Final = 1 << 62
"""First reference of the encoder's own: an M that loses its place becomes a U, which needs a new reference."""

MATCHES, OWN, SKIPPED = range(3)
COUNTERS: Final = 3

_REFERENCE, _PRICE, _LEFT, _LOCATE = range(4)
TABLE_FIELDS: Final = 4


class Live(NamedTuple):
    """Live orders of the stream: a map from order_id to the order's place in the table."""

    orders: IntegerMap
    table: WordArray  # (places, TABLE_FIELDS): reference, price, shares left, locate code
    counters: IntArray


@in_place
def encode(events: Events, live: Live, out: Bytes, ends: IntArray) -> Step:
    """Write the messages of all rows, and where each row's end. Returns (the row at which it ended, bytes, problem).

    The caller makes sure that `out` and `live` can take every row.
    """
    row, at, rows = 0, 0, len(events.action)
    while row < rows:
        action = events.action[row]
        if action == ADD:
            taken, at, problem = _add(events, live, out, at, row)
        elif action == CANCEL:
            taken, at, problem = _cancel(events, live, out, at, row)
        elif action == MODIFY:
            taken, at, problem = _modify(events, live, out, at, row)
        elif action == TRADE:
            taken, at, problem = _trade(events, live, out, at, row)
        elif action == FILL:
            taken, at, problem = _fill(events, live, out, at, row)
        elif action == CLEAR:
            taken, at, problem = _clear(events, live, out, at, row)
        else:
            live.counters[SKIPPED] += 1
            taken, problem = 1, FINE
        if problem != FINE:
            return row, at, problem
        for place in range(row, row + taken):
            ends[place] = at
        row += taken
    return row, at, FINE


@in_place
def _add(events: Events, live: Live, out: Bytes, at: int, row: int) -> Step:
    order = events.order_id[row]
    if find_place(live.orders, order) != 0:
        return 0, at, REPEATED
    _keep(events, live, row, order)
    return 1, write_add(events, out, at, row, order), FINE


@in_place
def _cancel(events: Events, live: Live, out: Bytes, at: int, row: int) -> Step:
    order, size = events.order_id[row], events.size[row]
    place = find_place(live.orders, order)
    if place == 0:
        return 0, at, UNKNOWN
    reference, left = live.table[place, _REFERENCE], live.table[place, _LEFT]
    if size > left:
        return 0, at, TOO_MUCH
    if size < left:
        live.table[place, _LEFT] = left - size
        return 1, write_cancel(events, out, at, row, reference, size), FINE
    _forget(live, place)
    if _is_replaced(events, live, row):
        new = events.order_id[row + 1]
        _keep(events, live, row + 1, new)
        return 2, write_replace(events, out, at, row + 1, reference, new), FINE
    return 1, write_delete(events, out, at, row, reference), FINE


@in_place
def _modify(events: Events, live: Live, out: Bytes, at: int, row: int) -> Step:
    order, price, size = events.order_id[row], events.price[row], events.size[row]
    place = find_place(live.orders, order)
    if place == 0:
        return 0, at, UNKNOWN
    reference, left = live.table[place, _REFERENCE], live.table[place, _LEFT]
    if size == 0:
        _forget(live, place)
        # An execution that took all has deleted the order already.
        return 1, at if left == 0 else write_delete(events, out, at, row, reference), FINE
    is_same_price = live.table[place, _PRICE] == price
    if is_same_price and size == left:
        return 1, at, FINE
    live.table[place, _PRICE] = price
    live.table[place, _LEFT] = size
    if is_same_price and size < left:
        return 1, write_cancel(events, out, at, row, reference, left - size), FINE
    new = np.uint64(FIRST_OWN + live.counters[OWN])
    live.counters[OWN] += 1
    live.table[place, _REFERENCE] = new
    if left == 0:
        return 1, write_add(events, out, at, row, new), FINE
    return 1, write_replace(events, out, at, row, reference, new), FINE


@in_place
def _trade(events: Events, live: Live, out: Bytes, at: int, row: int) -> Step:
    if not goes_on(events, row) or events.action[row + 1] != FILL:
        return 1, _write_trade(events, live, out, at, row), FINE
    if not is_taken_off(events, row + 1):
        # The order that was hit was not displayed.
        return 2, _write_trade(events, live, out, at, row), FINE
    if events.size[row] != events.size[row + 1]:
        return 0, at, UNEQUAL
    at, problem = _write_execution(events, live, out, at, row + 1, events.price[row], True)
    if problem != FINE or events.action[row + 2] == CANCEL:
        return 3, at, problem
    taken, at, problem = _modify(events, live, out, at, row + 2)
    return 2 + taken, at, problem


@in_place
def _fill(events: Events, live: Live, out: Bytes, at: int, row: int) -> Step:
    if not is_taken_off(events, row):
        live.counters[SKIPPED] += 1
        return 1, at, FINE
    at, problem = _write_execution(events, live, out, at, row, events.price[row], False)
    if problem != FINE or events.action[row + 1] == CANCEL:
        return 2, at, problem
    taken, at, problem = _modify(events, live, out, at, row + 1)
    return 1 + taken, at, problem


@in_place
def _clear(events: Events, live: Live, out: Bytes, at: int, row: int) -> Step:
    locate = events.locates[events.instrument_id[row]]
    for place in range(1, len(live.table)):
        if live.table[place, _LEFT] > 0 and live.table[place, _LOCATE] == locate:
            at = write_delete(events, out, at, row, live.table[place, _REFERENCE])
            _forget(live, np.uint64(place))
    return 1, at, FINE


@in_place
def _is_replaced(events: Events, live: Live, row: int) -> bool:
    """Tell whether the row after a C adds a new order that replaces the old one."""
    if not goes_on(events, row) or events.action[row + 1] != ADD:
        return False
    is_like = events.side[row] == events.side[row + 1] and events.instrument_id[row] == events.instrument_id[row + 1]
    return is_like and bool(find_place(live.orders, events.order_id[row + 1]) == 0)


@in_place
def _keep(events: Events, live: Live, row: int, reference: Any) -> None:
    place = insert_key(live.orders, events.order_id[row], np.uint64(0))
    live.table[place, _REFERENCE] = reference
    live.table[place, _PRICE] = events.price[row]
    live.table[place, _LEFT] = events.size[row]
    live.table[place, _LOCATE] = events.locates[events.instrument_id[row]]


@in_place
def _forget(live: Live, place: Any) -> None:
    live.table[place, _LEFT] = 0
    remove_place(live.orders, place)


@in_place
def _write_execution(
    events: Events, live: Live, out: Bytes, at: int, fill: int, price: Any, printable: bool
) -> tuple[int, int]:
    """Write E or C for the row `fill`; an order used up goes if a C follows. Returns (end of the bytes, problem)."""
    order, shares = events.order_id[fill], events.size[fill]
    place = find_place(live.orders, order)
    if place == 0:
        return at, UNKNOWN
    left = live.table[place, _LEFT]
    is_cancel = events.action[fill + 1] == CANCEL
    if is_cancel and events.size[fill + 1] != shares:
        return at, UNEQUAL
    if shares > left:
        return at, TOO_MUCH
    live.table[place, _LEFT] = left - shares
    reference, own_price = live.table[place, _REFERENCE], live.table[place, _PRICE]
    if is_cancel and shares == left:
        _forget(live, place)
    is_plain = printable and price == own_price
    message = write_head(events, out, at, fill, 69 if is_plain else 67)
    store_u64(out, message + 11, reference)
    store_u32(out, message + 19, shares)
    live.counters[MATCHES] += 1
    store_u64(out, message + 23, np.uint64(live.counters[MATCHES]))
    if is_plain:
        return message + 31, FINE
    out[message + 31] = 89 if printable else 78
    store_u32(out, message + 32, price)
    return message + 36, FINE


@in_place
def _write_trade(events: Events, live: Live, out: Bytes, at: int, row: int) -> int:
    message = write_head(events, out, at, row, 80)
    store_u64(out, message + 11, np.uint64(0))
    # Since July 2014 Nasdaq writes B whatever the resting order's side.
    out[message + 19] = 66
    store_u32(out, message + 20, events.size[row])
    store_u64(out, message + 24, events.symbols[events.instrument_id[row]])
    store_u32(out, message + 32, events.price[row])
    live.counters[MATCHES] += 1
    store_u64(out, message + 36, np.uint64(live.counters[MATCHES]))
    return message + 44
