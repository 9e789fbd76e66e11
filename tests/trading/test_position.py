from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.instruments import Instrument
from hftlab.protocol.enums import PositionSide
from hftlab.trading.position import Position, price_currency
from tests.trading.units import AAPL, BITCOIN, VODAFONE, units


class TestAverage:
    def test_is_exact(self) -> None:
        position = Position(AAPL)
        position.fill(units("1"), units("10.00"), 0)
        position.fill(units("2"), units("10.01"), 0)
        assert position.average_price == Fraction(units("30.02"), 3)

    def test_stays_as_reductions_take_their_share(self) -> None:
        """A third of 0.00000001 is rounded; what is left over stays in the cost and goes with the last unit."""
        position = Position(replace(BITCOIN, tick=1))
        position.fill(units("3"), 3_333_333_333, 0)
        position.fill(units("1"), 3_333_333_335, 0)
        costs = [position.cost]
        for _ in range(4):
            position.fill(-units("1"), units("4"), 0)
            costs.append(position.cost)
        assert costs == [13_333_333_334, 10_000_000_000, 6_666_666_667, 3_333_333_333, 0]
        assert position.realized == units("16") - 13_333_333_334

    def test_of_nothing_is_zero(self) -> None:
        position = Position(AAPL)
        assert (position.average_price, position.market_value, position.unrealized) == (0, 0, 0)


class TestSide:
    def test_follows_the_quantity(self) -> None:
        position, sides = Position(AAPL), []
        for quantity in ("5", "-5", "-5"):
            position.fill(units(quantity), units("10"), 0)
            sides.append(position.side)
        assert sides == [PositionSide.LONG, PositionSide.FLAT, PositionSide.SHORT]


class TestMark:
    def test_is_the_last_price(self) -> None:
        """A fill is a trade as well: what was set before it, however long ago, counts no more."""
        position = Position(AAPL)
        position.mark = units("11")
        position.fill(units("5"), units("10"), 0)
        assert (position.mark, position.unrealized) == (units("10"), 0)
        position.mark = units("12")
        assert position.unrealized == units("10")


class TestPence:
    def test_amounts_are_whole_billionths_of_a_pound(self) -> None:
        position = Position(replace(VODAFONE, tick=1, lot=1, rule=None))
        assert position.fill(units("0.5"), 300, 0) == 200  # 150 is halfway between 100 and 200
        assert position.fill(units("0.5"), 700, 0) == 400  # 350 is halfway too
        position.fill(-units("0.25"), 700, 0)
        assert (position.cost, position.realized) == (400, 0)


class TestCurrency:
    def test_of_an_instrument_without_one_is_the_venues(self) -> None:
        assert price_currency(replace(AAPL, currency="")) == "USD"
        assert price_currency(replace(VODAFONE, currency="")) == "GBX"
        assert price_currency(replace(BITCOIN, currency="EUR")) == "EUR"


def test_shows_what_is_held() -> None:
    position = Position(AAPL)
    position.fill(-units("50"), units("10.25"), 0)
    assert repr(position) == "Position(AAPL, quantity=-50, average_price=10.25 USD)"


FILLS = st.lists(st.tuples(st.integers(-(10**12), 10**12).filter(bool), st.integers(1, 10**12)), max_size=30)


@given(FILLS, st.integers(1, 10**12), st.sampled_from([AAPL, VODAFONE]))
def test_paid_is_cost_less_what_is_realized(fills: list[tuple[int, int]], mark: int, instrument: Instrument) -> None:
    """And a position that is closed has cost nothing; costs have the sign of the quantity; an average is in range."""
    position, paid = Position(instrument), 0
    for quantity, price in fills:
        paid += position.fill(quantity, price, 0)
        assert paid == position.cost - position.realized
        assert position.quantity != 0 or position.cost == 0
        assert position.cost * position.quantity >= 0
    position.mark = mark
    assert position.realized + position.unrealized == position.market_value - paid
    assert position.quantity == sum(quantity for quantity, _ in fills)


@pytest.mark.parametrize("quantity", [1, -1])
def test_a_reduction_does_not_move_the_average_where_it_divides(quantity: int) -> None:
    position = Position(AAPL)
    position.fill(quantity * units("100"), units("10"), 0)
    position.fill(quantity * units("100"), units("12"), 0)
    position.fill(-quantity * units("50"), units("15"), 0)
    assert position.average_price == units("11")
    assert position.realized == quantity * units("200")
