"""Compiled loop that encodes the columns of an EventBatch as packets of the NYSE Integrated Feed."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.events import ADD, CANCEL, CLEAR, FILL, MODIFY, TRADE
from hftlab.kernels.compiling import in_place, inlined
from hftlab.kernels.integer_map import IntegerMap, find_place, insert_key, remove_place
from hftlab.venues.encodable_rows import FINE, REPEATED, TOO_MUCH, UNEQUAL, UNKNOWN, goes_on, is_taken_off
from hftlab.venues.nyse.order_keys import key_of
from hftlab.venues.nyse.packet_writers import (
    Events,
    Output,
    close_packet,
    write_add,
    write_clear,
    write_delete,
    write_execution,
    write_modify,
    write_replace,
    write_trade,
)

__all__ = ["COUNTERS", "SKIPPED", "SUMMARY_FIELDS", "TABLE_FIELDS", "Live", "encode"]

IntArray = npt.NDArray[np.int64]
WordArray = npt.NDArray[np.uint64]
Step = tuple[int, int]  # rows taken, what is wrong

TRADES, SKIPPED = range(2)
COUNTERS: Final = 2

_PRICE, _LEFT, _INDEX = range(3)
TABLE_FIELDS: Final = 3
_HIGH, _LOW, _OPEN, _CLOSE, _VOLUME = range(5)
SUMMARY_FIELDS: Final = 5


class Live(NamedTuple):
    """Live orders of the stream: a map from an order's key to its place in the table; and the day's trades."""

    orders: IntegerMap
    table: WordArray  # (places, TABLE_FIELDS): price, shares left, symbol index
    summaries: WordArray  # (symbol indexes, SUMMARY_FIELDS): high, low, open, close, volume
    counters: IntArray


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
            taken, problem = _fill(events, live, output, row)
        elif action == CLEAR:
            taken, problem = _clear(events, live, output, row)
        else:
            live.counters[SKIPPED] += 1
            taken, problem = 1, FINE
        if problem != FINE:
            return row, problem
        row += taken
    if rows > 0:
        close_packet(output, events.time[rows - 1])
    return row, FINE


@inlined
def _find(events: Events, live: Live, row: int) -> Any:
    """Return the place of a row's order, 0 if it is not there."""
    return find_place(live.orders, _key_of(events, row))


@inlined
def _key_of(events: Events, row: int) -> Any:
    return key_of(events.order_id[row], events.indexes[events.instrument_id[row]])


@in_place
def _add(events: Events, live: Live, output: Output, row: int) -> Step:
    if _find(events, live, row) != 0:
        return 0, REPEATED
    _keep(events, live, row)
    write_add(output, events, row)
    return 1, FINE


@in_place
def _cancel(events: Events, live: Live, output: Output, row: int) -> Step:
    size = events.size[row]
    place = _find(events, live, row)
    if place == 0:
        return 0, UNKNOWN
    price, left = live.table[place, _PRICE], live.table[place, _LEFT]
    if size > left:
        return 0, TOO_MUCH
    if size < left:
        live.table[place, _LEFT] = left - size
        write_modify(output, events, row, price, left - size, False)
        return 1, FINE
    _forget(live, place)
    if not _is_replaced(events, live, row):
        write_delete(output, events, row)
        return 1, FINE
    new = row + 1
    _keep(events, live, new)
    if events.order_id[row] != events.order_id[new]:
        write_replace(output, events, row, new)
    elif events.price[new] != price or events.size[new] > left:
        # As a change this would come back as one row, not as two.
        write_delete(output, events, row)
        write_add(output, events, new)
    else:
        write_modify(output, events, new, events.price[new], events.size[new], True)
    return 2, FINE


@in_place
def _modify(events: Events, live: Live, output: Output, row: int) -> Step:
    price, size = events.price[row], events.size[row]
    place = _find(events, live, row)
    if place == 0:
        return 0, UNKNOWN
    left = live.table[place, _LEFT]
    if size == 0:
        _forget(live, place)
        # An execution that took all has deleted the order already.
        if left > 0:
            write_delete(output, events, row)
        return 1, FINE
    is_same_price = live.table[place, _PRICE] == price
    if is_same_price and size == left:
        return 1, FINE
    live.table[place, _PRICE] = price
    live.table[place, _LEFT] = size
    if left == 0:
        write_add(output, events, row)
    else:
        write_modify(output, events, row, price, size, not (is_same_price and size < left))
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
    problem = _write_execution(events, live, output, row + 1, events.price[row], True)
    if problem != FINE or events.action[row + 2] == CANCEL:
        return 3, problem
    taken, problem = _modify(events, live, output, row + 2)
    return 2 + taken, problem


@in_place
def _fill(events: Events, live: Live, output: Output, row: int) -> Step:
    if not is_taken_off(events, row):
        live.counters[SKIPPED] += 1
        return 1, FINE
    problem = _write_execution(events, live, output, row, events.price[row], False)
    if problem != FINE or events.action[row + 1] == CANCEL:
        return 2, problem
    taken, problem = _modify(events, live, output, row + 1)
    return 1 + taken, problem


@in_place
def _clear(events: Events, live: Live, output: Output, row: int) -> Step:
    index = events.indexes[events.instrument_id[row]]
    for place in range(1, len(live.table)):
        if live.table[place, _INDEX] == index:
            _forget(live, np.uint64(place))
    write_clear(output, events, row)
    return 1, FINE


@in_place
def _is_replaced(events: Events, live: Live, row: int) -> bool:
    """Tell whether the row after a C adds an order that takes the old one's place."""
    if not goes_on(events, row) or events.action[row + 1] != ADD:
        return False
    is_like = events.side[row] == events.side[row + 1] and events.instrument_id[row] == events.instrument_id[row + 1]
    return is_like and bool(_find(events, live, row + 1) == 0)


@in_place
def _keep(events: Events, live: Live, row: int) -> None:
    place = insert_key(live.orders, _key_of(events, row), np.uint64(0))
    live.table[place, _PRICE] = events.price[row]
    live.table[place, _LEFT] = events.size[row]
    live.table[place, _INDEX] = events.indexes[events.instrument_id[row]]


@in_place
def _forget(live: Live, place: Any) -> None:
    live.table[place, _LEFT] = 0
    live.table[place, _INDEX] = 0
    remove_place(live.orders, place)


@in_place
def _write_execution(events: Events, live: Live, output: Output, fill: int, price: Any, printable: bool) -> int:
    """Write a 103 for the row `fill`; an order used up goes if a C follows. Returns a problem."""
    shares = events.size[fill]
    place = _find(events, live, fill)
    if place == 0:
        return UNKNOWN
    left = live.table[place, _LEFT]
    is_cancel = events.action[fill + 1] == CANCEL
    if is_cancel and events.size[fill + 1] != shares:
        return UNEQUAL
    if shares > left:
        return TOO_MUCH
    live.table[place, _LEFT] = left - shares
    if is_cancel and shares == left:
        _forget(live, place)
    live.counters[TRADES] += 1
    write_execution(output, events, fill, price, printable, live.counters[TRADES])
    if printable:
        _note_trade(events, live, fill, price)
    return FINE


@in_place
def _write_trade(events: Events, live: Live, output: Output, row: int) -> None:
    live.counters[TRADES] += 1
    write_trade(output, events, row, live.counters[TRADES])
    _note_trade(events, live, row, events.price[row])


@in_place
def _note_trade(events: Events, live: Live, row: int, price: Any) -> None:
    day = live.summaries[events.indexes[events.instrument_id[row]]]
    if day[_VOLUME] == 0:
        day[_OPEN] = day[_LOW] = price
    day[_HIGH] = max(day[_HIGH], price)
    day[_LOW] = min(day[_LOW], price)
    day[_CLOSE] = price
    day[_VOLUME] += events.size[row]
