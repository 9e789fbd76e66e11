"""Nearest orders: the price that the market reaches first, whatever has come, moved and ended."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.simulator.nearest_orders import NearestOrders


@dataclass(eq=False)
class Order:
    number: int
    reach: int


@pytest.mark.parametrize("falling", [True, False])
@given(steps=st.lists(st.tuples(st.integers(1, 12), st.integers(0, 20)), max_size=200))
def test_it_is_the_best_of_all_that_are_live(falling: bool, steps: list[tuple[int, int]]) -> None:
    """Against a plain search: each step enters an order, moves it, or with the price 0 ends it."""
    nearest, live = NearestOrders(falling=falling), {}
    for number, price in steps:
        if price and number in live:
            live[number].reach = price
        elif price:
            live[number] = Order(number, price)
        elif number in live:
            live.pop(number).number = 0
        if price:
            nearest.add(live[number], len(live))
        prices = [order.reach for order in live.values()]
        assert nearest.nearest() == (None if not prices else max(prices) if falling else min(prices))


def test_what_has_ended_takes_no_memory() -> None:
    """Behind one order that stays the nearest."""
    nearest = NearestOrders(falling=True)
    nearest.add(Order(1, 1000), 1)
    for number in range(2, 5000):
        order = Order(number, number % 900)
        nearest.add(order, 2)
        order.number = 0
    assert len(nearest) < 100
    assert nearest.nearest() == 1000
