"""Trading of a strategy: messages go out at once, and order ids count up."""

from __future__ import annotations

from typing import Any

import pytest

from hftlab.backtest.strategy_trading import StrategyTrading
from hftlab.errors import ArgumentError
from hftlab.protocol.order_messages import CancelAll, CancelOrder, NewOrder, ReplaceOrder
from hftlab.trading.blotter import Blotter


@pytest.fixture
def sent() -> list[Any]:
    return []


@pytest.fixture
def trading(sent: list[Any]) -> StrategyTrading:
    return StrategyTrading(Blotter(), sent.append, lambda: 5, ["AAPL"])


def test_orders_go_out_as_messages(trading: StrategyTrading, sent: list[Any]) -> None:
    order = trading.buy("AAPL", 100, price=1.5, post_only=True)
    other = trading.sell("AAPL", 50)
    assert isinstance(sent[0], NewOrder)
    assert (sent[0].client_order_id, sent[0].price, sent[0].post_only) == ("S-1", 1.5, True)
    assert (sent[1].client_order_id, sent[1].order_type, sent[1].side) == ("S-2", "MARKET", "SELL")
    assert [one.client_order_id for one in trading.open_orders] == ["S-1", "S-2"]
    assert (order.status, order.created, other.quantity) == ("PENDING_NEW", 5, 50)
    assert not trading.fills
    assert trading.portfolio is None
    assert trading.positions["AAPL"].side == "FLAT"


def test_changes_are_about_the_orders_newest_id(trading: StrategyTrading, sent: list[Any]) -> None:
    order = trading.buy("AAPL", 100, price=1.5)
    order.replace(price=1.6)
    order.cancel()
    trading.cancel("mine")
    trading.cancel_all("AAPL")
    assert isinstance(sent[1], ReplaceOrder)
    assert (sent[1].client_order_id, sent[1].new_client_order_id, sent[1].price) == ("S-1", "S-2", 1.6)
    # Until the venue has replaced it, it has its old id.
    assert isinstance(sent[2], CancelOrder)
    assert sent[2].client_order_id == "S-1"
    assert sent[3].client_order_id == "mine"
    assert sent[4] == CancelAll(timestamp=1.0, symbol="AAPL")
    assert len(trading.orders) == 1


def test_bad_terms_send_nothing(trading: StrategyTrading, sent: list[Any]) -> None:
    with pytest.raises(ArgumentError, match="quantity is -1"):
        trading.buy("AAPL", -1)
    with pytest.raises(ArgumentError, match="nothing to replace"):
        trading.replace("S-1")
    assert not sent
    assert not trading.orders
    assert repr(trading) == "StrategyTrading(0 open orders, 0 fills)"
