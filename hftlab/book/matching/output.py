"""Output of the matching engine: public events, fills and order updates, as rows of preallocated arrays."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.book.matching.engine_state import EngineState
from hftlab.book.matching.entries import EntryType, Status
from hftlab.events import ADD, ASK, BID, CANCEL, COLUMNS, F_LAST, FILL, MODIFY, NO_SIDE, TRADE
from hftlab.kernels.compiling import IntArray, in_place, inlined

__all__ = [
    "EVENTS",
    "EVENT_ROW",
    "FILLS",
    "FILL_ROW",
    "UPDATES",
    "UPDATE_ROW",
    "Output",
    "begin_step",
    "end_step",
    "is_public",
    "new_output",
    "output_fits",
    "write_add",
    "write_cancel",
    "write_fill",
    "write_modify",
    "write_rejection",
    "write_trade",
    "write_update",
    "write_venue_update",
]

Records = npt.NDArray[Any]

EVENTS, FILLS, UPDATES = range(3)

EVENT_ROW: Final = np.dtype(list(COLUMNS.items()), align=True)
"""A row of an EventBatch: `hftlab.events` says what each field means."""

FILL_ROW: Final = np.dtype(
    [
        ("time", np.int64),
        ("sequence", np.int64),
        ("instrument", np.int64),
        ("price", np.int64),  # ticks
        ("size", np.int64),  # lots
        ("aggressor", np.int64),  # BID if the buyer took, ASK if the seller did, NO_SIDE in an auction
        ("buy_id", np.int64),
        ("buy_owner", np.int64),
        ("buy_left", np.int64),  # lots still open after the fill
        ("sell_id", np.int64),
        ("sell_owner", np.int64),
        ("sell_left", np.int64),
        ("number", np.int64),  # counts fills and updates together, in the order in which they happened
    ]
)
"""Trade between two orders, for their accounts. The order that is not the aggressor has made the price."""

UPDATE_ROW: Final = np.dtype(
    [
        ("time", np.int64),
        ("sequence", np.int64),
        ("instrument", np.int64),
        ("id", np.int64),  # 0 in a row about the instrument
        ("owner", np.int64),
        ("status", np.int64),  # Status
        ("reason", np.int64),  # Reason
        ("price", np.int64),  # ticks
        ("size", np.int64),  # lots that were accepted, refused, cancelled or taken off, by status
        ("left", np.int64),  # lots open after it
        ("phase", np.int64),  # TradingPhase of the instrument
        ("number", np.int64),  # as that of a fill
    ]
)
"""Change of an order other than a trade, or of an instrument."""


class Output(NamedTuple):
    """Rows written so far: `used[EVENTS]` of events, and so on. The caller sets `used` to 0 when they are taken."""

    events: Records
    fills: Records
    updates: Records
    used: IntArray


def new_output(events: int = 4096, fills: int = 1024, updates: int = 4096) -> Output:
    """Make an empty output of that many rows."""
    return Output(
        np.zeros(events, EVENT_ROW), np.zeros(fills, FILL_ROW), np.zeros(updates, UPDATE_ROW), np.zeros(3, np.int64)
    )


@inlined
def output_fits(state: EngineState, output: Output, events: int, fills: int, updates: int) -> bool:
    """Tell whether so many more rows fit, and note in the totals how many were needed."""
    if (
        output.used[EVENTS] + events <= len(output.events)
        and output.used[FILLS] + fills <= len(output.fills)
        and output.used[UPDATES] + updates <= len(output.updates)
    ):
        return True
    totals = state.totals[0]
    totals.events_needed = events
    totals.fills_needed = fills
    totals.updates_needed = updates
    return False


@inlined
def begin_step(state: EngineState, output: Output, time: int) -> None:
    """Begin a step: its rows have one sequence and one time."""
    totals = state.totals[0]
    totals.time = time
    totals.sequence += 1
    totals.started = output.used[EVENTS]


@inlined
def end_step(state: EngineState, output: Output) -> None:
    """Flag the step's last event: only after it is the book consistent."""
    last = output.used[EVENTS] - 1
    if last >= state.totals[0].started:
        output.events[last].flags = F_LAST


@inlined
def is_public(order: Any) -> bool:
    """Tell whether a queued order is displayed: not a stop, all or none, or a market order before an auction."""
    return bool((order.type == EntryType.LIMIT or order.type == EntryType.ICEBERG) and order.all_or_none == 0)


@inlined
def _write_event(
    state: EngineState, output: Output, book: int, order_id: int, action: int, side: int, price: int, size: int
) -> None:
    totals, row = state.totals[0], output.events[output.used[EVENTS]]
    output.used[EVENTS] += 1
    row.ts_event = totals.time
    row.ts_recv = totals.time
    row.sequence = totals.sequence
    row.instrument_id = book
    row.order_id = order_id
    row.action = action
    row.side = side
    row.price = price * state.books[book].tick
    row.size = size
    row.flags = 0


@inlined
def _side(order: Any) -> int:
    return BID if order.bid == 1 else ASK


@inlined
def write_add(state: EngineState, output: Output, order: Any) -> None:
    """Write the public event of an order that joins a queue."""
    if is_public(order):
        _write_event(state, output, order.book, order.id, ADD, _side(order), order.price, order.shown)


@inlined
def write_modify(state: EngineState, output: Output, order: Any) -> None:
    """Write the public event of a changed order."""
    if is_public(order):
        _write_event(state, output, order.book, order.id, MODIFY, _side(order), order.price, order.shown)


@inlined
def write_cancel(state: EngineState, output: Output, order: Any, size: int) -> None:
    """Write the public event of lots taken off an order."""
    if is_public(order) and size > 0:
        _write_event(state, output, order.book, order.id, CANCEL, _side(order), order.price, size)


@inlined
def write_fill(state: EngineState, output: Output, order: Any, size: int) -> None:
    """Write the public fill of a queued order and the cancel that takes its lots off."""
    if is_public(order):
        _write_event(state, output, order.book, order.id, FILL, _side(order), order.price, size)
        _write_event(state, output, order.book, order.id, CANCEL, _side(order), order.price, size)


@in_place
def write_trade(state: EngineState, output: Output, buy: Any, sell: Any, aggressor: int, price: int, size: int) -> None:
    """Write the public trade, and the fill row of the two orders, whose lots have not been taken off yet."""
    taker = 0 if aggressor == NO_SIDE else buy.id if aggressor == BID else sell.id
    _write_event(state, output, buy.book, taker, TRADE, aggressor, price, size)
    totals, row = state.totals[0], output.fills[output.used[FILLS]]
    output.used[FILLS] += 1
    row.time = totals.time
    row.sequence = totals.sequence
    row.instrument = buy.book
    row.price = price
    row.size = size
    row.aggressor = aggressor
    row.buy_id = buy.id
    row.buy_owner = buy.owner
    row.buy_left = buy.shown + buy.hidden - size
    row.sell_id = sell.id
    row.sell_owner = sell.owner
    row.sell_left = sell.shown + sell.hidden - size
    totals.rows += 1
    row.number = totals.rows


@inlined
def write_update(
    state: EngineState, output: Output, order: Any, status: int, reason: int, size: int, left: int
) -> None:
    _write_update(state, output, order.book, order.id, order.owner, status, reason, order.price, size, left)


@in_place
def write_venue_update(
    state: EngineState, output: Output, book: int, status: int, reason: int, price: int, size: int
) -> None:
    """Write an update about an instrument."""
    _write_update(state, output, book, 0, 0, status, reason, price, size, 0)


@in_place
def write_rejection(state: EngineState, output: Output, entry: Any, order_id: int, reason: int) -> None:
    """Write the update of a refused row."""
    _write_update(
        state, output, entry.instrument, order_id, entry.owner, Status.REJECTED, reason, entry.price, entry.size, 0
    )


@inlined
def _write_update(
    state: EngineState,
    output: Output,
    book: int,
    order_id: int,
    owner: int,
    status: int,
    reason: int,
    price: int,
    size: int,
    left: int,
) -> None:
    totals, row = state.totals[0], output.updates[output.used[UPDATES]]
    output.used[UPDATES] += 1
    row.time = totals.time
    row.sequence = totals.sequence
    row.instrument = book
    row.id = order_id
    row.owner = owner
    row.status = status
    row.reason = reason
    row.price = price
    row.size = size
    row.left = left
    row.phase = state.books[book].phase if 0 <= book < len(state.books) else 0
    totals.rows += 1
    row.number = totals.rows
