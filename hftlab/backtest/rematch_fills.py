"""Recorded aggressors of the rematch core: what each meets in the book, and the fills of own orders that come of it."""

from __future__ import annotations

from typing import Any, NamedTuple

from hftlab.backtest.rematch_orders import take_lots
from hftlab.backtest.rematch_state import RematchState
from hftlab.backtest.reports import Cause, Reports, Why
from hftlab.book.matching.engine_state import ASKS, NO_PRICE, NOBODY, SIDES, EngineState
from hftlab.book.matching.fillable import reaches
from hftlab.book.matching.levels import best_level
from hftlab.kernels.compiling import in_place, inlined

__all__ = ["Taker", "meet_all", "meet_others"]


class Taker(NamedTuple):
    """Incoming recorded order, or print, as what rests sees it."""

    time: Any  # the venue's
    side: Any  # the side of the engine on which it meets what rests
    limit: Any  # ticks
    price: Any  # of its print, 1e-9; NO_PRICE of an order
    paid: Any  # ticks, of an auction; NO_PRICE: the price of the order that rests


@in_place
def meet_others(
    state: EngineState, market: RematchState, reports: Reports, taker: Taker, lots: int, before: int
) -> int:
    """Trade with own orders and survivors within the limit, in the book's order, up to where the slot `before` is.

    Recorded orders are passed over: the taker did not meet them in the recording. Returns the lots left.
    """
    side, passed = state.sides[taker.side], 0
    bid = _is_buyer(taker)
    while lots > 0 and passed < side.length and market.others[taker.side] > 0:
        length = side.length
        level = state.levels[state.slots[side.start + length - 1 - passed]]
        if not reaches(bid, taker.limit, level.key * side.sign):
            return lots
        slot = level.head
        while lots > 0 and slot != NOBODY:
            if slot == before:
                return lots
            following = state.orders[slot].next
            if state.orders[slot].owner != 0:
                hides = state.orders[slot].hidden > 0
                lots -= _trade(state, market, reports, taker, slot, lots)
                # An iceberg that was the last of its price has only itself behind it.
                following = slot if following == NOBODY and hides else following
            slot = following
        passed += 1 if side.length == length else 0
    return lots


@in_place
def meet_all(state: EngineState, market: RematchState, reports: Reports, taker: Taker, lots: int) -> int:
    """Trade with whatever stands within the limit, in the book's order. Returns the lots left."""
    bid, sign = _is_buyer(taker), state.sides[taker.side].sign
    while lots > 0:
        row = best_level(state, taker.side)
        if row == NOBODY or not reaches(bid, taker.limit, state.levels[row].key * sign):
            return lots
        lots -= _trade(state, market, reports, taker, state.levels[row].head, lots)
    return lots


@inlined
def _is_buyer(taker: Taker) -> int:
    return 1 if taker.side % SIDES == ASKS else 0


@in_place
def _trade(state: EngineState, market: RematchState, reports: Reports, taker: Taker, slot: int, most: int) -> int:
    """Trade up to `most` lots with a resting order; its fill is reported if it is an own one. Returns the lots."""
    order = state.orders[slot]
    lots = min(most, order.shown)
    if order.owner > 0:
        row = reports.rows[reports.used[0]]
        reports.used[0] += 1
        row.time = taker.time
        row.cause = Cause.FILLED
        row.number = market.notes[slot].number
        row.lots = lots
        row.price = order.price if taker.paid == NO_PRICE else taker.paid
        row.why = _why(taker, order.price * market.ticks[order.book])
        row.ahead = market.notes[slot].ahead
        row.is_taker = 0
    take_lots(state, market, slot, lots)
    return int(lots)


@inlined
def _why(taker: Taker, price: int) -> int:
    if taker.paid != NO_PRICE:
        return Why.AUCTION
    if taker.price == NO_PRICE:
        return Why.CROSS
    return Why.QUEUE if taker.price == price else Why.TRADE_THROUGH
