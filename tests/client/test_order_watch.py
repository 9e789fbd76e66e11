"""Waiting for an order to change."""

from __future__ import annotations

from hftlab.client.order_watch import OrderWatch
from tests.trading.updates import fill, new_order, order_update, position, signed_in, welcome


async def test_a_state_that_an_order_soon_leaves_wakes_up() -> None:
    watch = OrderWatch()
    order = watch.blotter.track(new_order("a"), 5)
    with (
        watch.watching(order, lambda record: record.status == "PARTIALLY_FILLED") as partly,
        watch.watching(order, lambda record: record.status == "CANCELED") as canceled,
    ):
        for message in (order_update("a", sequence=1), fill("a", 2, 4.0, 4.0, 0.1), fill("a", 3, 10.0, 6.0, 0.1)):
            watch.receive(message)
        assert (partly.done(), canceled.done()) == (True, False)


async def test_other_orders_and_the_state_before_do_not() -> None:
    watch = OrderWatch()
    order = watch.blotter.track(new_order("a"), 5)
    watch.receive(order_update("a", sequence=1))
    with watch.watching(order, lambda _: True) as changed:
        watch.receive(order_update("b", sequence=2))
        watch.receive(position(3.0, sequence=3))
        assert not changed.done()
        watch.receive(fill("a", 4, 4.0, 4.0, 0.1))
        assert changed.done()
    watch.receive(fill("a", 5, 10.0, 6.0, 0.1))


async def test_it_knows_whose_orders_they_are() -> None:
    watch = OrderWatch()
    watch.receive(welcome())
    watch.receive(signed_in("bob"))
    assert watch.blotter.account == "bob"
