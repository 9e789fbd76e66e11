"""Orders on the wire, and what became of them: orders, positions, the portfolio."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from hftlab.protocol.base import (
    Amount,
    Base,
    Currency,
    Name,
    Price,
    Size,
    Symbol,
    TradedPrice,
)
from hftlab.protocol.enums import OrderStatus, OrderType, PositionSide, Side, TimeInForce, UpdateType

__all__ = ["CancelOrder", "NewOrder", "OrderUpdate", "PortfolioUpdate", "PositionUpdate", "ReplaceOrder"]


class OrderUpdate(Base, tag="ORDER_UPDATE", kw_only=True):
    order_id: Name
    client_order_id: str
    symbol: Symbol
    side: Side
    order_type: OrderType
    status: OrderStatus
    quantity: Size
    filled_quantity: Size
    remaining_quantity: Size
    price: Price | None = None
    average_price: Price | None = None
    last_fill_price: Price | None = None
    last_fill_quantity: Size | None = None
    commission: Amount | None = None
    reason: str | None = None
    update_type: UpdateType


class PositionUpdate(Base, tag="POSITION_UPDATE", kw_only=True):
    symbol: Symbol
    quantity: Amount
    average_price: Price
    current_price: Price
    market_value: Amount
    unrealized_pnl: Amount = field(name="unrealizedPnL")
    realized_pnl: Amount = field(name="realizedPnL")
    day_pnl: Amount = field(name="dayPnL")
    side: PositionSide


class PortfolioUpdate(Base, tag="PORTFOLIO_UPDATE", kw_only=True):
    """The document names this type and leaves its fields open; these are ours, all in `currency`."""

    total_value: Amount
    cash: Amount
    market_value: Amount
    buying_power: Amount
    unrealized_pnl: Amount = field(name="unrealizedPnL")
    realized_pnl: Amount = field(name="realizedPnL")
    day_pnl: Amount = field(name="dayPnL")
    currency: Currency = "USD"


class NewOrder(Base, tag="NEW_ORDER", kw_only=True):
    """Sending one `client_order_id` twice does nothing twice."""

    client_order_id: Name
    symbol: Symbol
    side: Side
    order_type: OrderType
    quantity: Annotated[float, Meta(gt=0, le=1e15)]
    price: TradedPrice | None = None
    stop_price: TradedPrice | None = None
    display_quantity: Annotated[float, Meta(gt=0, le=1e15)] | None = None
    time_in_force: TimeInForce = TimeInForce.DAY
    post_only: bool = False


class CancelOrder(Base, tag="CANCEL_ORDER", kw_only=True):
    client_order_id: Name


class ReplaceOrder(Base, tag="REPLACE_ORDER", kw_only=True):
    client_order_id: Name
    new_client_order_id: Name
    quantity: Annotated[float, Meta(gt=0, le=1e15)] | None = None
    price: TradedPrice | None = None
