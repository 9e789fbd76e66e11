"""Market of the simulated exchange: what happens there is heard when it is known, and time does not go back."""

from __future__ import annotations

from typing import Any

from hftlab.backtest.markets import SimulatedMarket
from hftlab.protocol import CancelOrder
from hftlab.trading.broker import Broker
from tests.trading.test_traded_source import TradedList, enter, told, traded


def simulated() -> tuple[SimulatedMarket, TradedList, Broker]:
    """Return a market with prices at 10, 30 and 70, where alice has an order."""
    _, venue, broker = traded((10, 101.0), (30, 102.0), (70, 103.0), holds=0)
    exchange: Any = venue
    market = SimulatedMarket(exchange, broker, 100)
    enter(broker, "alice", "in", 10)
    return market, venue, broker


def test_a_late_report_comes_with_the_next_message() -> None:
    market, venue, _ = simulated()
    assert [one.at for one in market.next(10)] == [10]
    while market.next(10):
        pass
    venue.now = 20
    venue.accept("ORD_1")
    assert market.next(25) == []
    assert told(market.next(None)) == [(30, "alice", "ORDER_UPDATE")]
    assert told(market.next(30)) == [(30, None, "MARKET_DATA")]


def test_a_late_report_comes_with_the_next_request() -> None:
    market, venue, _ = simulated()
    while market.next(10):
        pass
    venue.now = 20
    venue.accept("ORD_1")
    request = CancelOrder(timestamp=1.0, client_order_id="in")
    assert {at for at, _, _ in told(market.handle("alice", request, 25))} == {25}
