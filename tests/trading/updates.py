"""Private messages of an account, as a server sends them."""

from __future__ import annotations

from typing import Any

import msgspec

from hftlab.protocol import (
    Ack,
    AuthSuccess,
    NewOrder,
    OrderStatus,
    OrderType,
    OrderUpdate,
    PortfolioUpdate,
    PositionSide,
    PositionUpdate,
    Side,
    UpdateType,
)

__all__ = ["fill", "new_order", "order_update", "portfolio", "position", "signed_in", "snapshot", "welcome"]


def new_order(name: str = "a", *, quantity: float = 10.0, price: float = 100.0) -> NewOrder:
    return NewOrder(
        timestamp=1.0,
        client_order_id=name,
        symbol="AAPL",
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        quantity=quantity,
        price=price,
    )


def order_update(
    name: str = "a",
    *,
    sequence: int | None = None,
    number: str | None = None,
    status: OrderStatus = OrderStatus.NEW,
    kind: UpdateType = UpdateType.NEW,
    quantity: float = 10.0,
    filled: float = 0.0,
    **more: Any,
) -> OrderUpdate:
    """An update of the order `number`, ORD_<name> if that is left out, at the time of its sequence in ms."""
    fields: dict[str, Any] = {
        "timestamp": float(sequence or 1),
        "channel": 0,
        "sequence": sequence,
        "order_id": number or f"ORD_{name}",
        "client_order_id": name,
        "symbol": "AAPL",
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "status": status,
        "quantity": quantity,
        "filled_quantity": filled,
        "remaining_quantity": quantity - filled,
        "price": 100.0,
        "update_type": kind,
    }
    return OrderUpdate(**fields | more)


def fill(name: str, sequence: int, filled: float, last: float, commission: float, **more: Any) -> OrderUpdate:
    """A fill of `last`, after which `filled` of 10 are; `commission` is that of all so far."""
    status = OrderStatus.FILLED if filled == 10.0 else OrderStatus.PARTIALLY_FILLED
    said = {"average_price": 100.0, "last_fill_price": 100.0, "last_fill_quantity": last, "commission": commission}
    return order_update(name, sequence=sequence, status=status, kind=UpdateType.FILL, filled=filled, **said | more)


def snapshot(update: OrderUpdate) -> OrderUpdate:
    return msgspec.structs.replace(update, snapshot=True, sequence=None)


def position(quantity: float, *, symbol: str = "AAPL", sequence: int | None = None) -> PositionUpdate:
    side = PositionSide.LONG if quantity > 0 else PositionSide.SHORT if quantity < 0 else PositionSide.FLAT
    return PositionUpdate(
        timestamp=float(sequence or 1),
        channel=0,
        sequence=sequence,
        symbol=symbol,
        quantity=quantity,
        average_price=100.0,
        current_price=101.0,
        market_value=101.0 * quantity,
        unrealized_pnl=quantity,
        realized_pnl=0.0,
        day_pnl=quantity,
        side=side,
        currency="USD",
        snapshot=sequence is None,
    )


def portfolio(cash: float = 1000.0, *, sequence: int | None = None) -> PortfolioUpdate:
    return PortfolioUpdate(
        timestamp=float(sequence or 1),
        channel=0,
        sequence=sequence,
        total_value=cash,
        cash=cash,
        market_value=0.0,
        buying_power=cash,
        unrealized_pnl=0.0,
        realized_pnl=0.0,
        day_pnl=0.0,
        snapshot=sequence is None,
    )


def welcome(session: str = "s1") -> Ack:
    return Ack(timestamp=1.0, message="welcome", session=session)


def signed_in(account: str = "alice") -> AuthSuccess:
    return AuthSuccess(timestamp=1.0, subject=account)
