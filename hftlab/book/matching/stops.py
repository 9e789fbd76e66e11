"""Stop orders: where they wait, how trailing stops follow the market, and which is released next.

Stops on trades that do not trail wait sorted by price. The others are watched: after each step that trades or changes
the best prices, each looks at the step's trades (a new one at the last before it), then at the quote. A step's trades
run in one direction, so its first and its last tell what all of them do.
"""

from __future__ import annotations

from typing import Any, Final

from hftlab.book.matching.engine_state import (
    ASKS,
    BIDS,
    BUY_STOPS,
    BUY_WATCHED,
    NO_PRICE,
    NOBODY,
    SELL_STOPS,
    SELL_WATCHED,
    SIDES,
    EngineState,
)
from hftlab.book.matching.entries import EntryType, TradingPhase, Trigger
from hftlab.book.matching.levels import best_key, best_level, enqueue
from hftlab.events import BID
from hftlab.kernels.compiling import in_place, inlined

__all__ = ["first_reference", "first_stop", "has_waiting", "triggered_stop", "wait", "wait_side", "watch"]

_UNSEEN: Final = -1
"""Value of `fired` in a stop that has not seen the last trade before its entry."""


@inlined
def wait_side(is_bid: bool, trigger: int, trail: int) -> int:
    """Return on which side of its book a stop waits: BUY_STOPS, SELL_STOPS, BUY_WATCHED or SELL_WATCHED."""
    if trigger != Trigger.TRADE or trail > 0:
        return BUY_WATCHED if is_bid else SELL_WATCHED
    return BUY_STOPS if is_bid else SELL_STOPS


@in_place
def wait(state: EngineState, slot: int) -> None:
    """Put a stop order behind all others of its stop price, or of those that are watched."""
    order = state.orders[slot]
    kind = wait_side(order.bid == 1, order.trigger, order.trail)
    side = SIDES * order.book + kind
    order.fired = _UNSEEN
    if kind in (BUY_WATCHED, SELL_WATCHED):
        state.books[order.book].fresh = 1
        enqueue(state, slot, side, 0)
    else:
        enqueue(state, slot, side, order.stop * state.sides[side].sign)


@in_place
def first_reference(state: EngineState, entry: Any) -> int:
    """Return the price that a new trailing stop without a stop price begins to trail, or NO_PRICE."""
    last = state.books[entry.instrument].last
    if entry.trigger != Trigger.QUOTE and last != NO_PRICE:
        return int(last)
    return NO_PRICE if entry.trigger == Trigger.TRADE else _quote(state, entry.instrument, entry.side == BID)


@in_place
def first_stop(state: EngineState, entry: Any) -> int:
    """Return the stop price with which a new stop begins."""
    if entry.trail == 0 or entry.stop != 0:
        return int(entry.stop)
    reference = first_reference(state, entry)
    return int(reference + entry.trail if entry.side == BID else reference - entry.trail)


@inlined
def _quote(state: EngineState, book: int, is_bid: bool) -> int:
    """Return the best price at which a buyer, or else a seller, could trade now, or NO_PRICE."""
    side = SIDES * book + (ASKS if is_bid else BIDS)
    if state.books[book].phase != TradingPhase.CONTINUOUS or state.sides[side].length == 0:
        return NO_PRICE
    return int(best_key(state, side) * state.sides[side].sign)


@in_place
def watch(state: EngineState, book: int) -> None:
    """Show the step's trades and the quotes after it to the watched stops."""
    prices = state.books[book]
    first = prices.first
    prices.first = NO_PRICE
    if state.sides[SIDES * book + BUY_WATCHED].orders + state.sides[SIDES * book + SELL_WATCHED].orders == 0:
        return
    bid, ask = _quote(state, book, False), _quote(state, book, True)
    if first == NO_PRICE and prices.fresh == 0 and bid == prices.seen_bid and ask == prices.seen_ask:
        return
    prices.fresh = 0
    prices.seen_bid = bid
    prices.seen_ask = ask
    _show(state, SIDES * book + BUY_WATCHED, first, ask)
    _show(state, SIDES * book + SELL_WATCHED, first, bid)


@in_place
def _show(state: EngineState, side: int, first: int, quote: int) -> None:
    row = best_level(state, side)
    slot = NOBODY if row == NOBODY else state.levels[row].head
    while slot != NOBODY:
        order = state.orders[slot]
        if order.trigger != Trigger.QUOTE and (first != NO_PRICE or order.fired == _UNSEEN):
            _see(state, order, first)
            _see(state, order, state.books[order.book].last)
        if order.trigger != Trigger.TRADE:
            _see(state, order, quote)
        order.fired = max(order.fired, 0)
        slot = order.next


@inlined
def _see(state: EngineState, order: Any, price: int) -> None:
    """Fire a stop that this price reaches, or let it trail."""
    if price == NO_PRICE or order.fired == 1:
        return
    # As a sell stop sees it, which is below the market and rises.
    sign = -1 if order.bid == 1 else 1
    above = sign * (price - order.stop)
    if above <= 0:
        order.fired = 1
    elif order.trail > 0 and above > order.trail:
        step = max(order.trail_step, 1)
        shift = sign * ((above - order.trail) // step * step)
        order.stop += shift
        if order.type == EntryType.STOP_LIMIT:
            prices = state.books[order.book]
            order.price = min(max(order.price + shift, prices.lowest), prices.highest)


@inlined
def has_waiting(state: EngineState, book: int) -> bool:
    """Tell whether a book has stops, or orders that are all or none, that wait unseen."""
    orders = 0
    for side in range(SIDES * book + BUY_STOPS, SIDES * (book + 1)):
        orders += state.sides[side].orders
    return orders > 0


@in_place
def triggered_stop(state: EngineState, book: int) -> int:
    """Return the stop to release next, or NOBODY: buys before sells, then nearest to the market, then the first.

    Of one price those that wait for trades go before those that are watched.
    """
    prices = state.books[book]
    if prices.phase != TradingPhase.CONTINUOUS:
        return NOBODY
    for stops, watched in ((BUY_STOPS, BUY_WATCHED), (SELL_STOPS, SELL_WATCHED)):
        slot = _reached(state, SIDES * book + stops)
        if state.sides[SIDES * book + watched].orders > 0:
            slot = _nearest_fired(state, SIDES * book + watched, slot)
        if slot != NOBODY:
            return slot
    return NOBODY


@inlined
def _reached(state: EngineState, side: int) -> int:
    side_row, prices = state.sides[side], state.books[side // SIDES]
    if side_row.length == 0 or prices.last == NO_PRICE:
        return NOBODY
    stop = best_key(state, side) * side_row.sign
    is_reached = stop <= max(prices.high, prices.last) if side_row.sign == -1 else stop >= min(prices.low, prices.last)
    return int(state.levels[best_level(state, side)].head) if is_reached else NOBODY


@in_place
def _nearest_fired(state: EngineState, side: int, other: int) -> int:
    sign, best, slot = state.sides[side].sign, other, state.levels[best_level(state, side)].head
    while slot != NOBODY:
        order = state.orders[slot]
        if order.fired == 1 and (best == NOBODY or order.stop * sign > state.orders[best].stop * sign):
            best = slot
        slot = order.next
    return int(best)
