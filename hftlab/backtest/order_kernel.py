"""Requests of own orders in the fill core, compiled: entries, cancellations, replacements."""

from __future__ import annotations

from typing import Any

from hftlab.backtest.fill_orders import can_take, join_level, level_lots, take
from hftlab.backtest.fill_state import MARKET, FillState
from hftlab.backtest.own_queue import count_parts, has_room, leave, open_own, report, shown_of, take_off
from hftlab.backtest.reports import Cause, Why
from hftlab.book.levels import side_of
from hftlab.book.matching.entries import EntryType, InForce, Prevention
from hftlab.events import ASK
from hftlab.kernels.compiling import IntArray, in_place, inlined

__all__ = ["cancel_order", "enter_order", "replace_order"]

_ACCEPTED, _REJECTED, _CANCELLED = int(Cause.ACCEPTED), int(Cause.REJECTED), int(Cause.CANCELLED)
_REPLACED, _REFUSED = int(Cause.REPLACED), int(Cause.REFUSED)
_NO_WHY, _REQUESTED, _WOULD_TAKE = int(Why.NONE), int(Why.REQUESTED), int(Why.WOULD_TAKE)
_NOT_FILLABLE, _NO_LIQUIDITY = int(Why.NOT_FILLABLE), int(Why.NO_LIQUIDITY)
_UNKNOWN, _BAD_SIZE = int(Why.UNKNOWN_ORDER), int(Why.BAD_SIZE)
_MARKET, _IOC, _FOK = int(EntryType.MARKET), int(InForce.IOC), int(InForce.FOK)
_NO_PREVENTION = int(Prevention.NONE)


@inlined
def _has_room(state: FillState, number: int, lots: int) -> bool:
    """Tell whether an order fits, and the reports if it takes every level of the longest side."""
    longest = 0
    for side in state.books.sides:
        longest = max(longest, side.length)
    return has_room(state, number, lots, longest)


@inlined
def _row_of(state: FillState, number: int) -> int:
    """Return the row of `own` of an order by its number; 0 if it is over or has never been."""
    return int(state.where[number]) if 0 < number < len(state.where) else 0


@in_place
def enter_order(state: FillState, entry: IntArray, time: int) -> bool:
    """Enter an order, its fields in the order of core.Entry; False if there is no room, and nothing is done."""
    number, instrument, owner, letter, kind, in_force, price, lots, display, post_only, prevention = entry
    if not _has_room(state, number, lots):
        return False
    is_ask = letter == ASK
    side, other = int(side_of(instrument, is_ask)), int(side_of(instrument, not is_ask))
    tick = state.instruments[instrument].tick
    key = MARKET if kind == _MARKET else -price * tick if is_ask else price * tick
    if lots <= 0:
        report(state, time, _REJECTED, number, lots, price, _BAD_SIZE, 0, 0)
        return True
    if post_only and can_take(state, other, key, 1, owner, _NO_PREVENTION) > 0:
        report(state, time, _REJECTED, number, lots, price, _WOULD_TAKE, 0, 0)
        return True
    if in_force == _FOK and can_take(state, other, key, lots, owner, prevention) < lots:
        report(state, time, _ACCEPTED, number, lots, price, _NO_WHY, level_lots(state, side, key), 0)
        report(state, time, _CANCELLED, number, lots, price, _NOT_FILLABLE, 0, 0)
        return True
    row = open_own(state, number)
    own = state.own[row]
    own.owner, own.key, own.ticks, own.lots, own.display = owner, key, price, lots, display
    own.side, own.post_only, own.prevention = side, post_only, prevention
    count_parts(state, row)
    report(state, time, _ACCEPTED, number, lots, price, _NO_WHY, level_lots(state, side, key), 0)
    _place(state, row, other, time, kind == _MARKET or in_force in (_IOC, _FOK))
    return True


@inlined
def _place(state: FillState, row: Any, other: int, time: int, is_immediate: bool) -> None:
    """Let an order take what it crosses, and rest or end with what is left."""
    own = state.own[row]
    take(state, row, other, time)
    if own.lots > 0 and not is_immediate:
        join_level(state, row)
        return
    if own.lots > 0:
        report(state, time, _CANCELLED, own.number, own.lots, own.ticks, _NO_LIQUIDITY, 0, 0)
    take_off(state, row)


@in_place
def cancel_order(state: FillState, number: int, time: int) -> bool:
    """Cancel what is open of an order; False if there is no room, and nothing is done."""
    if not has_room(state, 0, 0, 0):
        return False
    row = _row_of(state, number)
    if row == 0:
        report(state, time, _REFUSED, number, 0, 0, _UNKNOWN, 0, 0)
        return True
    own = state.own[row]
    report(state, time, _CANCELLED, number, own.lots, own.ticks, _REQUESTED, 0, 0)
    leave(state, row)
    take_off(state, row)
    return True


@in_place
def replace_order(state: FillState, number: int, lots: int, price: int, time: int) -> bool:
    """Change an order's open lots and price; False if there is no room, and nothing is done."""
    if not _has_room(state, 0, lots):
        return False
    row = _row_of(state, number)
    if row == 0:
        report(state, time, _REFUSED, number, lots, price, _UNKNOWN, 0, 0)
        return True
    if lots <= 0:
        report(state, time, _REFUSED, number, lots, price, _BAD_SIZE, 0, 0)
        return True
    own = state.own[row]
    if price == own.ticks and lots <= own.lots:
        own.lots = lots
        own.shown = min(own.shown, shown_of(lots, own.display))
        report(state, time, _REPLACED, number, lots, price, _REQUESTED, 0, 0)
        return True
    is_ask = own.side & 1
    tick = state.instruments[own.side >> 1].tick
    key = -price * tick if is_ask else price * tick
    if own.post_only and can_take(state, own.side ^ 1, key, 1, own.owner, _NO_PREVENTION) > 0:
        report(state, time, _REFUSED, number, lots, price, _WOULD_TAKE, 0, 0)
        return True
    leave(state, row)
    own.key, own.ticks, own.lots = key, price, lots
    count_parts(state, row)
    report(state, time, _REPLACED, number, lots, price, _REQUESTED, level_lots(state, own.side, key), 0)
    _place(state, row, own.side ^ 1, time, False)
    return True
