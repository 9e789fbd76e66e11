"""Commands of the venue: calls and auctions, halts, the close, price bands."""

from __future__ import annotations

from typing import Any

from hftlab.book.matching.auction import reference_price, uncross
from hftlab.book.matching.checks import is_price
from hftlab.book.matching.continuous import set_phase
from hftlab.book.matching.engine_state import ASKS, BIDS, MARKET_KEY, NO_BAND, NOBODY, SIDES, EngineState
from hftlab.book.matching.entries import Action, EntryType, InForce, Reason, Status, TradingPhase
from hftlab.book.matching.levels import best_key, dequeue, drop_order
from hftlab.book.matching.output import Output, write_cancel, write_update, write_venue_update
from hftlab.kernels.compiling import in_place

__all__ = ["command"]


@in_place
def command(state: EngineState, output: Output, entry: Any) -> int:
    """Perform a command of the venue. Returns the Reason why it cannot be done, or NONE."""
    book = entry.instrument
    if book < 0 or book >= len(state.books):
        return Reason.UNKNOWN_INSTRUMENT
    if entry.action == Action.CALL:
        set_phase(state, output, book, TradingPhase.CALL, Reason.REQUESTED)
    elif entry.action == Action.UNCROSS:
        if state.books[book].phase != TradingPhase.CALL:
            return Reason.WRONG_PHASE
        prices = state.books[book]
        is_given = entry.price != 0 or (entry.size == 1 and prices.lowest <= 0)
        if is_given and not is_price(prices, entry.price):
            return Reason.BAD_PRICE
        uncross(state, output, book, reference_price(state, book, entry.price, is_given))
    elif entry.action == Action.RESUME:
        if _is_crossed(state, book):
            return Reason.CROSSED
        set_phase(state, output, book, TradingPhase.CONTINUOUS, Reason.REQUESTED)
    elif entry.action == Action.HALT:
        set_phase(state, output, book, TradingPhase.HALTED, Reason.REQUESTED)
    elif entry.action == Action.CLOSE:
        set_phase(state, output, book, TradingPhase.CLOSED, Reason.REQUESTED)
        for side in range(SIDES * book, SIDES * book + SIDES):
            _expire(state, output, side)
    elif entry.action == Action.BAND:
        return _set_band(state, output, entry)
    else:
        return Reason.BAD_ACTION
    return Reason.NONE


@in_place
def _set_band(state: EngineState, output: Output, entry: Any) -> int:
    prices = state.books[entry.instrument]
    if entry.size < 0 or entry.size > NO_BAND:
        return Reason.BAD_SIZE
    if entry.size > 0 and not is_price(prices, entry.price):
        return Reason.BAD_PRICE
    prices.reference = entry.price if entry.size > 0 else 0
    prices.width = entry.size
    prices.lower = entry.price - entry.size if entry.size > 0 else -NO_BAND
    prices.upper = entry.price + entry.size if entry.size > 0 else NO_BAND
    write_venue_update(state, output, entry.instrument, Status.BAND, Reason.REQUESTED, prices.reference, entry.size)
    return Reason.NONE


@in_place
def _is_crossed(state: EngineState, book: int) -> bool:
    """Tell whether the book could trade, or holds market orders that only an auction can match."""
    bids, asks = SIDES * book + BIDS, SIDES * book + ASKS
    has_bids, has_asks = state.sides[bids].length > 0, state.sides[asks].length > 0
    if (has_bids and best_key(state, bids) == MARKET_KEY) or (has_asks and best_key(state, asks) == MARKET_KEY):
        return True
    return bool(has_bids and has_asks and best_key(state, bids) >= -best_key(state, asks))


@in_place
def _expire(state: EngineState, output: Output, side: int) -> None:
    """Cancel every order of a side, best first, except those good till cancelled."""
    side_row = state.sides[side]
    # A level that goes away moves only those above it, which have been looked at.
    for at in range(side_row.start + side_row.length - 1, side_row.start - 1, -1):
        slot = state.levels[state.slots[at]].head
        while slot != NOBODY:
            order = state.orders[slot]
            following = order.next
            if order.in_force != InForce.GTC or order.type == EntryType.MARKET:
                write_cancel(state, output, order, order.shown)
                write_update(state, output, order, Status.CANCELLED, Reason.EXPIRED, order.shown + order.hidden, 0)
                dequeue(state, slot)
                drop_order(state, slot)
            slot = following
