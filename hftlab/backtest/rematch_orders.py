"""Recorded orders of the rematch core, found by the feed's ids, and lots that are taken off orders in its engine."""

from __future__ import annotations

from typing import Any

from hftlab.backtest.rematch_state import SURVIVOR, RematchState
from hftlab.book.matching.engine_state import ASKS, BIDS, NOBODY, SIDES, EngineState
from hftlab.book.matching.entries import EntryType, InForce
from hftlab.book.matching.levels import dequeue, drop_order, enqueue, move_back, resize, take_order
from hftlab.kernels.compiling import i64, in_place, inlined, place_of
from hftlab.kernels.integer_map import VALUE, find_place, insert_key, remove_place

__all__ = [
    "clear_recorded",
    "find_recorded",
    "insert_recorded",
    "remove_recorded",
    "rest_recorded",
    "settle",
    "slot_of",
    "take_away",
    "take_lots",
]


@inlined
def find_recorded(market: RematchState, instrument: int, order_id: Any) -> int:
    """Return the row of a recorded order, or NOBODY. Orders of two instruments may have the same id."""
    place = find_place(market.numbers, order_id)
    if place == 0:
        return NOBODY
    row = i64(market.numbers.entries[place, VALUE])
    while row != NOBODY and market.recorded[row].instrument != instrument:
        row = market.recorded[row].after
    return int(row)


@in_place
def insert_recorded(market: RematchState, instrument: int, order_id: Any, side: int, price: int, lots: int) -> int:
    """Write down an order that is not there, and return its row; the tables must not be full."""
    printed = market.printed[0]
    row = printed.free_row
    if row == NOBODY:
        row = printed.rows_used
        printed.rows_used += 1
    else:
        printed.free_row = market.recorded[row].after
    recorded = market.recorded[row]
    recorded.id = order_id
    recorded.engine_id = 0
    recorded.slot = NOBODY
    recorded.instrument = instrument
    recorded.side = side
    recorded.price = price
    recorded.left = lots
    recorded.booked = 0
    recorded.after = NOBODY
    place = find_place(market.numbers, order_id)
    if place == 0:
        insert_key(market.numbers, order_id, place_of(row))
    else:
        recorded.after = i64(market.numbers.entries[place, VALUE])
        market.numbers.entries[place, VALUE] = place_of(row)
    return int(row)


@in_place
def remove_recorded(market: RematchState, row: int) -> None:
    """Forget a recorded order; what re-matching has left of it stays in the engine."""
    recorded, printed = market.recorded[row], market.printed[0]
    place = find_place(market.numbers, recorded.id)
    first = i64(market.numbers.entries[place, VALUE])
    if first != row:
        before = first
        while market.recorded[before].after != row:
            before = market.recorded[before].after
        market.recorded[before].after = recorded.after
    elif recorded.after == NOBODY:
        remove_place(market.numbers, place)
    else:
        market.numbers.entries[place, VALUE] = place_of(recorded.after)
    recorded.instrument = NOBODY
    recorded.after = printed.free_row
    printed.free_row = row


@inlined
def slot_of(state: EngineState, recorded: Any) -> int:
    """Return the slot of what re-matching has left of a recorded order, NOBODY if that is nothing."""
    slot = recorded.slot
    return int(slot) if slot != NOBODY and state.orders[slot].id == recorded.engine_id else NOBODY


@in_place
def rest_recorded(state: EngineState, recorded: Any, lots: int, slot: int) -> None:
    """Put a recorded order behind all others of its price: in its slot, which is in no queue, or in a new one."""
    if slot == NOBODY:
        order_id = state.totals[0].next_id
        state.totals[0].next_id += 1
        slot = take_order(state, order_id)
        recorded.engine_id = order_id
        recorded.slot = slot
        order = state.orders[slot]
        order.owner = 0
        order.book = recorded.instrument
        order.bid = 1 if recorded.side % SIDES == BIDS else 0
        order.type = EntryType.LIMIT
        order.in_force = InForce.GTC
        order.stop = order.hidden = order.display = order.trail = order.trail_step = 0
        order.post_only = order.prevention = order.trigger = order.all_or_none = 0
    order = state.orders[slot]
    order.price = recorded.price
    order.shown = lots
    enqueue(state, slot, recorded.side, recorded.price * state.sides[recorded.side].sign)


@inlined
def settle(state: EngineState, market: RematchState, recorded: Any, slot: int) -> None:
    """Make a survivor of an order of which the recording has nothing left, if re-matching has."""
    if recorded.left == recorded.booked and slot != NOBODY and state.orders[slot].owner == 0:
        state.orders[slot].owner = SURVIVOR
        market.others[recorded.side] += 1


@in_place
def take_lots(state: EngineState, market: RematchState, slot: int, lots: int) -> None:
    """Take lots off the displayed part of an order; an iceberg then shows its next part behind all others."""
    order = state.orders[slot]
    if lots < order.shown:
        resize(state, slot, order.shown - lots, order.hidden)
    elif order.hidden > 0:
        shown = min(order.display, order.hidden)
        resize(state, slot, shown, order.hidden - shown)
        move_back(state, slot)
    else:
        take_away(state, market, slot)


@in_place
def take_away(state: EngineState, market: RematchState, slot: int) -> None:
    """Remove an order from its queue and from the engine."""
    order = state.orders[slot]
    if order.owner != 0:
        market.others[order.side] -= 1
    dequeue(state, slot)
    drop_order(state, slot)


@in_place
def clear_recorded(state: EngineState, market: RematchState, instrument: int) -> None:
    """Remove the recorded orders of an instrument, survivors too; own orders stay."""
    for side in (SIDES * instrument + BIDS, SIDES * instrument + ASKS):
        side_row = state.sides[side]
        # A level that goes away moves only those above it, which have been looked at.
        for at in range(side_row.start + side_row.length - 1, side_row.start - 1, -1):
            slot = state.levels[state.slots[at]].head
            while slot != NOBODY:
                following = state.orders[slot].next
                if state.orders[slot].owner <= 0:
                    take_away(state, market, slot)
                slot = following
    for row in range(market.printed[0].rows_used):
        if market.recorded[row].instrument == instrument:
            remove_recorded(market, row)
