"""Mapping of orders, positions and portfolios to the messages of the wire, and of messages to terms of orders.

Inside are integers of 1e-9, on the wire the numbers that people write. A number of the wire becomes the integer that
its decimal text gives, and back the nearest double.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Final

from hftlab.bounds import LARGEST_AMOUNT
from hftlab.clock import to_milliseconds
from hftlab.instruments import UNIT
from hftlab.protocol.enums import SelfTradePrevention, UpdateType
from hftlab.protocol.order_messages import NewOrder, OrderUpdate, PortfolioUpdate, PositionUpdate
from hftlab.trading.account import Portfolio, Position
from hftlab.trading.orders import Fill, Order
from hftlab.trading.venue import OrderTerms

__all__ = [
    "from_units",
    "optional_units",
    "order_update",
    "portfolio_update",
    "position_update",
    "terms_of",
    "to_units",
]

_EXACT: Final = 2.0**51 / UNIT
"""Below it the product with 1e9 is nearer to the right integer than to any other."""


def to_units(value: float) -> int:
    """Return a number of the wire in 1e-9 units, half a unit to even."""
    if -_EXACT < value < _EXACT:
        return round(value * UNIT)
    return round(Decimal(repr(value)) * UNIT)


def optional_units(value: float | None) -> int | None:
    """Return a number of the wire in 1e-9 units; None stays None."""
    return None if value is None else to_units(value)


def from_units(units: int | Fraction) -> float:
    """Return the double nearest to an amount of 1e-9 units."""
    return float(units / UNIT)


def terms_of(message: NewOrder, prevention: SelfTradePrevention) -> OrderTerms:
    """Return the terms that a NEW_ORDER asks for; `prevention` is the account's, for an order that names none."""
    return OrderTerms(
        symbol=message.symbol,
        side=message.side,
        type=message.order_type,
        quantity=to_units(message.quantity),
        price=optional_units(message.price),
        stop_price=optional_units(message.stop_price),
        display_quantity=optional_units(message.display_quantity),
        time_in_force=message.time_in_force,
        post_only=message.post_only,
        self_trade_prevention=prevention if message.self_trade_prevention is None else message.self_trade_prevention,
    )


def order_update(
    order: Order, kind: UpdateType, at: int, *, fill: Fill | None = None, snapshot: bool = False
) -> OrderUpdate:
    """Return the ORDER_UPDATE that tells an order's state after a change of that kind at `at` (ns)."""
    terms = order.terms
    return OrderUpdate(
        timestamp=to_milliseconds(at),
        order_id=order.order_id,
        client_order_id=order.client_order_id,
        symbol=terms.symbol,
        side=terms.side,
        order_type=terms.type,
        status=order.status,
        quantity=terms.quantity / UNIT,
        filled_quantity=order.filled / UNIT,
        remaining_quantity=order.remaining / UNIT,
        price=None if terms.price is None else terms.price / UNIT,
        average_price=order.value / (order.filled * UNIT) if order.filled else None,
        last_fill_price=None if fill is None else fill.price / UNIT,
        last_fill_quantity=None if fill is None else fill.quantity / UNIT,
        last_liquidity=None if fill is None else fill.liquidity,
        commission=order.commission / UNIT if order.filled else None,
        reason=order.reason,
        update_type=kind,
        stop_price=None if terms.stop_price is None else terms.stop_price / UNIT,
        display_quantity=None if terms.display_quantity is None else terms.display_quantity / UNIT,
        time_in_force=terms.time_in_force,
        snapshot=snapshot,
    )


def position_update(position: Position, at: int, *, snapshot: bool = False) -> PositionUpdate:
    """Return the POSITION_UPDATE of a position, with amounts in its instrument's currency."""
    return PositionUpdate(
        timestamp=to_milliseconds(at),
        symbol=position.instrument.wire_symbol,
        quantity=_amount(position.quantity),
        average_price=from_units(position.average_price),
        current_price=from_units(position.mark or 0),
        market_value=_amount(position.market_value),
        unrealized_pnl=_amount(position.unrealized),
        realized_pnl=_amount(position.realized),
        day_pnl=_amount(position.day_pnl),
        side=position.side,
        currency=position.instrument.currency or None,
        snapshot=snapshot,
    )


def portfolio_update(portfolio: Portfolio, at: int, *, snapshot: bool = False) -> PortfolioUpdate:
    """Return the PORTFOLIO_UPDATE of a portfolio, in its currency."""
    return PortfolioUpdate(
        timestamp=to_milliseconds(at),
        total_value=_amount(portfolio.total_value),
        cash=_amount(portfolio.cash),
        market_value=_amount(portfolio.market_value),
        buying_power=_amount(portfolio.buying_power),
        unrealized_pnl=_amount(portfolio.unrealized),
        realized_pnl=_amount(portfolio.realized),
        day_pnl=_amount(portfolio.day_pnl),
        currency=portfolio.currency,
        snapshot=snapshot,
    )


def _amount(units: int | Fraction) -> float:
    """Return an amount that the wire can carry: one beyond its bounds, such as of an absurd order, is the bound."""
    return max(-LARGEST_AMOUNT, min(LARGEST_AMOUNT, from_units(units)))
