"""Traded source: the market's messages and those of its accounts, in the order of their times."""

from __future__ import annotations

from typing import Any

from hftlab.clock import Clock
from hftlab.instruments import UNIT
from hftlab.protocol import MarketData, NewOrder, OrderType, PortfolioUpdate, PositionUpdate, Side
from hftlab.source import Source, Timed
from hftlab.trading import AccountTerms
from hftlab.trading.broker import Broker
from hftlab.trading.traded_source import TradedSource
from tests.protocol.conftest import market_data, symbol
from tests.trading.scripted_venue import ScriptedVenue

PACE = 100


class TradedList(ScriptedVenue):
    """Scripted venue with a list of prices of AAPL, each due at its time."""

    name, recorded = "listed", False
    symbols = ("AAPL",)

    def __init__(self, *prices: tuple[int, float]) -> None:
        super().__init__()
        self.clock = Clock(0, paused=True)
        self.waiting = list(prices)

    def next_time(self) -> int | None:
        return self.waiting[0][0] if self.waiting else None

    def advance(self, until: int) -> list[Timed[MarketData]]:
        super().advance(until)
        due = [one for one in self.waiting if one[0] <= until]
        self.waiting = self.waiting[len(due) :]
        return [Timed(at, market_data(symbol("AAPL", price))) for at, price in due]


def traded(*prices: tuple[int, float], holds: float = 10) -> tuple[TradedSource, TradedList, Broker]:
    """Return a source in which alice holds so many shares of AAPL, bought at 100, and whose messages are taken."""
    venue = TradedList(*prices)
    broker = Broker(venue, {"*": AccountTerms(cash=100_000, commissions=None)})
    venue.prices["AAPL"] = 100 * UNIT
    if holds:
        enter(broker, "alice", "in", holds)
        venue.accept("ORD_1")
        venue.fill("ORD_1", holds, 100.0)
        broker.collect()
    source: Source[Any] = venue
    return TradedSource(source, broker, pace=PACE), venue, broker


def enter(broker: Broker, account: str, client_order_id: str, quantity: float) -> None:
    order = NewOrder(
        timestamp=1.0,
        client_order_id=client_order_id,
        symbol="AAPL",
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        quantity=quantity,
        price=100.0,
    )
    broker.handle(account, order, 0)


def told(items: Any) -> list[tuple[int, str | None, str]]:
    return [(item.at, item.account, item.message.type) for item in items]


def values(items: Any) -> list[tuple[int, float]]:
    """Return the times and the current prices of the positions that are told."""
    return [(item.at, item.message.current_price) for item in items if isinstance(item.message, PositionUpdate)]


class TestUpdates:
    def test_they_come_with_their_accounts_at_their_own_times(self) -> None:
        """A stream that is late gets several times at once."""
        source, venue, broker = traded((10, 100.0), (30, 100.0), holds=0)
        enter(broker, "bob", "b", 5)
        venue.now = 20
        venue.accept("ORD_1")
        items = source.advance(40)
        assert told(items)[:3] == [(10, None, "MARKET_DATA"), (20, "bob", "ORDER_UPDATE"), (30, None, "MARKET_DATA")]

    def test_at_one_time_the_market_goes_first(self) -> None:
        source, venue, broker = traded((20, 100.0), holds=0)
        enter(broker, "bob", "b", 5)
        venue.now = 20
        venue.accept("ORD_1")
        venue.fill("ORD_1", 5, 100.0)
        kinds = [kind for _, _, kind in told(source.advance(20))]
        assert kinds == ["MARKET_DATA", "ORDER_UPDATE", "ORDER_UPDATE", "POSITION_UPDATE", "PORTFOLIO_UPDATE"]


class TestPrices:
    def test_they_move_positions_and_portfolios(self) -> None:
        source, _, _ = traded((10, 101.0))
        items = source.advance(10)
        assert told(items) == [
            (10, None, "MARKET_DATA"),
            (10, "alice", "POSITION_UPDATE"),
            (10, "alice", "PORTFOLIO_UPDATE"),
        ]
        _, position, portfolio = (item.message for item in items)
        assert (position.snapshot, position.unrealized_pnl) == (True, 10.0)
        assert (portfolio.snapshot, portfolio.total_value) == (True, 100_010.0)

    def test_the_newest_is_told_at_most_once_a_pace(self) -> None:
        source, venue, _ = traded((10, 101.0), (50, 102.0), (90, 103.0), (130, 104.0))
        found = [value for at in (10, 50, 90, 130) for value in values(source.advance(at))]
        assert found == [(10, 101.0), (130, 104.0)]
        assert venue.next_time() is None

    def test_a_price_is_told_when_the_pace_allows_it_and_not_with_the_next_price(self) -> None:
        source, _, _ = traded((10, 101.0), (50, 102.0), (10_000, 103.0))
        source.advance(10)
        assert source.next_time() == 50
        assert values(source.advance(50)) == []
        assert source.next_time() == 10 + PACE
        assert values(source.advance(110)) == [(110, 102.0)]
        assert source.next_time() == 10_000

    def test_the_last_price_of_a_market_is_told_as_well(self) -> None:
        source, _, _ = traded((10, 101.0), (50, 102.0))
        source.advance(10)
        source.advance(50)
        assert source.next_time() == 110
        assert values(source.advance(110)) == [(110, 102.0)]
        assert source.next_time() is None

    def test_one_that_has_not_moved_is_not_told_again(self) -> None:
        source, _, _ = traded((10, 101.0), (200, 101.0))
        assert len(values(source.advance(10))) == 1
        assert told(source.advance(200)) == [(200, None, "MARKET_DATA")]

    def test_a_price_of_zero_is_none(self) -> None:
        """A symbol that has not traded has the price 0 on the wire."""
        source, _, broker = traded((10, 0.0))
        assert values(source.advance(10)) == []
        assert broker.account("alice").total_value == 100_000 * UNIT

    def test_flat_accounts_hear_nothing_of_them(self) -> None:
        source, _, broker = traded((10, 101.0), holds=0)
        broker.account("alice")
        assert told(source.advance(10)) == [(10, None, "MARKET_DATA")]

    def test_what_open_orders_take_of_the_buying_power_is_told_with_them(self) -> None:
        source, venue, broker = traded((10, 101.0), (20, 101.0), holds=0)
        source.advance(10)
        enter(broker, "bob", "b", 5)
        venue.accept("ORD_1")
        broker.collect()
        source.advance(20)
        (portfolio,) = (item.message for item in source.advance(110))
        assert isinstance(portfolio, PortfolioUpdate)
        assert portfolio.buying_power == 100_000 - 5 * 100
