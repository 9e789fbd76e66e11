"""Open exposure, kept order by order, is the sum over the open orders."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from hftlab.protocol import OrderStatus, Side
from hftlab.trading.open_exposure import OpenExposure
from hftlab.trading.orders import Order
from tests.trading.test_orders import TERMS

CHANGES = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 100), st.integers(0, 1_000), st.booleans()), max_size=40)


@given(CHANGES)
def test_it_is_the_sum_of_what_is_open(changes: list[tuple[int, int, int, bool]]) -> None:
    """Orders of two symbols and both sides change, end and come again; a slow sum is the oracle."""
    exposure = OpenExposure()
    orders: dict[int, tuple[Order, int]] = {}
    for number, left, cost, is_over in changes:
        terms = msgspec.structs.replace(
            TERMS,
            symbol="AAPL" if number < 3 else "MSFT",
            side=Side.BUY if number % 2 else Side.SELL,
            quantity=left,
        )
        one = Order(account="a", order_id=str(number), client_order_id="", terms=terms, status=OrderStatus.NEW)
        if is_over:
            exposure.drop(one)
            orders.pop(number, None)
        else:
            exposure.set(one, cost)
            orders[number] = one, cost
        for symbol in ("AAPL", "MSFT"):
            for without in (None, *(order for order, _ in orders.values() if order.terms.symbol == symbol)):
                found = exposure.of(symbol, without=without)
                counted = [pair for pair in orders.values() if pair[0] is not without]
                here = [order for order, _ in counted if order.terms.symbol == symbol]
                assert found.buy_quantity == sum(order.remaining for order in here if order.sign > 0)
                assert found.sell_quantity == sum(order.remaining for order in here if order.sign < 0)
                assert found.notional == sum(cost for _, cost in counted)
    for order, _ in orders.values():
        exposure.drop(order)
    assert exposure.notional == 0
    assert vars(exposure)["_orders"] == {}
