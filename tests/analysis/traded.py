"""Session of two accounts that have traded one symbol, for the tests of tables and figures of trading."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hftlab.protocol import MarketData, OrderUpdate, PositionUpdate
from hftlab.protocol.enums import OrderStatus, OrderType, PositionSide, Side, TimeInForce, UpdateType
from hftlab.session import Session, SessionWriter, open_session
from tests.protocol.conftest import symbol

MS = 1_000_000
START = 1_767_364_200 * 10**9


def order(name: str, order_id: str, update_type: UpdateType, status: OrderStatus, **values: Any) -> OrderUpdate:
    """Make an ORDER_UPDATE of a buy of 100, unless the values say otherwise."""
    quantity, filled = values.pop("quantity", 100.0), values.pop("filled", 0.0)
    return OrderUpdate(
        timestamp=START / MS,
        order_id=order_id,
        client_order_id=name,
        symbol="A",
        side=values.pop("side", Side.BUY),
        order_type=OrderType.LIMIT,
        status=status,
        quantity=quantity,
        filled_quantity=filled,
        remaining_quantity=quantity - filled,
        price=values.pop("price", 10.01),
        update_type=update_type,
        **values,
    )


def fill(name: str, order_id: str, price: float, quantity: float, **values: Any) -> OrderUpdate:
    """Make an ORDER_UPDATE of an execution."""
    return order(
        name, order_id, UpdateType.FILL, OrderStatus.PARTIALLY_FILLED,
        last_fill_price=price, last_fill_quantity=quantity, **values,
    )  # fmt: skip


def position(quantity: float, realized: float, unrealized: float) -> PositionUpdate:
    """Make a POSITION_UPDATE."""
    return PositionUpdate(
        timestamp=START / MS,
        symbol="A",
        quantity=quantity,
        average_price=10.0,
        current_price=10.0,
        market_value=quantity * 10.0,
        unrealized_pnl=unrealized,
        realized_pnl=realized,
        day_pnl=realized + unrealized,
        side=PositionSide.LONG if quantity > 0 else PositionSide.SHORT,
        currency="USD",
    )


def record(folder: Path) -> Session:
    """Record two fills of an order of alice, one of another, one of bob's, and what became of four more orders."""
    writer = SessionWriter(folder, source={"name": "test"})
    told = [
        (None, 0, market(9.99, 10.01)),
        ("alice", 1, fill("a-1", "ORD_1", 10.0, 60.0, filled=60.0, commission=0.18)),
        ("alice", 1, position(60.0, -0.18, 0.0)),
        (None, 1, market(9.99, 10.01)),
        ("alice", 2, fill("a-1", "ORD_1", 10.01, 40.0, filled=100.0, commission=0.3)),
        ("bob", 3, fill("b-1", "ORD_1", 10.03, 5.0, filled=5.0, commission=0.5)),
        ("bob", 3, position(5.0, -0.5, 0.1)),
        (None, 3, market(10.0, 10.02)),
        ("alice", 4, fill("a-2", "ORD_2", 10.02, 30.0, filled=30.0, commission=-0.06, side=Side.SELL)),
        ("alice", 4, position(70.0, 0.06, 0.7)),
        ("alice", 5, refused("a-3", "tick: the price 10.001 is not a multiple of 0.01", price=10.001)),
        ("alice", 6, ended("a-4", "fill or kill: not fillable", TimeInForce.FOK)),
        ("alice", 7, ended("a-5", "requested", TimeInForce.DAY)),
        ("alice", 8, refused("a-6", "unknown order")),
        ("alice", 9, refused("a-7", "tick: told again", snapshot=True)),
        ("alice", 9, fill("a-8", "ORD_1", 10.01, 40.0, filled=100.0, commission=0.3, snapshot=True)),
    ]
    for account, at, message in told:
        writer.append(message, START + at * MS, account=account)
    writer.close()
    return open_session(folder)


def market(bid: float, ask: float) -> MarketData:
    """Make a MARKET_DATA with one symbol."""
    return MarketData(timestamp=START / MS, symbols=[symbol("A", bid=bid, ask=ask, timestamp=START / MS)])


def refused(name: str, reason: str, **values: Any) -> OrderUpdate:
    """Make an ORDER_UPDATE of an order of one that was refused."""
    return order(name, name, UpdateType.REJECT, OrderStatus.REJECTED, reason=reason, quantity=1.0, **values)


def ended(name: str, reason: str, time_in_force: TimeInForce) -> OrderUpdate:
    """Make an ORDER_UPDATE of an order that was cancelled."""
    return order(name, name, UpdateType.CANCEL, OrderStatus.CANCELED, reason=reason, time_in_force=time_in_force)
