"""Mapping between integers of 1e-9 and the numbers of the wire."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.instruments import UNIT
from hftlab.protocol import NewOrder, OrderType, SelfTradePrevention, Side, UpdateType, decode, encode
from hftlab.trading import OrderTerms
from hftlab.trading.account import Portfolio
from hftlab.trading.orders import Order
from hftlab.trading.wire import from_units, order_update, portfolio_update, terms_of, to_units


class TestNumbers:
    @given(st.integers(-(2**62), 2**62))
    def test_units_become_the_nearest_double(self, units: int) -> None:
        assert from_units(units) == float(Decimal(units) / UNIT)

    @given(st.decimals(-(10**9), 10**9, allow_nan=False, places=6))
    def test_a_decimal_text_becomes_its_units(self, value: Decimal) -> None:
        """Every price and quantity that people write has at most six decimals: the integer is exact."""
        assert to_units(float(value)) == int(value * UNIT)

    @pytest.mark.parametrize("value", [9_007_199.254740993, 12_345_678.9, 515_000.01, 1e15, 1e18])
    def test_large_ones(self, value: float) -> None:
        assert to_units(value) == round(Decimal(repr(value)) * UNIT)


@pytest.mark.parametrize("units", [10**18 * UNIT, -(10**18) * UNIT, 10**42, -(10**42)])
def test_an_amount_beyond_the_wires_bounds_is_the_bound(units: int) -> None:
    portfolio = Portfolio(units, units, units, units, units, units, units, "USD")
    update = portfolio_update(portfolio, 1_000_000)
    assert decode(encode(update)) == update
    assert abs(update.buying_power) == 1e18
    assert (update.buying_power > 0) == (units > 0)


def test_terms_of_an_order() -> None:
    message = NewOrder(
        timestamp=1.0,
        client_order_id="a",
        symbol="AAPL",
        side=Side.SELL,
        order_type=OrderType.ICEBERG,
        quantity=100.0,
        price=175.25,
        display_quantity=10.0,
        post_only=True,
    )
    assert terms_of(message, SelfTradePrevention.DECREMENT) == OrderTerms(
        symbol="AAPL",
        side=Side.SELL,
        type=OrderType.ICEBERG,
        quantity=100 * UNIT,
        price=175_250_000_000,
        display_quantity=10 * UNIT,
        post_only=True,
        self_trade_prevention=SelfTradePrevention.DECREMENT,
    )


@given(st.integers(1, 10**15), st.integers(1, 10**18), st.integers(-(10**12), 10**12))
def test_an_update_of_any_order_is_valid_on_the_wire(price: int, quantity: int, commission: int) -> None:
    terms = OrderTerms(symbol="AAPL", side=Side.BUY, type=OrderType.LIMIT, quantity=quantity, price=price)
    order = Order(account="alice", order_id="ORD_1", client_order_id="a", terms=terms, commission=commission)
    order.filled, order.value = quantity, quantity * price
    update = order_update(order, UpdateType.NEW, 1_000_000)
    assert decode(encode(update)) == update
    assert update.average_price == price / UNIT
