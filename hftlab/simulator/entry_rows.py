"""Requests of accounts as rows of the matching engine, and what is wrong with those that cannot be one."""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

from hftlab.book.matching import Action, EntryType, InForce, Prevention
from hftlab.book.matching.checks import MOST_LOTS
from hftlab.book.matching.entries import ENTRY
from hftlab.events import ASK, BID
from hftlab.protocol.enums import OrderType, SelfTradePrevention, Side, TimeInForce
from hftlab.simulator.entry_reasons import amount
from hftlab.simulator.live_orders import Listing, LiveOrder
from hftlab.trading.venue import New, OrderTerms, Replace

__all__ = ["cancel_row", "command_row", "new_order", "new_row", "replace_row", "replacement_problem"]

Row = tuple[int, ...]
"""Values of ENTRY's fields."""

_TYPES: Final = {one: int(EntryType[one.name]) for one in OrderType}
_IN_FORCE: Final = {one: int(InForce[one.name]) for one in TimeInForce}
_PREVENTIONS: Final = {one: int(Prevention[one.name]) for one in SelfTradePrevention}
_LIMITED: Final = {OrderType.LIMIT, OrderType.STOP_LIMIT, OrderType.ICEBERG}
_STOPS: Final = {OrderType.STOP, OrderType.STOP_LIMIT}
_RESTING: Final = {OrderType.LIMIT, OrderType.ICEBERG}
_NEW, _CANCEL, _REPLACE = int(Action.NEW), int(Action.CANCEL), int(Action.REPLACE)
assert ENTRY.itemsize == 18 * 8, "the rows below have a value for each field"


def new_order(account: str, request: New, listing: Listing) -> LiveOrder | str:
    """Return a new order in ticks and lots, or what is wrong with its terms."""
    terms = request.terms
    problem = _terms_problem(terms, listing)
    if problem is not None:
        return problem
    return LiveOrder(
        order_id=request.order_id,
        account=account,
        listing=listing,
        type=terms.type,
        in_force=terms.time_in_force,
        is_buy=terms.side is Side.BUY,
        quantity=terms.quantity // listing.lot,
        price=(terms.price or 0) // listing.tick,
        stop=(terms.stop_price or 0) // listing.tick,
        is_waiting=terms.type in _STOPS,
    )


def new_row(order: LiveOrder, terms: OrderTerms, owner: int, at: int) -> Row:
    """Return the row that enters an order."""
    listing = order.listing
    return (
        at, _NEW, listing.number, 0, owner, BID if terms.side is Side.BUY else ASK, _TYPES[terms.type],
        _IN_FORCE[terms.time_in_force], order.price, order.quantity, order.stop,
        min((terms.display_quantity or 0) // listing.lot, order.quantity), int(terms.post_only),
        _PREVENTIONS[terms.self_trade_prevention], 0, 0, 0, 0,
    )  # fmt: skip


def cancel_row(number: int, owner: int, at: int) -> Row:
    """Return the row that cancels an order of that number."""
    return (at, _CANCEL, 0, number, owner, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)


def replace_row(order: LiveOrder, request: Replace, owner: int, at: int) -> Row | str:
    """Return the row that replaces an order as it is now, or what is wrong with the request."""
    listing = order.listing
    problem = replacement_problem(order, request)
    if problem is not None:
        return problem
    quantity = order.quantity if request.quantity is None else request.quantity // listing.lot
    price = order.price if request.price is None else request.price // listing.tick
    stop = order.stop if request.stop_price is None else request.stop_price // listing.tick
    return (at, _REPLACE, 0, order.number, owner, 0, 0, 0, price, quantity - order.filled, stop, 0, 0, 0, 0, 0, 0, 0)


def command_row(action: Action, listing: Listing, at: int, price: int = 0, size: int = 0) -> Row:
    """Return the row of a command of the venue."""
    return (at, int(action), listing.number, 0, 0, 0, 0, 0, price, size, 0, 0, 0, 0, 0, 0, 0, 0)


def _terms_problem(terms: OrderTerms, listing: Listing) -> str | None:
    kind = terms.type
    problem = _quantity_problem("quantity", terms.quantity, listing)
    problem = problem or _price_problem("price", terms.price, kind, kind in _LIMITED, listing)
    problem = problem or _price_problem("stop_price", terms.stop_price, kind, kind in _STOPS, listing)
    if problem is not None:
        return problem
    if kind is OrderType.ICEBERG:
        if terms.display_quantity is None:
            return "display_quantity: an ICEBERG order needs one"
        problem = _quantity_problem("display_quantity", terms.display_quantity, listing)
        if problem is not None:
            return problem
    elif terms.display_quantity is not None:
        return f"display_quantity: only an ICEBERG order has one, not a {kind} order"
    if terms.post_only and not (kind in _RESTING and terms.time_in_force in (TimeInForce.DAY, TimeInForce.GTC)):
        return "post-only: only LIMIT and ICEBERG orders in force for DAY or GTC can be"
    return None


def replacement_problem(order: LiveOrder, request: Replace) -> str | None:
    """Return what is wrong with a replacement of an order as it is now; None if nothing is."""
    listing, kind = order.listing, order.type
    if request.quantity is not None:
        problem = _quantity_problem("quantity", request.quantity, listing)
        if problem is not None:
            return problem
        if request.quantity <= order.filled * listing.lot:
            filled = amount(order.filled * listing.lot)
            return f"quantity: {amount(request.quantity)} is not above the {filled} that are filled already"
    if request.price is not None:
        problem = _price_problem("price", request.price, kind, kind in _LIMITED, listing)
        if problem is not None:
            return problem
    if request.stop_price is not None:
        if not order.is_waiting and order.stop:
            return "stop_price: the stop has been triggered already"
        return _price_problem("stop_price", request.stop_price, kind, kind in _STOPS, listing)
    return None


def _quantity_problem(name: str, quantity: int, listing: Listing) -> str | None:
    if quantity <= 0:
        return f"{name}: {amount(quantity)} is not above 0"
    lots, rest = divmod(quantity, listing.lot)
    if rest:
        return f"{name}: {amount(quantity)} is not a multiple of the lot {amount(listing.lot)}"
    if lots > MOST_LOTS:
        return f"{name}: {amount(quantity)} is above the largest, {amount(MOST_LOTS * listing.lot)}"
    return None


def _price_problem(name: str, price: int | None, kind: OrderType, is_wanted: bool, listing: Listing) -> str | None:
    if not is_wanted:
        return None if price is None else f"{name}: a {kind} order has none"
    if price is None:
        return f"{name}: a {kind} order needs one"
    if price <= 0:
        return f"{name}: {amount(price)} is not above 0"
    if price > listing.highest * listing.tick:
        return f"{name}: {amount(price)} is above the highest, {amount(listing.highest * listing.tick)}"
    tick = listing.grids[bisect_right(listing.bounds, price) - 1]
    return f"{name}: {amount(price)} is not a multiple of the tick {amount(tick)}" if price % tick else None
