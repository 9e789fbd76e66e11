"""Checks of the arguments of orders, and the messages made of them."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum
from numbers import Real
from typing import Final, TypeVar

from hftlab.bounds import LARGEST_PRICE, LARGEST_SIZE, check_symbol
from hftlab.errors import ArgumentError, ArgumentTypeError
from hftlab.nearest import nearest
from hftlab.protocol import NewOrder, OrderStatus, OrderType, ReplaceOrder, SelfTradePrevention, Side, TimeInForce
from hftlab.protocol.symbol_argument import symbol_name

__all__ = ["OrderIds", "client_order_id_text", "new_order", "replacement", "status_set", "timeout_seconds"]

EnumT = TypeVar("EnumT", bound=StrEnum)

_LONGEST_ID: Final = 128
_NUMBERS: Final = (float, int)
_PRICED: Final = (OrderType.LIMIT, OrderType.STOP_LIMIT, OrderType.ICEBERG)
_STOPPED: Final = (OrderType.STOP, OrderType.STOP_LIMIT)


class OrderIds:
    """Client order ids that no other client or process makes: a random prefix of 48 bits, and a number."""

    def __init__(self) -> None:
        self._prefix = secrets.token_hex(6)
        self._numbers = itertools.count(1)

    def next(self) -> str:
        """Return an id that has not been used."""
        return f"{self._prefix}-{next(self._numbers)}"


def new_order(
    side: Side,
    symbol: str,
    quantity: float,
    price: float | None,
    *,
    order_type: str | None,
    stop_price: float | None,
    display_quantity: float | None,
    time_in_force: str,
    post_only: bool,
    self_trade_prevention: str | None,
    client_order_id: str,
) -> NewOrder:
    """Make the message of a new order. Raises ValueError or TypeError, which name the value that is wrong."""
    given = {"price": price, "stop_price": stop_price, "display_quantity": display_quantity}
    if not isinstance(post_only, bool):
        raise ArgumentTypeError(f"post_only is True or False; got {post_only!r}")
    order = NewOrder(
        timestamp=1.0,  # the time of sending comes later
        client_order_id=client_order_id_text(client_order_id),
        symbol=check_symbol(symbol_name(symbol, "an order")),
        side=side,
        order_type=_order_type(order_type, given),
        quantity=_number("quantity", quantity, LARGEST_SIZE),
        price=_optional("price", price, LARGEST_PRICE),
        stop_price=_optional("stop_price", stop_price, LARGEST_PRICE),
        display_quantity=_optional("display_quantity", display_quantity, LARGEST_SIZE),
        time_in_force=_member("time_in_force", TimeInForce, time_in_force),
        post_only=post_only,
        self_trade_prevention=None
        if self_trade_prevention is None
        else _member("self_trade_prevention", SelfTradePrevention, self_trade_prevention),
    )
    if order.display_quantity is not None and order.display_quantity > order.quantity:
        raise ArgumentError(f"display_quantity is {display_quantity!r}, more than the order's quantity, {quantity!r}")
    if order.post_only and order.price is None:
        raise ArgumentError(f"post_only needs a price: an order of type {order.order_type} never rests in the book")
    return order


def replacement(
    client_order_id: str,
    new_client_order_id: str,
    *,
    quantity: float | None,
    price: float | None,
    stop_price: float | None,
) -> ReplaceOrder:
    """Make the message that replaces an order's terms. Raises ValueError or TypeError."""
    if quantity is None and price is None and stop_price is None:
        raise ArgumentError("nothing to replace: give a new quantity, price or stop_price")
    return ReplaceOrder(
        timestamp=1.0,
        client_order_id=client_order_id,
        new_client_order_id=client_order_id_text(new_client_order_id),
        quantity=None if quantity is None else _number("quantity", quantity, LARGEST_SIZE),
        price=None if price is None else _number("price", price, LARGEST_PRICE),
        stop_price=None if stop_price is None else _number("stop_price", stop_price, LARGEST_PRICE),
    )


def client_order_id_text(value: str) -> str:
    """Check a client order id. Raises TypeError or ValueError."""
    if not isinstance(value, str):
        raise ArgumentTypeError(f"a client order id is text, or give the order itself; got {value!r}")
    if not 1 <= len(value) <= _LONGEST_ID:
        raise ArgumentError(f"a client order id has 1 to {_LONGEST_ID} characters; got {len(value)}: {value[:20]!r}")
    return value


def timeout_seconds(value: float | None) -> float | None:
    """Check a time-out in seconds; None is no limit. Raises TypeError or ValueError."""
    if value is None:
        return None
    if type(value) not in _NUMBERS and (isinstance(value, bool) or not isinstance(value, Real)):
        raise ArgumentTypeError(f"timeout is a number of seconds; got {value!r}")
    if not value > 0:
        raise ArgumentError(f"timeout is in seconds, above 0; got {value!r}")
    return float(value)


def status_set(names: Iterable[str]) -> frozenset[OrderStatus]:
    """Find order states by their names, in either case. Raises ValueError or TypeError."""
    return frozenset(_member("status", OrderStatus, name) for name in names)


def _order_type(name: str | None, given: dict[str, float | None]) -> OrderType:
    """Find the type of an order, by its prices if it is not named, and check that they belong to it."""
    has_price, has_stop, has_display = (given[key] is not None for key in given)
    if name is None:
        limited = OrderType.ICEBERG if has_display else OrderType.LIMIT
        kind = limited if has_price else OrderType.MARKET
        if has_stop:
            kind = OrderType.STOP_LIMIT if has_price else OrderType.STOP
        if has_display and kind is OrderType.MARKET:
            raise ArgumentError("display_quantity is given without a price: an order that shows a part of itself rests")
    else:
        kind = _member("order_type", OrderType, name)
    wanted = {"price": kind in _PRICED, "stop_price": kind in _STOPPED, "display_quantity": kind is OrderType.ICEBERG}
    for key, is_wanted in wanted.items():
        if is_wanted and given[key] is None:
            raise ArgumentError(f"an order of type {kind} needs a {key}")
        if not is_wanted and given[key] is not None:
            raise ArgumentError(f"{key} is {given[key]!r}, and an order of type {kind} has none")
    return kind


def _optional(name: str, value: float | None, most: float) -> float | None:
    return None if value is None else _number(name, value, most)


def _number(name: str, value: float, most: float) -> float:
    # The usual types come first: the abstract class takes ten times as long.
    if type(value) not in _NUMBERS and (isinstance(value, bool) or not isinstance(value, Real | Decimal)):
        raise ArgumentTypeError(f"{name} is a number; got {value!r}")
    number = float(value)
    if not 0 < number <= most:  # no comparison with NaN holds
        raise ArgumentError(f"{name} is {value!r}: give a number above 0 and up to {most:.0e}")
    return number


def _member(name: str, kinds: type[EnumT], value: str) -> EnumT:
    """Find a member of an enumeration by its name, in either case."""
    if not isinstance(value, str):
        raise ArgumentTypeError(f"{name} is one of {', '.join(kinds)}; got {value!r}")
    found = kinds.__members__.get(value) or kinds.__members__.get(value.upper())
    if found is None:
        near = nearest(value, kinds)
        meant = "" if near is None else f" (nearest: {near})"
        raise ArgumentError(f"{name} is {value!r}{meant}: choose among {', '.join(kinds)}")
    return found
