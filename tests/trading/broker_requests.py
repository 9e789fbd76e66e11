"""Requests of accounts to a broker of a scripted venue, and what it answers."""

from __future__ import annotations

from typing import Any

from hftlab.instruments import UNIT
from hftlab.protocol import (
    CancelOrder,
    NewOrder,
    OrderStatus,
    OrderType,
    OrderUpdate,
    ReplaceOrder,
    Side,
)
from hftlab.trading import AccountTerms
from hftlab.trading.broker import Broker
from tests.trading.scripted_venue import ScriptedVenue

FREE = {"*": AccountTerms(cash=100_000, commissions=None)}


def new(client_order_id: str = "a", **fields: Any) -> NewOrder:
    values = {
        "symbol": "AAPL",
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "quantity": 100.0,
        "price": 175.25,
    } | fields
    return NewOrder(timestamp=1.0, client_order_id=client_order_id, **values)


def cancel(client_order_id: str = "a") -> CancelOrder:
    return CancelOrder(timestamp=1.0, client_order_id=client_order_id)


def replace(client_order_id: str = "a", new_id: str = "b", **fields: Any) -> ReplaceOrder:
    return ReplaceOrder(timestamp=1.0, client_order_id=client_order_id, new_client_order_id=new_id, **fields)


def trading(latency: int = 0, terms: dict[str, AccountTerms] = FREE) -> tuple[Broker, ScriptedVenue]:
    venue = ScriptedVenue(latency=latency)
    venue.prices = {"AAPL": 175 * UNIT, "MSFT": 335 * UNIT}
    return Broker(venue, terms), venue


def of_order(items: list[Any]) -> list[OrderUpdate]:
    return [item.message for item in items if isinstance(item.message, OrderUpdate)]


def led_to(status: OrderStatus) -> tuple[Broker, ScriptedVenue]:
    """Return a broker whose account alice has the order `a` in a status."""
    broker, venue = trading(latency=1)
    if status is OrderStatus.REJECTED:
        broker.handle("alice", new(quantity=1e9), 1)
        return broker, venue
    broker.handle("alice", new(), 1)
    if status is OrderStatus.PENDING_NEW:
        return broker, venue
    venue.accept("ORD_1")
    match status:
        case OrderStatus.PARTIALLY_FILLED:
            venue.fill("ORD_1", 40, 175.25)
        case OrderStatus.FILLED:
            venue.fill("ORD_1", 100, 175.25)
        case OrderStatus.CANCELED:
            venue.cancel("ORD_1")
        case OrderStatus.EXPIRED:
            venue.expire("ORD_1")
    broker.collect()
    if status is OrderStatus.PENDING_CANCEL:
        broker.handle("alice", cancel(), 1)
    return broker, venue
