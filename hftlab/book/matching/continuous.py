"""Continuous trading: matches an incoming order with the queues of the other side, best price first, then time."""

from __future__ import annotations

from typing import Any

from hftlab.book.matching.engine_state import ASKS, BIDS, MARKET_KEY, NOBODY, SIDES, EngineState
from hftlab.book.matching.entries import EntryType, InForce, Prevention, Reason, Status, TradingPhase
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

    During an auction call it only rests.
    """
    order = state.orders[slot]
    if state.books[order.book].phase == TradingPhase.CALL:
        rest(state, output, slot)
        return
    if order.in_force == InForce.FOK and _fillable(state, order) < order.shown:
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
    return bool(_reaches(bid, price, state.levels[row].key * state.sides[other].sign))


@inlined
def _reaches(bid: int, limit: int, price: int) -> bool:
    return price <= limit if bid == 1 else price >= limit


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
    prices.low = price if prices.low == 0 else min(prices.low, price)


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
    while order.shown > 0:
        row = best_level(state, other)
        if row == NOBODY:
            return Reason.NO_LIQUIDITY
        price = state.levels[row].key * sign
        if not is_market and not _reaches(order.bid, order.price, price):
            return Reason.NO_LIQUIDITY
        if price < prices.lower or price > prices.upper:
            return Reason.OUT_OF_BAND
        maker = state.levels[row].head
        if _is_prevented(order, state.orders[maker]):
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


@inlined
def _is_prevented(order: Any, maker: Any) -> bool:
    return bool(order.prevention != Prevention.NONE and order.owner != 0 and order.owner == maker.owner)


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


@in_place
def _fillable(state: EngineState, order: Any) -> int:
    """Return how many lots the order could trade now, hidden ones included, its owner's own orders left out."""
    prices = state.books[order.book]
    other = state.sides[SIDES * order.book + (ASKS if order.bid == 1 else BIDS)]
    is_market = order.type == EntryType.MARKET
    found = 0
    for at in range(other.start + other.length - 1, other.start - 1, -1):
        level = state.levels[state.slots[at]]
        price = level.key * other.sign
        if found >= order.shown or price < prices.lower or price > prices.upper:
            return found
        if not is_market and not _reaches(order.bid, order.price, price):
            return found
        if order.prevention == Prevention.NONE or order.owner == 0:
            found += level.shown + level.hidden
            continue
        lots, blocked = _others_lots(state, order, level.head)
        found += lots
        if blocked:
            return found
    return found


@in_place
def _others_lots(state: EngineState, order: Any, head: int) -> tuple[int, bool]:
    """Return the lots of a level that are not the owner's, and whether an own order ends the matching there."""
    passes = order.prevention == Prevention.CANCEL_OLDEST
    shown, hidden, slot = 0, 0, head
    while slot != NOBODY:
        maker = state.orders[slot]
        if maker.owner != order.owner:
            shown += maker.shown
            hidden += maker.hidden
        elif not passes:
            # The hidden lots of icebergs ahead of it come back after it.
            return shown, True
        slot = maker.next
    return shown + hidden, False
