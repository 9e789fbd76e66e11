"""Arguments of orders: what type of order they make, and what is wrong with them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from hftlab.protocol import NewOrder, Side, encode
from hftlab.trading.order_arguments import OrderIds, client_order_id_text, new_order, replacement, status_set

TERMS: dict[str, Any] = {
    "order_type": None,
    "stop_price": None,
    "display_quantity": None,
    "time_in_force": "DAY",
    "post_only": False,
    "self_trade_prevention": None,
    "client_order_id": "a",
}


def made(symbol: Any = "AAPL", quantity: Any = 10, price: Any = None, **terms: Any) -> NewOrder:
    return new_order(Side.BUY, symbol, quantity, price, **TERMS | terms)


@pytest.mark.parametrize(
    ("terms", "kind"),
    [
        ({}, "MARKET"),
        ({"price": 100}, "LIMIT"),
        ({"stop_price": 99}, "STOP"),
        ({"price": 100, "stop_price": 99}, "STOP_LIMIT"),
        ({"price": 100, "display_quantity": 2}, "ICEBERG"),
        ({"price": 100, "order_type": "limit"}, "LIMIT"),
    ],
)
def test_the_prices_say_what_type_it_is(terms: dict[str, Any], kind: str) -> None:
    assert made(**terms).order_type == kind


def test_the_message_is_one_of_the_wire() -> None:
    order = made(
        "BTCUSD",
        np.float64(1.5),
        Decimal("27000.5"),
        time_in_force="ioc",
        self_trade_prevention="cancel_both",
        post_only=True,
    )
    assert (order.quantity, order.price, order.time_in_force) == (1.5, 27000.5, "IOC")
    assert (order.self_trade_prevention, order.post_only) == ("CANCEL_BOTH", True)
    assert b'"quantity":3.0' in encode(made(quantity=np.int64(3)))


@pytest.mark.parametrize(
    ("terms", "error", "text"),
    [
        ({"symbol": ""}, ValueError, "'' is not a symbol"),
        ({"symbol": 5}, TypeError, "an order takes one symbol, such as 'AAPL'; got 5"),
        ({"quantity": 0}, ValueError, "quantity is 0: give a number above 0"),
        ({"quantity": float("nan")}, ValueError, "quantity is nan"),
        ({"quantity": 1e19}, ValueError, r"quantity is 1e\+19.*up to 1e\+18"),
        ({"quantity": "10"}, TypeError, "quantity is a number; got '10'"),
        ({"quantity": True}, TypeError, "quantity is a number; got True"),
        ({"price": -5}, ValueError, "price is -5"),
        ({"order_type": "LIMIT"}, ValueError, "an order of type LIMIT needs a price"),
        ({"order_type": "STOP"}, ValueError, "an order of type STOP needs a stop_price"),
        ({"order_type": "MARKET", "price": 5}, ValueError, "price is 5, and an order of type MARKET has none"),
        ({"order_type": "LIMT", "price": 5}, ValueError, r"order_type is 'LIMT' \(nearest: LIMIT\): choose"),
        ({"display_quantity": 2}, ValueError, "display_quantity is given without a price"),
        ({"price": 5, "stop_price": 4, "display_quantity": 2}, ValueError, "display_quantity is 2, and an order of"),
        ({"price": 5, "display_quantity": 11}, ValueError, "display_quantity is 11, more than the order's quantity"),
        ({"post_only": True}, ValueError, "post_only needs a price"),
        ({"post_only": 1}, TypeError, "post_only is True or False; got 1"),
        ({"time_in_force": "GTD"}, ValueError, r"time_in_force is 'GTD' \(nearest: GTC\)"),
        ({"time_in_force": None}, TypeError, "time_in_force is one of DAY, GTC, IOC, FOK; got None"),
        ({"self_trade_prevention": "x"}, ValueError, "self_trade_prevention is 'x': choose among NONE"),
        ({"client_order_id": ""}, ValueError, "has 1 to 128 characters; got 0"),
        ({"client_order_id": 7}, TypeError, "a client order id is text, or give the order itself; got 7"),
    ],
)  # fmt: skip
def test_an_error_names_the_value(terms: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        made(**terms)


def test_a_replacement_changes_something() -> None:
    values: dict[str, Any] = {"quantity": None, "price": None, "stop_price": None}
    message = replacement("a", "b", **values | {"price": 5})
    assert (message.client_order_id, message.new_client_order_id, message.price) == ("a", "b", 5.0)
    with pytest.raises(ValueError, match="nothing to replace: give a new quantity, price or stop_price"):
        replacement("a", "b", **values)
    with pytest.raises(ValueError, match="quantity is 0"):
        replacement("a", "b", **values | {"quantity": 0})


def test_states_are_found_in_either_case() -> None:
    assert status_set(["filled", "NEW"]) == {"FILLED", "NEW"}
    with pytest.raises(ValueError, match="choose among PENDING_NEW"):
        status_set(["DONE"])


def test_ids_are_unique_over_clients() -> None:
    first, second = OrderIds(), OrderIds()
    made_ids = [ids.next() for ids in (first, second) for _ in range(3)]
    assert len(set(made_ids)) == 6
    assert all(client_order_id_text(one) == one for one in made_ids)
