"""Customer of a broker: its orders' ids over replacements, what they reserve, and its state."""

from __future__ import annotations

import msgspec

from hftlab.instruments import UNIT, find_instrument
from hftlab.protocol import OrderStatus, OrderUpdate, PortfolioUpdate, PositionUpdate, UpdateType
from hftlab.trading import AccountTerms, Liquidity, VenueUpdate
from hftlab.trading.customer import Customer
from hftlab.trading.orders import Order
from tests.trading.test_orders import TERMS


def customer(cash: float = 100_000) -> Customer:
    instrument = find_instrument("AAPL")
    assert instrument is not None
    return Customer("alice", AccountTerms(cash=cash, commissions=None), {"AAPL": instrument})


def entered(one: Customer, number: int = 1) -> Order:
    order = Order(account="alice", order_id=f"ORD_{number}", client_order_id=f"c{number}", terms=TERMS)
    order.status, order.is_accepted = OrderStatus.NEW, True
    one.orders.add(order)
    one.reserve(order, 175 * UNIT)
    return order


class TestReplacements:
    def test_each_ends_with_its_id_or_frees_it(self) -> None:
        """Two are on the way: the first is refused, the second done."""
        one = customer()
        order = entered(one)
        one.await_replacement(order, "first", TERMS)
        one.await_replacement(order, "second", TERMS)
        assert one.orders.find("first") is one.orders.find("second") is order
        one.end_replacement(order, is_done=False)
        assert (order.client_order_id, one.orders.find("first")) == ("c1", None)
        one.end_replacement(order, is_done=True)
        assert (order.client_order_id, one.orders.find("c1")) == ("second", order)

    def test_each_finds_the_order_when_it_is_done_however_many_are_on_their_way(self) -> None:
        one = customer()
        order = entered(one)
        names = [f"r{number}" for number in range(300)]
        for name in names:
            one.await_replacement(order, name, TERMS)
        for name in names:
            one.end_replacement(order, is_done=True)
            assert order.client_order_id == name
            assert one.orders.find(name) is order

    def test_one_of_the_venues_own_changes_no_id(self) -> None:
        one = customer()
        order = entered(one)
        one.end_replacement(order, is_done=True)
        assert order.client_order_id == "c1"

    def test_one_that_keeps_its_id(self) -> None:
        one = customer()
        order = entered(one)
        one.await_replacement(order, "c1", TERMS)
        one.end_replacement(order, is_done=False)
        assert one.orders.find("c1") is order


def test_replacements_on_their_way_take_buying_power_too() -> None:
    """The largest quantity counts, at the highest price, until the replacements are answered."""
    one = customer()
    order = entered(one)
    more = msgspec.structs.replace(TERMS, quantity=200 * UNIT)
    for client_order_id, terms in (("more", more), ("dearer", msgspec.structs.replace(TERMS, price=180 * UNIT))):
        one.await_replacement(order, client_order_id, terms)
    one.reserve(order, 175 * UNIT)
    assert one.exposure("AAPL").buy_quantity == 200 * UNIT
    assert one.portfolio().buying_power == (100_000 - 200 * 180) * UNIT
    one.end_replacement(order, is_done=False)
    one.reserve(order, 175 * UNIT)
    assert one.portfolio().buying_power == (100_000 - 100 * 180) * UNIT


def test_open_orders_take_buying_power_until_they_are_over() -> None:
    one = customer()
    order = entered(one)
    assert one.portfolio().buying_power == (100_000 - 17_500) * UNIT
    assert one.exposure("AAPL").buy_quantity == 100 * UNIT
    assert one.exposure("AAPL", without=order)[:3] == (0, 0, 0)
    one.release(order)
    assert one.portfolio().buying_power == 100_000 * UNIT
    assert (list(one.orders), one.orders.finished) == ([], [order])


def test_its_state_ends_with_the_portfolio() -> None:
    one = customer()
    order, other = entered(one), entered(one, 2)
    fill = VenueUpdate(
        at=3,
        account="alice",
        order_id="ORD_1",
        kind=UpdateType.FILL,
        quantity=100 * UNIT,
        price=174 * UNIT,
        liquidity=Liquidity.MAKER,
    )
    order.apply(fill)
    assert one.fill(order, fill).commission == 0
    one.release(order)
    told = [type(message) for message in one.state(4)]
    assert told == [OrderUpdate, PositionUpdate, PortfolioUpdate]
    first, second, position, portfolio = one.state(4, with_finished=True)
    assert isinstance(first, OrderUpdate)
    assert isinstance(second, OrderUpdate)
    assert (first.client_order_id, second.client_order_id) == ("c1", other.client_order_id)
    assert (first.status, first.update_type) == ("FILLED", "FILL")
    assert isinstance(position, PositionUpdate)
    assert position.quantity == 100.0
    assert isinstance(portfolio, PortfolioUpdate)
    assert portfolio.cash == 100_000 - 17_400
