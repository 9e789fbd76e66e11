"""Orders of an account: found by every clientOrderId that they have had, and bounded once they are over."""

from __future__ import annotations

from hftlab.trading.order_list import OrderList
from hftlab.trading.orders import Order
from tests.trading.test_orders import TERMS


def order(number: int) -> Order:
    return Order(account="alice", order_id=f"ORD_{number}", client_order_id=f"c{number}", terms=TERMS)


def test_each_id_of_an_order_finds_it() -> None:
    orders, one = OrderList(), order(1)
    orders.add(one)
    orders.name(one, "renamed")
    assert orders.find("c1") is orders.find("renamed") is one
    assert orders.is_later(one, "renamed", than="c1")
    assert not orders.is_later(one, "c1", than="renamed")
    assert not orders.is_later(one, "c1", than="c1")
    orders.unname(one, "renamed")
    assert orders.find("renamed") is None
    orders.unname(order(2), "c1")  # another order's
    assert orders.find("c1") is one


def test_open_ones_are_listed_in_the_order_of_their_entry() -> None:
    orders = OrderList()
    entered = [order(number) for number in range(3)]
    for one in entered:
        orders.add(one)
    orders.close(entered[1])
    assert list(orders) == [entered[0], entered[2]]
    assert (len(orders), orders.finished) == (2, [entered[1]])


def test_the_oldest_that_are_over_are_forgotten_with_their_ids() -> None:
    orders = OrderList(most_finished=2)
    for number in range(1_000):
        one = order(number)
        orders.add(one)
        orders.name(one, f"renamed {number}")
        orders.close(one)
        orders.close(one)  # twice is once
    assert [one.order_id for one in orders.finished] == ["ORD_998", "ORD_999"]
    assert orders.find("c997") is orders.find("renamed 997") is None
    assert orders.find("renamed 998") is orders.finished[0]
    assert len(vars(orders)["_by_client_id"]) == 4
    assert vars(orders)["_client_ids"].keys() == {"ORD_998", "ORD_999"}


def test_one_that_is_replaced_without_end_keeps_its_first_and_newest_ids() -> None:
    orders, one = OrderList(), order(1)
    orders.add(one)
    for number in range(1_000):
        orders.name(one, f"renamed {number}")
    assert orders.find("c1") is orders.find("renamed 900") is orders.find("renamed 999") is one
    assert orders.find("renamed 899") is None
    assert len(vars(orders)["_by_client_id"]) == 101
    orders.name(order(2), "renamed 899")  # free again
    orders.unname(one, "renamed 899")
    assert orders.find("renamed 899") is not None
