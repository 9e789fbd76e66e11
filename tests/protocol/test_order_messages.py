"""Orders and updates on the wire."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hftlab.errors import MessageParseError
from hftlab.protocol import NewOrder, PortfolioUpdate, PositionUpdate, TimeInForce, decode, encode

ORDER: dict[str, Any] = {
    "type": "NEW_ORDER",
    "timestamp": 1.0,
    "clientOrderId": "1",
    "symbol": "AAPL",
    "side": "BUY",
    "orderType": "LIMIT",
    "quantity": 1,
    "price": 2,
}


def test_an_order_has_defaults() -> None:
    order = decode(json.dumps(ORDER))
    assert isinstance(order, NewOrder)
    assert (order.time_in_force, order.post_only, order.stop_price) == (TimeInForce.DAY, False, None)


@pytest.mark.parametrize(
    ("field", "value"),
    [("quantity", 0), ("quantity", -1), ("price", 0), ("side", "HOLD"), ("clientOrderId", ""), ("orderType", "GUESS")],
)
def test_an_order_that_cannot_be_is_refused(field: str, value: object) -> None:
    with pytest.raises(MessageParseError) as raised:
        decode(json.dumps(ORDER | {field: value}))
    assert raised.value.field == field


@pytest.mark.parametrize("kind", [PositionUpdate, PortfolioUpdate])
def test_profits_are_spelt_as_in_the_document(kind: type[Any]) -> None:
    """PnL, not Pnl."""
    assert {"unrealizedPnL", "realizedPnL", "dayPnL"} <= set(kind.__struct_encode_fields__)


def test_an_order_comes_back_as_it_was() -> None:
    order = decode(json.dumps(ORDER | {"timeInForce": "IOC", "postOnly": True, "displayQuantity": 0.5}))
    assert decode(encode(order)) == order


def test_positions_and_portfolios_show_themselves_in_a_notebook() -> None:
    amounts = dict.fromkeys(("marketValue", "unrealizedPnL", "realizedPnL", "dayPnL"), -1234.5)
    prices = {"averagePrice": 175.25, "currentPrice": 175.5}
    position = {"type": "POSITION_UPDATE", "timestamp": 1.0, "symbol": "A<B", "quantity": -100, "side": "SHORT"}
    short = decode(json.dumps(position | prices | amounts | {"currency": "EUR"}))
    assert isinstance(short, PositionUpdate)
    for text in ("Position in A&lt;B", "SHORT 100", "175.25", "-1,234.50 EUR"):
        assert text in short._repr_html_()
    money = {"totalValue": 1e6, "cash": 5.0, "buyingPower": 10.0}
    whole = decode(json.dumps({"type": "PORTFOLIO_UPDATE", "timestamp": 1.0} | money | amounts))
    assert isinstance(whole, PortfolioUpdate)
    for text in ("1,000,000.00 USD", "buying power", "10.00 USD"):
        assert text in whole._repr_html_()
