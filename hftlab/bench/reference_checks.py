"""Reasons for which the slow matching engine refuses orders."""

from __future__ import annotations

from typing import Any

from hftlab.bench.reference_queues import IMMEDIATE, LIMITED, STOPS, Book, Order
from hftlab.book.matching.entries import EntryType, InForce, Prevention, Reason, TradingPhase, Trigger

__all__ = ["first_reference", "refusal", "replace_refusal"]


def refusal(books: list[Book], entry: Any, *, halts: bool) -> Reason | None:
    """Return why a new order is refused, None if it is not."""
    number, kind, in_force = int(entry["instrument"]), int(entry["type"]), int(entry["in_force"])
    if not 0 <= number < len(books):
        return Reason.UNKNOWN_INSTRUMENT
    book = books[number]
    if book.phase in (TradingPhase.HALTED, TradingPhase.CLOSED):
        return Reason.WRONG_PHASE
    if entry["side"] not in (ord("B"), ord("A")):
        return Reason.BAD_SIDE
    known = kind in list(EntryType) and in_force in list(InForce) and entry["prevention"] in list(Prevention)
    if not known or entry["post_only"] not in (0, 1):
        return Reason.BAD_TYPE
    if entry["post_only"] and (kind not in (EntryType.LIMIT, EntryType.ICEBERG) or in_force in IMMEDIATE):
        return Reason.BAD_TYPE
    trails = entry["trail"] != 0
    if entry["trigger"] not in list(Trigger) or (kind not in STOPS and (entry["trigger"] or trails)):
        return Reason.BAD_TYPE
    if entry["all_or_none"] not in (0, 1):
        return Reason.BAD_TYPE
    if entry["all_or_none"] and (kind != EntryType.LIMIT or in_force in IMMEDIATE or entry["post_only"]):
        return Reason.BAD_TYPE
    if not 1 <= entry["size"] <= 2**40:
        return Reason.BAD_SIZE
    derives = entry["trail"] > 0 and entry["stop"] == 0
    if kind in LIMITED and entry["price"] < book.lowest:
        return Reason.BAD_PRICE
    if kind in STOPS and entry["stop"] < book.lowest and not derives:
        return Reason.BAD_PRICE
    if trails and (entry["trail"] < 0 or entry["trail_step"] < 0):
        return Reason.BAD_TRAIL
    if derives and first_reference(book, entry) is None:
        return Reason.NO_REFERENCE
    if kind == EntryType.ICEBERG and not (entry["display"] > 0 and entry["size"] <= 1000 * int(entry["display"])):
        return Reason.BAD_DISPLAY
    if book.phase == TradingPhase.CALL and kind not in STOPS and (in_force in IMMEDIATE or entry["post_only"]):
        return Reason.WRONG_PHASE
    if kind in LIMITED and not halts and not book.lower <= entry["price"] <= book.upper:
        return Reason.OUT_OF_BAND
    if entry["post_only"] and book.crosses(entry["side"] == ord("B"), int(entry["price"])):
        return Reason.WOULD_TAKE
    return None


def first_reference(book: Book, entry: Any) -> int | None:
    """Return the price from which a trailing stop without a stop price is counted."""
    quote = book.quote(bool(entry["side"] == ord("B")))
    trigger = Trigger(int(entry["trigger"]))
    if trigger == Trigger.TRADE:
        return book.last
    return quote if trigger == Trigger.QUOTE or book.last is None else book.last


def replace_refusal(book: Book, order: Order, price: int, size: int, stop: int | None, *, halts: bool) -> Reason | None:
    """Return why an order is not replaced, None if it is."""
    has_limit = order.type in LIMITED
    if book.phase in (TradingPhase.HALTED, TradingPhase.CLOSED):
        return Reason.WRONG_PHASE
    if order.type == EntryType.MARKET:
        return Reason.BAD_TYPE
    if not 1 <= size <= 2**40:
        return Reason.BAD_SIZE
    if (has_limit and price < book.lowest) or (order.type in STOPS and stop is not None and stop < book.lowest):
        return Reason.BAD_PRICE
    if order.type == EntryType.ICEBERG and size > 1000 * order.display:
        return Reason.BAD_DISPLAY
    if has_limit and price != order.price and not halts and not book.lower <= price <= book.upper:
        return Reason.OUT_OF_BAND
    if order.post_only and book.phase == TradingPhase.CONTINUOUS and book.crosses(order.is_bid, price):
        return Reason.WOULD_TAKE
    return None
