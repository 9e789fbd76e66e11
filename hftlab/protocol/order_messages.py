"""Messages of trading: orders, and updates of orders, positions and the portfolio."""

from __future__ import annotations

from typing import Final, TypeAlias

from msgspec import field

from hftlab.html_table import facts_table
from hftlab.protocol.base import (
    Amount,
    Base,
    Currency,
    Milliseconds,
    Name,
    Price,
    Size,
    Symbol,
    TradedPrice,
    TradedSize,
)
from hftlab.protocol.enums import (
    Liquidity,
    OrderStatus,
    OrderType,
    PositionSide,
    SelfTradePrevention,
    Side,
    TimeInForce,
    UpdateType,
)
from hftlab.protocol.representation import number

__all__ = [
    "PRIVATE_CHANNEL",
    "PRIVATE_MESSAGES",
    "CancelAll",
    "CancelOrder",
    "NewOrder",
    "OrderUpdate",
    "PortfolioUpdate",
    "PositionUpdate",
    "PrivateMessage",
    "ReplaceOrder",
]

PRIVATE_CHANNEL: Final = 0
"""The channel of an account's order, position and portfolio updates."""


class OrderUpdate(Base, tag="ORDER_UPDATE", kw_only=True):
    """State of an order after a change; `update_type` is the change. Private to the order's account.

    `commission` is that of the whole order so far, a rebate below 0; `last_liquidity` is the order's role in the fill.
    With `snapshot` nothing has changed: the server tells a connection the state, outside of the private channel's
    sequence. `ts_event` is the venue's time where that is not about the time of sending: in a replay.
    """

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
    last_liquidity: Liquidity | None = None
    commission: Amount | None = None
    reason: str | None = None
    update_type: UpdateType
    stop_price: Price | None = None
    time_in_force: TimeInForce | None = None
    display_quantity: Size | None = None
    snapshot: bool = False
    ts_event: Milliseconds | None = None

    def __repr__(self) -> str:
        price = "" if self.price is None else f" {number(self.price)}"
        average = "" if self.average_price is None else f" at {number(self.average_price)}"
        filled = f", filled {number(self.filled_quantity)}{average}" if self.filled_quantity else ""
        reason = "" if self.reason is None else f", {self.reason}"
        return (
            f"OrderUpdate({self.client_order_id}: {self.side} {number(self.quantity)} {self.symbol}, "
            f"{self.order_type}{price}, {self.update_type} -> {self.status}{filled}{reason})"
        )


class PositionUpdate(Base, tag="POSITION_UPDATE", kw_only=True):
    """Position of an account in one symbol; `quantity` is negative for a short one. Amounts are in its currency.

    `realized_pnl` is net of commissions. With `snapshot` it is state outside of the private channel's sequence: at
    sign-in, and where only the price has moved. `ts_event` is as in ORDER_UPDATE.
    """

    symbol: Symbol
    quantity: Amount
    average_price: Price
    current_price: Price
    market_value: Amount
    unrealized_pnl: Amount = field(name="unrealizedPnL")
    realized_pnl: Amount = field(name="realizedPnL")
    day_pnl: Amount = field(name="dayPnL")
    side: PositionSide
    currency: Currency | None = None
    snapshot: bool = False
    ts_event: Milliseconds | None = None

    def _repr_html_(self) -> str:
        facts = {
            "quantity": f"{self.side} {abs(self.quantity):,.12g}",
            "average price": f"{self.average_price:,.12g}",
            "price": f"{self.current_price:,.12g}",
            "value": _money(self.market_value, self.currency),
            "unrealized profit": _money(self.unrealized_pnl, self.currency),
            "realized profit": _money(self.realized_pnl, self.currency),
            "profit of the day": _money(self.day_pnl, self.currency),
        }
        return facts_table(f"Position in {self.symbol}", facts)


class PortfolioUpdate(Base, tag="PORTFOLIO_UPDATE", kw_only=True):
    """Portfolio of an account, in `currency`. The document names this type; its fields are hftlab's own.

    With `snapshot` it is state outside of the private channel's sequence; after AUTH_SUCCESS it is the last message of
    the account's snapshot.
    """

    total_value: Amount
    cash: Amount
    market_value: Amount
    buying_power: Amount
    unrealized_pnl: Amount = field(name="unrealizedPnL")
    realized_pnl: Amount = field(name="realizedPnL")
    day_pnl: Amount = field(name="dayPnL")
    currency: Currency = "USD"
    snapshot: bool = False
    ts_event: Milliseconds | None = None

    def _repr_html_(self) -> str:
        amounts = {
            "value": self.total_value,
            "cash": self.cash,
            "positions": self.market_value,
            "buying power": self.buying_power,
            "unrealized profit": self.unrealized_pnl,
            "realized profit": self.realized_pnl,
            "profit of the day": self.day_pnl,
        }
        return facts_table("Portfolio", {name: _money(amount, self.currency) for name, amount in amounts.items()})


PrivateMessage: TypeAlias = OrderUpdate | PositionUpdate | PortfolioUpdate
PRIVATE_MESSAGES: Final = (OrderUpdate, PositionUpdate, PortfolioUpdate)
"""Types of the messages that belong to one account."""


class NewOrder(Base, tag="NEW_ORDER", kw_only=True):
    """New order. A second one with the same `client_order_id` has no effect.

    `price` goes with LIMIT, STOP_LIMIT and ICEBERG, `stop_price` with STOP and STOP_LIMIT, `display_quantity` (the part
    that is shown) with ICEBERG. None for `self_trade_prevention` is the account's own.
    """

    client_order_id: Name
    symbol: Symbol
    side: Side
    order_type: OrderType
    quantity: TradedSize
    price: TradedPrice | None = None
    stop_price: TradedPrice | None = None
    display_quantity: TradedSize | None = None
    time_in_force: TimeInForce = TimeInForce.DAY
    post_only: bool = False
    self_trade_prevention: SelfTradePrevention | None = None


class CancelOrder(Base, tag="CANCEL_ORDER", kw_only=True):
    """Cancellation of an order."""

    client_order_id: Name


class ReplaceOrder(Base, tag="REPLACE_ORDER", kw_only=True):
    """Replacement of an order's prices, its whole quantity (filled part included), or both; None leaves a value.

    The order has `new_client_order_id` from then on.
    """

    client_order_id: Name
    new_client_order_id: Name
    quantity: TradedSize | None = None
    price: TradedPrice | None = None
    stop_price: TradedPrice | None = None


class CancelAll(Base, tag="CANCEL_ALL", kw_only=True):
    """Cancellation of all open orders of the account, or of those in one `symbol`."""

    symbol: Symbol | None = None


def _money(amount: float, currency: str | None) -> str:
    return f"{amount:,.2f} {currency or ''}".rstrip()
