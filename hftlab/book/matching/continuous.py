"""Continuous trading: matches an incoming order with the queues of the other side, best price first, then time."""

from __future__ import annotations

from typing import Any

from hftlab.book.matching.engine_state import (
    ASKS,
    BIDS,
    BUY_WHOLE,
    MARKET_KEY,
    NO_PRICE,
    NOBODY,
    SELL_WHOLE,
    SIDES,
    EngineState,
)
from hftlab.book.matching.entries import EntryType, InForce, Prevention, Reason, Status, TradingPhase
from hftlab.book.matching.fillable import fillable, is_prevented, next_whole, reaches
from hftlab.book.matching.levels import best_level, dequeue, drop_order, enqueue, move_back, resize
from hftlab.book.matching.output import (
    Output,
    write_add,
    write_cancel,
    write_fill,
    write_trade,
    write_update,
    write_venue_update,
)
from hftlab.events import ASK, BID
from hftlab.kernels.compiling import in_place, inlined

__all__ = ["crosses", "note_trade", "rest", "set_phase", "split", "take_off", "work"]


@in_place
def work(state: EngineState, output: Output, slot: int) -> None:
    """Trade an order that is not queued as far as possible, then put the rest into the book or cancel it.

    During an auction call it only rests. An order that is all or none waits unseen until it can trade as a whole.
    """
    order = state.orders[slot]
    if order.all_or_none == 1:
        if state.books[order.book].phase == TradingPhase.CONTINUOUS and fillable(state, order) >= order.shown:
            _match(state, output, slot)
            drop_order(state, slot)
            return
        side = SIDES * order.book + (BUY_WHOLE if order.bid == 1 else SELL_WHOLE)
        enqueue(state, slot, side, order.price * state.sides[side].sign)
        return
    if state.books[order.book].phase == TradingPhase.CALL:
        rest(state, output, slot)
        return
    if order.in_force == InForce.FOK and fillable(state, order) < order.shown:
        _cancel_rest(state, output, slot, Reason.NOT_FILLABLE)
        return
    reason = _match(state, output, slot)
    if order.shown == 0:
        drop_order(state, slot)
        return
    may_rest = order.type != EntryType.MARKET and order.in_force != InForce.IOC
    halts = reason == Reason.OUT_OF_BAND and state.books[order.book].halts == 1
    book = order.book
    if may_rest and (halts or reason == Reason.NO_LIQUIDITY):
        rest(state, output, slot)
    else:
        _cancel_rest(state, output, slot, reason)
    if halts:
        set_phase(state, output, book, TradingPhase.HALTED, Reason.OUT_OF_BAND)


@inlined
def rest(state: EngineState, output: Output, slot: int) -> None:
    """Put an order behind all others of its price, or of the market orders of an auction call."""
    order = state.orders[slot]
    split(order, order.shown)
    side = SIDES * order.book + (BIDS if order.bid == 1 else ASKS)
    key = MARKET_KEY
    if order.type != EntryType.MARKET:
        key = order.price * state.sides[side].sign
    enqueue(state, slot, side, key)
    write_add(state, output, order)


@inlined
def split(order: Any, size: int) -> None:
    """Divide the lots of an order that is not queued into displayed and hidden ones."""
    order.shown = min(order.display, size) if order.type == EntryType.ICEBERG else size
    order.hidden = size - order.shown


@inlined
def crosses(state: EngineState, book: int, bid: int, price: int) -> bool:
    """Tell whether a limit order at that price would find a price to trade at on the other side."""
    other = SIDES * book + (ASKS if bid == 1 else BIDS)
    row = best_level(state, other)
    if row == NOBODY:
        return False
    return bool(reaches(bid, price, state.levels[row].key * state.sides[other].sign))


@inlined
def take_off(state: EngineState, output: Output, slot: int, size: int) -> None:
    """Take lots off the displayed part of a queued order; an iceberg then shows its next part behind all others."""
    order = state.orders[slot]
    if size < order.shown:
        resize(state, slot, order.shown - size, order.hidden)
    elif order.hidden > 0:
        shown = min(order.display, order.hidden)
        resize(state, slot, shown, order.hidden - shown)
        move_back(state, slot)
        write_add(state, output, order)
    else:
        dequeue(state, slot)
        drop_order(state, slot)


@inlined
def note_trade(state: EngineState, book: int, price: int) -> None:
    """Remember a trade's price for the stops."""
    prices = state.books[book]
    prices.last = price
    prices.high = max(prices.high, price)
    prices.low = min(prices.low, price)
    if prices.first == NO_PRICE:
        prices.first = price


@in_place
def set_phase(state: EngineState, output: Output, book: int, phase: int, reason: int) -> None:
    """Change an instrument's phase, and write the update that says so."""
    state.books[book].phase = phase
    write_venue_update(state, output, book, Status.PHASE, reason, 0, 0)


@in_place
def _match(state: EngineState, output: Output, slot: int) -> int:
    """Trade. Returns why it stopped: NO_LIQUIDITY at the limit, OUT_OF_BAND, SELF_TRADE, or NONE when filled."""
    order = state.orders[slot]
    prices = state.books[order.book]
    other = SIDES * order.book + (ASKS if order.bid == 1 else BIDS)
    sign = state.sides[other].sign
    is_market = order.type == EntryType.MARKET
    wholes = SIDES * order.book + (SELL_WHOLE if order.bid == 1 else BUY_WHOLE)
    # An order that must not take lets those that are all or none come to it.
    meets_wholes = state.sides[wholes].length > 0 and order.post_only == 0
    while order.shown > 0:
        row = best_level(state, other)
        if meets_wholes:
            whole = next_whole(state, order, wholes, NO_PRICE if row == NOBODY else state.levels[row].key)
            if whole != NOBODY:
                _trade(state, output, slot, whole, state.orders[whole].price)
                continue
        if row == NOBODY:
            return Reason.NO_LIQUIDITY
        price = state.levels[row].key * sign
        if not is_market and not reaches(order.bid, order.price, price):
            return Reason.NO_LIQUIDITY
        if price < prices.lower or price > prices.upper:
            return Reason.OUT_OF_BAND
        maker = state.levels[row].head
        if is_prevented(order, state.orders[maker]):
            if _prevent(state, output, slot, maker):
                return Reason.SELF_TRADE
        else:
            _trade(state, output, slot, maker, price)
    return Reason.NONE


@in_place
def _trade(state: EngineState, output: Output, slot: int, maker_slot: int, price: int) -> None:
    order, maker = state.orders[slot], state.orders[maker_slot]
    size = min(order.shown, maker.shown)
    if order.bid == 1:
        write_trade(state, output, order, maker, BID, price, size)
    else:
        write_trade(state, output, maker, order, ASK, price, size)
    write_fill(state, output, maker, size)
    note_trade(state, order.book, price)
    order.shown -= size
    take_off(state, output, maker_slot, size)


@in_place
def _prevent(state: EngineState, output: Output, slot: int, maker_slot: int) -> bool:
    """Prevent a self-trade in the way that the order asks for. Returns whether the order's rest is to be cancelled."""
    order, maker = state.orders[slot], state.orders[maker_slot]
    if order.prevention == Prevention.DECREMENT:
        size = min(order.shown, maker.shown)
        order.shown -= size
        write_update(state, output, order, Status.REDUCED, Reason.SELF_TRADE, size, order.shown)
        left = maker.shown + maker.hidden - size
        write_update(state, output, maker, Status.REDUCED, Reason.SELF_TRADE, size, left)
        write_cancel(state, output, maker, size)
        take_off(state, output, maker_slot, size)
        return False
    if order.prevention != Prevention.CANCEL_NEWEST:
        write_cancel(state, output, maker, maker.shown)
        size = maker.shown + maker.hidden
        write_update(state, output, maker, Status.CANCELLED, Reason.SELF_TRADE, size, 0)
        dequeue(state, maker_slot)
        drop_order(state, maker_slot)
    return bool(order.prevention != Prevention.CANCEL_OLDEST)


@in_place
def _cancel_rest(state: EngineState, output: Output, slot: int, reason: int) -> None:
    order = state.orders[slot]
    write_update(state, output, order, Status.CANCELLED, reason, order.shown, 0)
    drop_order(state, slot)
