"""Which rows the matching engine refuses, and why."""

from __future__ import annotations

from typing import Any, Final

from hftlab.book.matching.orders import OrderType, Phase, Prevention, Reason, TimeInForce
from hftlab.book.matching.state import NOBODY, State
from hftlab.book.matching.trading import crosses
from hftlab.events import ASK, BID
from hftlab.kernels.compiling import in_place

__all__ = ["MOST_LOTS", "MOST_RELOADS", "check_new", "check_replace", "is_price"]

MOST_LOTS: Final = 2**40
MOST_RELOADS: Final = 1000
"""How often an iceberg may show a new part, so that no order can ask for output without bounds."""


@in_place
def check_new(state: State, entry: Any) -> int:
    """Why a new order is refused: a Reason, NONE if it is not."""
    if entry.instrument < 0 or entry.instrument >= len(state.books):
        return Reason.UNKNOWN_INSTRUMENT
    phase = state.books[entry.instrument].phase
    if phase == Phase.HALTED or phase == Phase.CLOSED:
        return Reason.WRONG_PHASE
    if entry.side != BID and entry.side != ASK:
        return Reason.BAD_SIDE
    if not _is_type(entry):
        return Reason.BAD_TYPE
    if entry.size < 1 or entry.size > MOST_LOTS:
        return Reason.BAD_SIZE
    has_limit = entry.type != OrderType.MARKET and entry.type != OrderType.STOP
    is_stop = entry.type == OrderType.STOP or entry.type == OrderType.STOP_LIMIT
    tick = state.books[entry.instrument].tick
    if (has_limit and not is_price(entry.price, tick)) or (is_stop and not is_price(entry.stop, tick)):
        return Reason.BAD_PRICE
    if entry.type == OrderType.ICEBERG and not _is_display(entry.display, entry.size):
        return Reason.BAD_DISPLAY
    is_immediate = entry.in_force == TimeInForce.IOC or entry.in_force == TimeInForce.FOK
    if phase == Phase.CALL and not is_stop and (is_immediate or entry.post_only == 1):
        return Reason.WRONG_PHASE
    if has_limit and _is_out_of_band(state, entry.instrument, entry.price):
        return Reason.OUT_OF_BAND
    if entry.post_only == 1 and crosses(state, entry.instrument, 1 if entry.side == BID else 0, entry.price):
        return Reason.WOULD_TAKE
    return Reason.NONE


@in_place
def check_replace(state: State, entry: Any, slot: int) -> int:
    """Why the order of that row (NOBODY if there is none) is not replaced."""
    if slot == NOBODY:
        return Reason.UNKNOWN_ORDER
    order = state.orders[slot]
    if entry.owner != 0 and order.owner != entry.owner:
        return Reason.UNKNOWN_ORDER
    book = state.books[order.book]
    if book.phase == Phase.HALTED or book.phase == Phase.CLOSED:
        return Reason.WRONG_PHASE
    if order.type == OrderType.MARKET:
        return Reason.BAD_TYPE
    if entry.size < 1 or entry.size > MOST_LOTS:
        return Reason.BAD_SIZE
    has_limit = order.type != OrderType.STOP
    is_stop = order.type == OrderType.STOP or order.type == OrderType.STOP_LIMIT
    if (has_limit and not is_price(entry.price, book.tick)) or (is_stop and not is_price(entry.stop, book.tick)):
        return Reason.BAD_PRICE
    if order.type == OrderType.ICEBERG and not _is_display(order.display, entry.size):
        return Reason.BAD_DISPLAY
    if has_limit and entry.price != order.price and _is_out_of_band(state, order.book, entry.price):
        return Reason.OUT_OF_BAND
    trades = book.phase == Phase.CONTINUOUS and crosses(state, order.book, order.bid, entry.price)
    if order.post_only == 1 and trades:
        return Reason.WOULD_TAKE
    return Reason.NONE


@in_place
def _is_type(entry: Any) -> bool:
    if entry.type < OrderType.LIMIT or entry.type > OrderType.ICEBERG:
        return False
    if entry.in_force < TimeInForce.DAY or entry.in_force > TimeInForce.FOK:
        return False
    if entry.prevention < Prevention.NONE or entry.prevention > Prevention.DECREMENT:
        return False
    if entry.post_only == 0:
        return True
    rests = entry.type == OrderType.LIMIT or entry.type == OrderType.ICEBERG
    return bool(entry.post_only == 1 and rests and entry.in_force <= TimeInForce.GTC)


@in_place
def is_price(ticks: int, tick: int) -> bool:
    """Whether it is positive and an int64 in 1e-9 units."""
    return 1 <= ticks <= (2**63 - 1) // tick


@in_place
def _is_display(display: int, size: int) -> bool:
    return display >= MOST_LOTS or (display >= 1 and size <= display * MOST_RELOADS)


@in_place
def _is_out_of_band(state: State, book: int, price: int) -> bool:
    """Whether the venue refuses that price; one that halts instead takes all prices."""
    prices = state.books[book]
    return bool(prices.halts == 0 and (price < prices.lower or price > prices.upper))
