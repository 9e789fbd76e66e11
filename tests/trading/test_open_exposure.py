"""Open exposure, kept order by order, is the sum over the open orders."""

from __future__ import annotations

from fractions import Fraction

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from hftlab.instruments import find_instrument
from hftlab.protocol import OrderStatus, Side
from hftlab.trading.open_exposure import OpenExposure
from hftlab.trading.orders import Order
from hftlab.trading.position import Position
from tests.trading.test_orders import TERMS


def position(symbol: str, quantity: int) -> Position:
    instrument = find_instrument(symbol)
    assert instrument is not None
    one = Position(instrument)
    one.quantity = quantity
    return one


CHANGES = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 100), st.integers(0, 1_000), st.booleans()), max_size=40)


def slow_notional(orders: list[tuple[Order, int]], held: dict[str, int]) -> Fraction:
    """The cost of what is beyond the quantity that closes each position, as exact fractions."""
    total = Fraction(0)
    for symbol in held:
        for sign in (1, -1):
            here = [(one, cost) for one, cost in orders if one.terms.symbol == symbol and one.sign == sign]
            quantity = sum(one.remaining for one, _ in here)
            closes = max(0, -sign * held[symbol])
            if quantity > closes:
                total += Fraction(sum(cost for _, cost in here) * (quantity - closes), quantity)
    return total


@example([(0, 0, 0, False), (1, 0, 0, False), (0, 0, 0, True)], 0, 0)
@given(CHANGES, st.integers(-150, 150), st.integers(-150, 150))
def test_it_is_the_sum_of_what_is_open(changes: list[tuple[int, int, int, bool]], apple: int, microsoft: int) -> None:
    """Orders of two symbols and both sides change, end and come again; a slow sum is the oracle."""
    exposure = OpenExposure()
    held = {"AAPL": apple, "MSFT": microsoft}
    positions = {symbol: position(symbol, quantity) for symbol, quantity in held.items()}
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
            exposure.set(one, one.remaining, cost)
            orders[number] = one, cost
        for symbol in held:
            for without in (None, *(order for order, _ in orders.values() if order.terms.symbol == symbol)):
                found = exposure.of(symbol, positions, without=without)
                counted = [pair for pair in orders.values() if pair[0] is not without]
                here = [order for order, _ in counted if order.terms.symbol == symbol]
                assert found.buy_quantity == sum(order.remaining for order in here if order.sign > 0)
                assert found.sell_quantity == sum(order.remaining for order in here if order.sign < 0)
                assert 0 <= slow_notional(counted, held) - found.notional < 4  # each side is rounded down
    for order, _ in orders.values():
        exposure.drop(order)
    assert exposure.notional(positions) == 0
    assert vars(exposure) == {"_orders": {}, "_symbols": {}}
