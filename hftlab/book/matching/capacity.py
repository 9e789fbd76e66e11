"""Capacity of the arrays, checked before each step begins, so that no step stops half-way."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hftlab.book.matching.engine_state import (
    ASKS,
    BIDS,
    BUY_WHOLE,
    NOBODY,
    SELL_WHOLE,
    SIDES,
    EngineState,
    grow_keys,
    grow_levels,
    grow_orders,
)
from hftlab.book.matching.entries import Action, EntryType, Prevention, TradingPhase
from hftlab.book.matching.levels import best_level, find_order, has_place
from hftlab.book.matching.output import EVENTS, FILLS, UPDATES, Output, output_fits
from hftlab.book.matching.stops import wait_side
from hftlab.events import BID
from hftlab.kernels.compiling import in_place, inlined

__all__ = ["entry_fits", "grow", "release_fits"]


def grow(state: EngineState, output: Output) -> tuple[EngineState, Output]:
    """Return larger arrays where the last step was refused because they were full; their contents stay."""
    totals = state.totals[0]
    if totals["short_of_orders"]:
        state = grow_orders(state)
    if totals["short_of_levels"]:
        state = grow_levels(state)
    if totals["short_of_keys"]:
        state = grow_keys(state, int(totals["short_of_keys"]))
    needed = {name: int(totals[f"{name}_needed"]) for name in ("events", "fills", "updates")}
    output = Output(
        _grown(output.events, output.used[EVENTS] + needed["events"]),
        _grown(output.fills, output.used[FILLS] + needed["fills"]),
        _grown(output.updates, output.used[UPDATES] + needed["updates"]),
        output.used,
    )
    for name in ("short_of_orders", "short_of_levels", "short_of_keys", *(f"{name}_needed" for name in needed)):
        totals[name] = 0
    return state, output


def _grown(rows: npt.NDArray[Any], needed: int) -> npt.NDArray[Any]:
    if needed <= len(rows):
        return rows
    return np.concatenate([rows, np.zeros(max(needed, len(rows)), rows.dtype)])


@in_place
def entry_fits(state: EngineState, output: Output, entry: Any) -> bool:
    """Tell whether a row of ENTRY can be taken; if not, `totals` say what `grow()` must make larger."""
    if entry.action == Action.CANCEL:
        return output_fits(state, output, 1, 0, 1)
    if entry.action == Action.REPLACE:
        return _replacement_fits(state, output, entry)
    if entry.instrument < 0 or entry.instrument >= len(state.books):
        return output_fits(state, output, 0, 0, 1)
    if entry.action == Action.NEW:
        return _new_order_fits(state, output, entry)
    fills, orders = 0, 0
    if entry.action == Action.UNCROSS:
        fills = (
            state.sides[SIDES * entry.instrument + BIDS].chunks + state.sides[SIDES * entry.instrument + ASKS].chunks
        )
    if entry.action == Action.UNCROSS or entry.action == Action.CLOSE:
        for side in range(SIDES * entry.instrument, SIDES * entry.instrument + SIDES):
            orders += state.sides[side].orders
    return output_fits(state, output, 7 * fills + orders, fills, orders + 2)


@in_place
def release_fits(state: EngineState, output: Output, slot: int) -> bool:
    """Tell whether the arrays can hold the release of a waiting stop order, or one that is all or none."""
    order = state.orders[slot]
    side = SIDES * order.book + (BIDS if order.bid == 1 else ASKS)
    is_market = order.type == EntryType.STOP
    fits = has_place(state, side)
    return _fills_fit(state, output, side, is_market, order.price, order.shown, order.prevention) and fits


@inlined
def _new_order_fits(state: EngineState, output: Output, entry: Any) -> bool:
    totals = state.totals[0]
    fits = True
    if totals.free_order == NOBODY and totals.orders_used == len(state.orders):
        totals.short_of_orders = 1
        fits = False
    is_bid = entry.side == BID
    if entry.type == EntryType.STOP or entry.type == EntryType.STOP_LIMIT:
        stops = SIDES * entry.instrument + wait_side(is_bid, entry.trigger, entry.trail)
        fits = has_place(state, stops) and fits
        return output_fits(state, output, 0, 0, 1) and fits
    if entry.all_or_none == 1:
        fits = has_place(state, SIDES * entry.instrument + (BUY_WHOLE if is_bid else SELL_WHOLE)) and fits
    side = SIDES * entry.instrument + (BIDS if is_bid else ASKS)
    fits = has_place(state, side) and fits
    is_market = entry.type == EntryType.MARKET
    return _fills_fit(state, output, side, is_market, entry.price, entry.size, entry.prevention) and fits


@in_place
def _replacement_fits(state: EngineState, output: Output, entry: Any) -> bool:
    slot = find_order(state, entry.id)
    if slot == NOBODY:
        return output_fits(state, output, 0, 0, 1)
    order = state.orders[slot]
    fits = has_place(state, order.side)
    if order.type == EntryType.STOP or order.type == EntryType.STOP_LIMIT:
        return output_fits(state, output, 0, 0, 1) and fits
    size, side = max(entry.size, 0), SIDES * order.book + (BIDS if order.bid == 1 else ASKS)
    return _fills_fit(state, output, side, False, entry.price, size, order.prevention) and fits


@inlined
def _fills_fit(
    state: EngineState, output: Output, side: int, is_market: bool, limit: int, size: int, prevention: int
) -> bool:
    """Tell whether the most that an order of that side can cause fits: trades with everything it reaches."""
    book = side // SIDES
    other = SIDES * book + (ASKS if side % SIDES == BIDS else BIDS)
    wholes = state.sides[SIDES * book + (SELL_WHOLE if side % SIDES == BIDS else BUY_WHOLE)].orders
    chunks = 0
    if state.books[book].phase == TradingPhase.CONTINUOUS and (best_level(state, other) != NOBODY or wholes > 0):
        # An order that cancels its owner's older ones uses up none of its own lots on them.
        lots = state.sides[other].chunks if prevention == Prevention.CANCEL_OLDEST else size
        chunks = min(lots, state.sides[other].chunks + wholes)
        if _all_chunks_fit(output, chunks):
            return True
        chunks = min(chunks, _reach(state, other, is_market, limit, lots) + wholes)
    # For each part of an order: trade, fill, cancel, reload; an update of each of the two.
    return output_fits(state, output, 4 * chunks + 2, chunks, 2 * chunks + 4)


@inlined
def _all_chunks_fit(output: Output, chunks: int) -> bool:
    return bool(
        output.used[EVENTS] + 4 * chunks + 2 <= len(output.events)
        and output.used[FILLS] + chunks <= len(output.fills)
        and output.used[UPDATES] + 2 * chunks + 4 <= len(output.updates)
    )


@in_place
def _reach(state: EngineState, other: int, is_market: bool, limit: int, size: int) -> int:
    """Count the parts of orders at the prices that an order of that limit and size can reach."""
    side_row = state.sides[other]
    chunks, lots = 0, 0
    for at in range(side_row.start + side_row.length - 1, side_row.start - 1, -1):
        level = state.levels[state.slots[at]]
        # The sign turns both sides into one: a better key is a price that more limits reach.
        if lots >= size or (not is_market and level.key < limit * side_row.sign):
            return chunks
        chunks += level.chunks
        lots += level.shown + level.hidden
    return chunks
