"""Checks of orders by the matching engine, each refusal with its reason."""

from __future__ import annotations

from typing import Any, Final

from hftlab.book.matching.continuous import crosses
from hftlab.book.matching.engine_state import NOBODY, EngineState
from hftlab.book.matching.entries import EntryType, InForce, Prevention, Reason, TradingPhase
from hftlab.events import ASK, BID
from hftlab.kernels.compiling import in_place

__all__ = ["MOST_LOTS", "MOST_RELOADS", "check_new", "check_replace", "is_price"]

MOST_LOTS: Final = 2**40
MOST_RELOADS: Final = 1000
"""How often an iceberg may show a new part, so that no order can ask for output without bounds."""


@in_place
def check_new(state: EngineState, entry: Any) -> int:
    """Return why a new order is refused: a Reason, NONE if it is accepted."""
    if entry.instrument < 0 or entry.instrument >= len(state.books):
        return Reason.UNKNOWN_INSTRUMENT
    phase = state.books[entry.instrument].phase
    if phase == TradingPhase.HALTED or phase == TradingPhase.CLOSED:
        return Reason.WRONG_PHASE
    if entry.side != BID and entry.side != ASK:
        return Reason.BAD_SIDE
    if not _is_type(entry):
        return Reason.BAD_TYPE
    if entry.size < 1 or entry.size > MOST_LOTS:
        return Reason.BAD_SIZE
    has_limit = entry.type != EntryType.MARKET and entry.type != EntryType.STOP
    is_stop = entry.type == EntryType.STOP or entry.type == EntryType.STOP_LIMIT
    tick = state.books[entry.instrument].tick
    if (has_limit and not is_price(entry.price, tick)) or (is_stop and not is_price(entry.stop, tick)):
        return Reason.BAD_PRICE
    if entry.type == EntryType.ICEBERG and not _is_display(entry.display, entry.size):
        return Reason.BAD_DISPLAY
    is_immediate = entry.in_force == InForce.IOC or entry.in_force == InForce.FOK
    if phase == TradingPhase.CALL and not is_stop and (is_immediate or entry.post_only == 1):
        return Reason.WRONG_PHASE
    if has_limit and _is_out_of_band(state, entry.instrument, entry.price):
        return Reason.OUT_OF_BAND
    if entry.post_only == 1 and crosses(state, entry.instrument, 1 if entry.side == BID else 0, entry.price):
        return Reason.WOULD_TAKE
    return Reason.NONE


@in_place
def check_replace(state: EngineState, entry: Any, slot: int) -> int:
    """Return why the order of that row (NOBODY if there is none) is not replaced: a Reason, NONE if it is."""
    if slot == NOBODY:
        return Reason.UNKNOWN_ORDER
    order = state.orders[slot]
    if entry.owner != 0 and order.owner != entry.owner:
        return Reason.UNKNOWN_ORDER
    book = state.books[order.book]
    if book.phase == TradingPhase.HALTED or book.phase == TradingPhase.CLOSED:
        return Reason.WRONG_PHASE
    if order.type == EntryType.MARKET:
        return Reason.BAD_TYPE
    if entry.size < 1 or entry.size > MOST_LOTS:
        return Reason.BAD_SIZE
    has_limit = order.type != EntryType.STOP
    is_stop = order.type == EntryType.STOP or order.type == EntryType.STOP_LIMIT
    if (has_limit and not is_price(entry.price, book.tick)) or (is_stop and not is_price(entry.stop, book.tick)):
        return Reason.BAD_PRICE
    if order.type == EntryType.ICEBERG and not _is_display(order.display, entry.size):
        return Reason.BAD_DISPLAY
    if has_limit and entry.price != order.price and _is_out_of_band(state, order.book, entry.price):
        return Reason.OUT_OF_BAND
    trades = book.phase == TradingPhase.CONTINUOUS and crosses(state, order.book, order.bid, entry.price)
    if order.post_only == 1 and trades:
        return Reason.WOULD_TAKE
    return Reason.NONE


@in_place
def _is_type(entry: Any) -> bool:
    if entry.type < EntryType.LIMIT or entry.type > EntryType.ICEBERG:
        return False
    if entry.in_force < InForce.DAY or entry.in_force > InForce.FOK:
        return False
    if entry.prevention < Prevention.NONE or entry.prevention > Prevention.DECREMENT:
        return False
    if entry.post_only == 0:
        return True
    rests = entry.type == EntryType.LIMIT or entry.type == EntryType.ICEBERG
    return bool(entry.post_only == 1 and rests and entry.in_force <= InForce.GTC)


@in_place
def is_price(ticks: int, tick: int) -> bool:
    """Tell whether a price is positive and fits int64 in 1e-9 units."""
    return 1 <= ticks <= (2**63 - 1) // tick


@in_place
def _is_display(display: int, size: int) -> bool:
    return display >= MOST_LOTS or (display >= 1 and size <= display * MOST_RELOADS)


@in_place
def _is_out_of_band(state: EngineState, book: int, price: int) -> bool:
    """Tell whether the venue refuses that price; one that halts instead accepts all prices."""
    prices = state.books[book]
    return bool(prices.halts == 0 and (price < prices.lower or price > prices.upper))
