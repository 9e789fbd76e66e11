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
from hftlab.trading.orders import FINAL, Fill, Order
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
    terms, status, filled = order.terms, order.status, order.filled
    whole, price = terms.quantity, terms.price
    update = OrderUpdate(
        timestamp=to_milliseconds(at),
        order_id=order.order_id,
        client_order_id=order.client_order_id,
        symbol=terms.symbol,
        side=terms.side,
        order_type=terms.type,
        status=status,
        quantity=whole / UNIT,
        filled_quantity=filled / UNIT,
        remaining_quantity=0.0 if status in FINAL else (whole - filled) / UNIT,
        price=None if price is None else price / UNIT,
        reason=order.reason,
        update_type=kind,
        time_in_force=terms.time_in_force,
    )
    # What few updates have comes afterwards: a call with all the names takes three times as long.
    if filled:
        update.average_price = order.value / (filled * UNIT)
        update.commission = order.commission / UNIT
    if fill is not None:
        update.last_fill_price = fill.price / UNIT
        update.last_fill_quantity = fill.quantity / UNIT
        update.last_liquidity = fill.liquidity
    if terms.stop_price is not None:
        update.stop_price = terms.stop_price / UNIT
    if terms.display_quantity is not None:
        update.display_quantity = terms.display_quantity / UNIT
    if snapshot:
        update.snapshot = True
    return update


def position_update(position: Position, at: int, *, snapshot: bool = False) -> PositionUpdate:
    """Return the POSITION_UPDATE of a position, with amounts in its instrument's currency."""
    value, realized = position.market_value, position.realized
    unrealized = value - position.cost
    return PositionUpdate(
        timestamp=to_milliseconds(at),
        symbol=position.instrument.wire_symbol,
        quantity=_amount(position.quantity),
        average_price=position.cost / position.quantity if position.quantity else 0.0,  # the nearest double, as all
        current_price=from_units(position.mark or 0),
        market_value=_amount(value),
        unrealized_pnl=_amount(unrealized),
        realized_pnl=_amount(realized),
        day_pnl=_amount(realized + unrealized - position.day_base),
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


def _amount(units: int) -> float:
    """Return an amount that the wire can carry: one beyond its bounds, such as of an absurd order, is the bound."""
    amount = units / UNIT
    if -LARGEST_AMOUNT <= amount <= LARGEST_AMOUNT:
        return amount
    return LARGEST_AMOUNT if amount > 0 else -LARGEST_AMOUNT
