"""Compiled loop that encodes the columns of an EventBatch as MITCH's units."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.events import ADD, CANCEL, CLEAR, FILL, MODIFY, TRADE
from hftlab.kernels.compiling import in_place, inlined
from hftlab.venues.encodable_rows import FINE, REPEATED, TOO_MUCH, UNEQUAL, UNKNOWN, goes_on, is_taken_off
from hftlab.venues.live_orders import (
    LiveOrders,
    clear_orders,
    find_order,
    forget_order,
    keep_order,
    price_of,
    set_order,
    size_of,
)
from hftlab.venues.mitch.unit_writers import (
    Events,
    Output,
    close_unit,
    write_add,
    write_clear,
    write_delete,
    write_execution,
    write_execution_at,
    write_modify,
    write_trade,
)

__all__ = ["COUNTERS", "SKIPPED", "Live", "encode"]

Step = tuple[int, int]  # rows taken, what is wrong

TRADES, SKIPPED = range(2)
COUNTERS: Final = 2


class Live(NamedTuple):
    """Live orders of the stream, whose slots are the batch's instruments as the feed numbers them, and counters."""

    orders: LiveOrders
    counters: npt.NDArray[np.int64]


@in_place
def encode(events: Events, live: Live, output: Output) -> Step:
    """Write the messages of all rows. Returns (the row at which it ended, a problem of that row).

    The caller makes sure that `output` and `live` can take every row.
    """
    row, rows = 0, len(events.action)
    while row < rows:
        action = events.action[row]
        if action == ADD:
            taken, problem = _add(events, live, output, row)
        elif action == CANCEL:
            taken, problem = _cancel(events, live, output, row)
        elif action == MODIFY:
            taken, problem = _modify(events, live, output, row)
        elif action == TRADE:
            taken, problem = _trade(events, live, output, row)
        elif action == FILL:
            taken, problem = _fill(events, live, output, row, 0, False)
        elif action == CLEAR:
            taken, problem = _clear(events, live, output, row)
        else:
            live.counters[SKIPPED] += 1
            taken, problem = 1, FINE
        if problem != FINE:
            return row, problem
        row += taken
    close_unit(output)
    return row, FINE


@inlined
def _keep(events: Events, live: Live, row: int) -> None:
    slot = events.numbers[events.instrument_id[row]]
    keep_order(live.orders, events.order_id[row], slot, 0, events.price[row], events.size[row])


@in_place
def _add(events: Events, live: Live, output: Output, row: int) -> Step:
    if find_order(live.orders, events.order_id[row]) != 0:
        return 0, REPEATED
    _keep(events, live, row)
    write_add(output, events, row)
    return 1, FINE


@in_place
def _cancel(events: Events, live: Live, output: Output, row: int) -> Step:
    size = np.int64(events.size[row])
    place = find_order(live.orders, events.order_id[row])
    if place == 0:
        return 0, UNKNOWN
    price, left = price_of(live.orders, place), size_of(live.orders, place)
    if size > left:
        return 0, TOO_MUCH
    if size < left:
        set_order(live.orders, place, price, left - size)
        write_modify(output, events, row, price, left - size, True)
        return 1, FINE
    new = row + 1
    if _is_requeued(events, row) and events.price[new] == price and events.size[new] <= left:
        set_order(live.orders, place, price, events.size[new])
        write_modify(output, events, new, price, events.size[new], False)
        return 2, FINE
    forget_order(live.orders, place)
    write_delete(output, events, row)
    return 1, FINE


@in_place
def _modify(events: Events, live: Live, output: Output, row: int) -> Step:
    price, size = events.price[row], np.int64(events.size[row])
    place = find_order(live.orders, events.order_id[row])
    if place == 0:
        return 0, UNKNOWN
    old, left = price_of(live.orders, place), size_of(live.orders, place)
    if size == 0:
        forget_order(live.orders, place)
        # An execution that took all has deleted the order already.
        if left > 0:
            write_delete(output, events, row)
        return 1, FINE
    if price == old and size == left:
        return 1, FINE
    set_order(live.orders, place, price, size)
    if left == 0:
        write_add(output, events, row)
    else:
        write_modify(output, events, row, price, size, price == old and size < left)
    return 1, FINE


@in_place
def _trade(events: Events, live: Live, output: Output, row: int) -> Step:
    if not goes_on(events, row) or events.action[row + 1] != FILL:
        _write_trade(events, live, output, row)
        return 1, FINE
    if not is_taken_off(events, row + 1):
        # The order that was hit was not displayed.
        _write_trade(events, live, output, row)
        return 2, FINE
    if events.size[row] != events.size[row + 1]:
        return 0, UNEQUAL
    taken, problem = _fill(events, live, output, row + 1, events.price[row], True)
    return 1 + taken, problem


@in_place
def _fill(events: Events, live: Live, output: Output, row: int, paid: Any, printable: bool) -> Step:
    """Write the execution of an F row and the row behind it, which takes the shares off the book."""
    if not is_taken_off(events, row):
        live.counters[SKIPPED] += 1
        return 1, FINE
    size, after = np.int64(events.size[row]), row + 1
    place = find_order(live.orders, events.order_id[row])
    if place == 0:
        return 0, UNKNOWN
    price, left = price_of(live.orders, place), size_of(live.orders, place)
    is_cancel = events.action[after] == CANCEL
    if is_cancel and events.size[after] != events.size[row]:
        return 0, UNEQUAL
    if size > left:
        return 0, TOO_MUCH
    # What the order displays behind the execution; a change of its price has to follow as a message of its own.
    is_last = is_cancel or events.price[after] == price
    shown = left - size if is_cancel or not is_last else np.int64(events.size[after])
    live.counters[TRADES] += 1
    if printable and paid == price and shown == left - size:
        write_execution(output, events, row, live.counters[TRADES])
    else:
        at = paid if printable else price
        write_execution_at(output, events, row, live.counters[TRADES], at, shown, printable)
    if is_last and shown == 0:
        forget_order(live.orders, place)
    else:
        set_order(live.orders, place, price, shown)
    if is_last:
        return 2, FINE
    taken, problem = _modify(events, live, output, after)
    return 1 + taken, problem


@in_place
def _clear(events: Events, live: Live, output: Output, row: int) -> Step:
    clear_orders(live.orders, events.numbers[events.instrument_id[row]], 0, 0)
    write_clear(output, events, row)
    return 1, FINE


@in_place
def _write_trade(events: Events, live: Live, output: Output, row: int) -> None:
    live.counters[TRADES] += 1
    write_trade(output, events, row, live.counters[TRADES])


@in_place
def _is_requeued(events: Events, row: int) -> bool:
    """Tell whether the row after a C adds the same order again, at the end of its level."""
    if not goes_on(events, row) or events.action[row + 1] != ADD:
        return False
    is_like = events.side[row] == events.side[row + 1] and events.instrument_id[row] == events.instrument_id[row + 1]
    return bool(is_like and events.order_id[row] == events.order_id[row + 1])
