"""Handles of orders."""

from __future__ import annotations

import inspect

import msgspec
import pytest

from hftlab.protocol import OrderType
from hftlab.trading.blotter import Blotter
from hftlab.trading.order_handle import OrderHandle
from hftlab.trading.order_record import OrderRecord
from tests.trading.updates import fill, new_order, order_update


def test_a_handle_is_live() -> None:
    blotter = Blotter()
    order = OrderHandle(blotter.track(new_order("a"), 5))
    record = order.record
    blotter.receive(fill("a", 1, 4.0, 4.0, 0.1))
    assert (order.status, order.filled_quantity, order.remaining_quantity) == ("PARTIALLY_FILLED", 4.0, 6.0)
    assert (record.status, record.filled_quantity) == ("PENDING_NEW", 0.0)


def test_it_has_every_field_of_the_record() -> None:
    names = {name for name, _ in inspect.getmembers(OrderHandle, lambda one: isinstance(one, property))}
    fields = {field.name for field in msgspec.structs.fields(OrderRecord)}
    assert fields - names == {"update_type", "is_acknowledged"}
    order = OrderHandle(Blotter().track(new_order("a"), 5))
    assert all(getattr(order, name) == getattr(order.record, name) for name in fields & names)


@pytest.mark.parametrize(
    ("update", "shown"),
    [
        (order_update(), "<order a: BUY 10 AAPL, LIMIT 100, NEW>"),
        (fill("a", 1, 4.0, 4.0, 0.1, average_price=99.125), "PARTIALLY_FILLED, 4 of 10 at 99.125>"),
        (order_update(reason="late", quantity=1_234_567.0), "BUY 1,234,567 AAPL, LIMIT 100, NEW (late)>"),
        (
            order_update(order_type=OrderType.STOP_LIMIT, stop_price=101.5, time_in_force="GTC"),
            "STOP_LIMIT 100 stop 101.5, GTC",
        ),
        (order_update(order_type=OrderType.ICEBERG, display_quantity=2.0), "ICEBERG 100 showing 2"),
    ],
)
def test_it_says_what_is_ordered_and_what_became_of_it(update: object, shown: str) -> None:
    blotter = Blotter()
    blotter.receive(update)
    (order,) = map(OrderHandle, blotter.orders)
    assert shown in repr(order)
    assert "server&#x27;s id" in order._repr_html_()
