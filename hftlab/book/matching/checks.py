"""Checks of orders by the matching engine, each refusal with its reason."""

from __future__ import annotations

from typing import Any, Final

from hftlab.book.matching.continuous import crosses
from hftlab.book.matching.engine_state import NO_PRICE, NOBODY, EngineState
from hftlab.book.matching.entries import EntryType, InForce, Prevention, Reason, TradingPhase, Trigger
from hftlab.book.matching.stops import first_reference
from hftlab.events import ASK, BID
from hftlab.kernels.compiling import in_place

__all__ = ["MOST_LOTS", "MOST_RELOADS", "check_new", "check_replace", "is_price"]

MOST_LOTS: Final = 2**40
MOST_RELOADS: Final = 1000
"""Parts that an iceberg may show at most, so that no order can ask for output without bounds."""


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
    book = state.books[entry.instrument]
    derives = entry.trail > 0 and entry.stop == 0
    if (has_limit and not is_price(book, entry.price)) or (is_stop and not derives and not is_price(book, entry.stop)):
        return Reason.BAD_PRICE
    if entry.trail != 0 and not _is_trail(book, entry):
        return Reason.BAD_TRAIL
    if derives and first_reference(state, entry) == NO_PRICE:
        return Reason.NO_REFERENCE
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
    stays = order.trail > 0 and entry.stop == 0
    if (has_limit and not is_price(book, entry.price)) or (is_stop and not stays and not is_price(book, entry.stop)):
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
    if not _is_stop_or_plain(entry) or entry.all_or_none < 0 or entry.all_or_none > 1:
        return False
    if entry.all_or_none == 1 and (
        entry.type != EntryType.LIMIT or entry.in_force > InForce.GTC or entry.post_only != 0
    ):
        return False
    if entry.post_only == 0:
        return True
    rests = entry.type == EntryType.LIMIT or entry.type == EntryType.ICEBERG
    return bool(entry.post_only == 1 and rests and entry.in_force <= InForce.GTC)


@in_place
def _is_stop_or_plain(entry: Any) -> bool:
    """Tell whether what only stops have is in its place and known."""
    if entry.trigger < Trigger.TRADE or entry.trigger > Trigger.EITHER:
        return False
    is_stop = entry.type == EntryType.STOP or entry.type == EntryType.STOP_LIMIT
    return bool(is_stop or (entry.trigger == Trigger.TRADE and entry.trail == 0))


@in_place
def is_price(book: Any, ticks: int) -> bool:
    """Tell whether a book of the engine can have orders at a price: it is positive, or may be 0 and below."""
    return bool(book.lowest <= ticks <= book.highest)


@in_place
def _is_trail(book: Any, entry: Any) -> bool:
    return bool(0 < entry.trail <= book.highest and 0 <= entry.trail_step <= book.highest)


@in_place
def _is_display(display: int, size: int) -> bool:
    return display >= MOST_LOTS or (display >= 1 and size <= display * MOST_RELOADS)


@in_place
def _is_out_of_band(state: EngineState, book: int, price: int) -> bool:
    """Tell whether the venue refuses that price; one that halts instead accepts all prices."""
    prices = state.books[book]
    return bool(prices.halts == 0 and (price < prices.lower or price > prices.upper))
