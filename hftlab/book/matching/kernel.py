"""Entry points of the matching engine for compiled code: `submit()`, `submit_many()` and `drain()`."""

from __future__ import annotations

from typing import Any, Final

import numpy.typing as npt

from hftlab.book.matching.capacity import entry_fits, release_fits
from hftlab.book.matching.checks import check_new, check_replace
from hftlab.book.matching.continuous import crosses, split, work
from hftlab.book.matching.engine_state import ASKS, BIDS, NO_PRICE, NOBODY, SIDES, EngineState
from hftlab.book.matching.entries import Action, EntryType, Reason, Status, TradingPhase
from hftlab.book.matching.fillable import fillable_whole, meets_whole
from hftlab.book.matching.levels import dequeue, drop_order, enqueue, find_order, resize, take_order
from hftlab.book.matching.output import (
    Output,
    begin_step,
    end_step,
    write_add,
    write_cancel,
    write_modify,
    write_rejection,
    write_update,
)
from hftlab.book.matching.phases import command
from hftlab.book.matching.stops import first_stop, has_waiting, triggered_stop, wait, watch
from hftlab.events import BID
from hftlab.kernels.compiling import in_place, inlined

__all__ = ["FULL", "drain", "submit", "submit_many"]

FULL: Final = -1
"""Returned by `submit()` when an array is too small for the next step: no step is ever half done."""


@in_place
def submit(state: EngineState, output: Output, entry: Any) -> int:
    """Take one row of ENTRY (a record: `entries[i]`), match it, and release the stops that its trades trigger.

    Returns the id of the order (of NEW even if it is refused), 0 for a CANCEL or REPLACE that is refused and for the
    venue's commands, or FULL: then nothing of the row has been done; the caller takes the output's rows, then calls
    `MatchingEngine.grow()`, and asks again. Whether a new order rests afterwards: `find_order(state, id) != NOBODY`.

    Triggered stops that did not fit are waiting when it returns: the next call begins with them, and `drain()` is for
    a caller that makes no other. Events, fills and updates are appended to `output` and counted in `output.used`.
    """
    if not drain(state, output) or not entry_fits(state, output, entry):
        return FULL
    begin_step(state, output, entry.time)
    result = _perform(state, output, entry)
    end_step(state, output)
    if state.totals[0].pending > 0:
        _end_row(state, output, state.totals[0].pending - 1)
    return result


@inlined
def _end_row(state: EngineState, output: Output, book: int) -> None:
    if has_waiting(state, book):
        watch(state, book)
        drain(state, output)
    else:
        _forget_trades(state, book)
        state.books[book].first = NO_PRICE


@inlined
def _forget_trades(state: EngineState, book: int) -> None:
    """Forget the trades that the stops have looked at; what trades in other phases they see when trading goes on."""
    state.totals[0].pending = 0
    prices = state.books[book]
    if prices.phase == TradingPhase.CONTINUOUS:
        prices.high = NO_PRICE
        prices.low = -NO_PRICE


@in_place
def submit_many(state: EngineState, output: Output, entries: npt.NDArray[Any], first: int) -> int:
    """Take the rows from `first` on, as `submit()` does. Returns the next row, if an array was too small for it.

    When it returns the number of rows, all are done, but triggered stops may still be waiting: `drain()` says so.
    """
    for row in range(first, len(entries)):
        if submit(state, output, entries[row]) == FULL:
            return row
    return len(entries)


@in_place
def drain(state: EngineState, output: Output) -> bool:
    """Release all triggered stops, each as a step of its own. Returns False if an array was too small.

    Buy stops go before sell stops, each nearest to the market first, then in the order of their entry. When no stop is
    left, an order that is all or none and can now trade as a whole does so.
    """
    totals = state.totals[0]
    if totals.pending == 0:
        return True
    book = totals.pending - 1
    slot = _next_release(state, book)
    while slot != NOBODY:
        if not release_fits(state, output, slot):
            return False
        begin_step(state, output, totals.time)
        _release(state, output, slot)
        end_step(state, output)
        watch(state, book)
        slot = _next_release(state, book)
    _forget_trades(state, book)
    return True


@inlined
def _next_release(state: EngineState, book: int) -> int:
    slot = triggered_stop(state, book)
    return fillable_whole(state, book) if slot == NOBODY else slot


@in_place
def _release(state: EngineState, output: Output, slot: int) -> None:
    order = state.orders[slot]
    dequeue(state, slot)
    if order.all_or_none == 1:
        work(state, output, slot)
        return
    order.type = EntryType.LIMIT if order.type == EntryType.STOP_LIMIT else EntryType.MARKET
    write_update(state, output, order, Status.TRIGGERED, Reason.NONE, order.shown, order.shown)
    work(state, output, slot)


@in_place
def _perform(state: EngineState, output: Output, entry: Any) -> int:
    if entry.action == Action.NEW:
        return _new(state, output, entry)
    if entry.action == Action.CANCEL:
        return _cancel(state, output, entry)
    if entry.action == Action.REPLACE:
        return _replace(state, output, entry)
    reason = command(state, output, entry)
    if reason != Reason.NONE:
        write_rejection(state, output, entry, 0, reason)
    else:
        state.totals[0].pending = entry.instrument + 1
    return 0


@in_place
def _new(state: EngineState, output: Output, entry: Any) -> int:
    totals = state.totals[0]
    order_id = totals.next_id
    totals.next_id += 1
    reason = check_new(state, entry)
    if reason != Reason.NONE:
        write_rejection(state, output, entry, order_id, reason)
        return int(order_id)
    slot = take_order(state, order_id)
    order = state.orders[slot]
    order.owner = entry.owner
    order.book = entry.instrument
    order.bid = 1 if entry.side == BID else 0
    order.type = entry.type
    order.in_force = entry.in_force
    order.price = entry.price if entry.type != EntryType.MARKET and entry.type != EntryType.STOP else 0
    order.stop = first_stop(state, entry)
    order.trigger = entry.trigger
    order.trail = entry.trail
    order.trail_step = entry.trail_step
    order.all_or_none = entry.all_or_none
    order.shown = entry.size
    order.hidden = 0
    order.display = entry.display
    order.post_only = entry.post_only
    order.prevention = entry.prevention
    totals.pending = entry.instrument + 1
    write_update(state, output, order, Status.ACCEPTED, Reason.NONE, entry.size, entry.size)
    if entry.type == EntryType.STOP or entry.type == EntryType.STOP_LIMIT:
        wait(state, slot)
    else:
        work(state, output, slot)
    return int(order_id)


@in_place
def _cancel(state: EngineState, output: Output, entry: Any) -> int:
    slot = find_order(state, entry.id)
    if slot == NOBODY or (entry.owner != 0 and state.orders[slot].owner != entry.owner):
        write_rejection(state, output, entry, entry.id, Reason.UNKNOWN_ORDER)
        return 0
    order = state.orders[slot]
    state.totals[0].pending = order.book + 1
    write_cancel(state, output, order, order.shown)
    write_update(state, output, order, Status.CANCELLED, Reason.REQUESTED, order.shown + order.hidden, 0)
    dequeue(state, slot)
    drop_order(state, slot)
    return int(entry.id)


@in_place
def _replace(state: EngineState, output: Output, entry: Any) -> int:
    slot = find_order(state, entry.id)
    reason = check_replace(state, entry, slot)
    if reason != Reason.NONE:
        write_rejection(state, output, entry, entry.id, reason)
        return 0
    order = state.orders[slot]
    is_stop = order.type == EntryType.STOP or order.type == EntryType.STOP_LIMIT
    keeps = entry.size <= order.shown + order.hidden and (
        _next_stop(order, entry) == order.stop and (order.type == EntryType.STOP or entry.price == order.price)
        if is_stop
        else entry.price == order.price
    )
    state.totals[0].pending = order.book + 1
    if keeps:
        _shrink(state, output, slot, entry.size)
    elif is_stop:
        _replace_stop(state, output, slot, entry)
    elif order.all_or_none == 1:
        _replace_whole(state, output, slot, entry)
    else:
        _move(state, output, slot, entry)
    return int(entry.id)


@in_place
def _shrink(state: EngineState, output: Output, slot: int, size: int) -> None:
    """Reduce an order at the same price: the hidden lots go first, and the order keeps its place."""
    order = state.orders[slot]
    before = order.shown
    shown = min(before, size)
    resize(state, slot, shown, size - shown)
    write_update(state, output, order, Status.REPLACED, Reason.REQUESTED, size, size)
    if shown != before:
        write_modify(state, output, order)


@in_place
def _replace_stop(state: EngineState, output: Output, slot: int, entry: Any) -> None:
    order = state.orders[slot]
    dequeue(state, slot)
    order.stop = _next_stop(order, entry)
    order.shown = entry.size
    if order.type == EntryType.STOP_LIMIT:
        order.price = entry.price
    write_update(state, output, order, Status.REPLACED, Reason.REQUESTED, entry.size, entry.size)
    wait(state, slot)


@inlined
def _next_stop(order: Any, entry: Any) -> int:
    """Return the stop price after a replacement; 0 leaves a trailing stop where it is."""
    return int(order.stop if order.trail > 0 and entry.stop == 0 else entry.stop)


@in_place
def _replace_whole(state: EngineState, output: Output, slot: int, entry: Any) -> None:
    order = state.orders[slot]
    dequeue(state, slot)
    order.price = entry.price
    order.shown = entry.size
    write_update(state, output, order, Status.REPLACED, Reason.REQUESTED, entry.size, entry.size)
    work(state, output, slot)


@in_place
def _move(state: EngineState, output: Output, slot: int, entry: Any) -> None:
    """Move an order to another price or give it more lots: it goes to the back, or trades at once."""
    order = state.orders[slot]
    dequeue(state, slot)
    before = order.shown
    moves = entry.price != order.price
    trades = state.books[order.book].phase == TradingPhase.CONTINUOUS and (
        crosses(state, order.book, order.bid, entry.price) or meets_whole(state, order, entry.price, entry.size)
    )
    split(order, entry.size)
    # A modify that neither changes the price nor shows more would keep its place in a reader's book.
    modifies = not trades and (moves or order.shown > before)
    if not modifies:
        write_cancel(state, output, order, before)
    order.price = entry.price
    write_update(state, output, order, Status.REPLACED, Reason.REQUESTED, entry.size, entry.size)
    if trades:
        order.shown = entry.size
        order.hidden = 0
        work(state, output, slot)
        return
    side = SIDES * order.book + (BIDS if order.bid == 1 else ASKS)
    enqueue(state, slot, side, order.price * state.sides[side].sign)
    if modifies:
        write_modify(state, output, order)
    else:
        write_add(state, output, order)
