"""Messages that were made in this process, with values that structs do not check."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.errors import MessageParseError
from hftlab.protocol import (
    JSON,
    MarketData,
    OrderBookLevel,
    OrderStatus,
    OrderType,
    OrderUpdate,
    Side,
    Subscribe,
    UpdateType,
    check_message,
)
from tests.protocol.conftest import market_data, symbol


def refused(message: Any) -> MessageParseError:
    with pytest.raises(MessageParseError) as caught:
        check_message(message)
    return caught.value


def test_a_valid_message_comes_back_as_a_copy() -> None:
    message = market_data(symbol("AAPL"), symbol("测试币USDT"))
    checked = check_message(message)
    assert checked == message
    assert checked is not message


@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, -math.inf, -0.01, 1e16, 10**30, "1", None, Decimal(1), [1.0], np.array([1.0])],
    ids=repr,
)
@pytest.mark.parametrize("field", ["bid", "ask_size"])
def test_the_error_names_the_field_its_value_and_its_symbol(field: str, value: Any) -> None:
    message = market_data(symbol("AAPL"), symbol("MSFT"))
    setattr(message.symbols[1], field, value if field == "bid" or value != 1e16 else 1e19)
    error = refused(message)
    assert error.field == {"bid": "symbols[1].bid", "ask_size": "symbols[1].askSize"}[field]
    assert "'MSFT'" in str(error)
    assert "it is " in str(error)


def test_a_number_deep_inside_is_found() -> None:
    message = market_data(symbol("AAPL"))
    message.symbols[0].asks = [
        OrderBookLevel(price=1.0, size=1.0, orders=1),
        OrderBookLevel(price=2.0, size=math.nan, orders=1),
    ]
    error = refused(message)
    assert error.field == "symbols[0].asks[1].size"
    assert "it is nan of 'AAPL'" in str(error)


@pytest.mark.parametrize("name", ["", "A\n", "x" * 500, 5, None, "\ud800"], ids=ascii)
def test_a_name_that_cannot_be_a_symbol_is_shown_without_harm(name: Any) -> None:
    message = market_data(symbol("AAPL"))
    message.symbols[0].symbol = name
    error = refused(message)
    assert error.field == "symbols[0].symbol"
    assert str(error).isprintable()
    assert len(str(error)) < 300


@pytest.mark.parametrize("number", [np.float64(3.5), np.float32(3.5), np.int64(3), 3, True * 1.0], ids=repr)
def test_numbers_of_numpy_become_plain_ones(number: Any) -> None:
    message = market_data(symbol("AAPL"))
    message.symbols[0].bid = number
    checked = check_message(message)
    assert isinstance(checked, MarketData)
    assert (type(checked.symbols[0].bid), checked.symbols[0].bid) == (float, float(number))


@pytest.mark.parametrize("thing", [None, {"type": "MARKET_DATA"}, b"{}", 5, MarketData])
def test_what_is_no_message_is_named(thing: object) -> None:
    assert "is not a message" in str(refused(thing))


def test_requests_and_private_messages_are_checked_as_well() -> None:
    assert refused(Subscribe(timestamp=1.0, symbols=["A", " B"])).field == "symbols[1]"
    order = OrderUpdate(
        timestamp=1.0,
        order_id="1",
        client_order_id="1",
        symbol="AAPL",
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        status=OrderStatus.NEW,
        quantity=math.nan,
        filled_quantity=0.0,
        remaining_quantity=0.0,
        update_type=UpdateType.NEW,
    )
    assert "it is nan of 'AAPL'" in str(refused(order))


@given(st.floats(), st.floats(), st.text(max_size=8))
def test_what_passes_reads_the_same_from_the_wire(bid: float, size: float, name: str) -> None:
    message = market_data(symbol("AAPL"))
    message.symbols[0].bid, message.symbols[0].bid_size, message.symbols[0].symbol = bid, size, name
    try:
        checked = check_message(message)
    except MessageParseError as exc:
        assert exc.field.startswith("symbols[0].")
    else:
        assert JSON.decode(JSON.encode(checked)) == message
