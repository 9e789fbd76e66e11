"""Trading controls: the simulated market survives halts, auctions and nights, and goes on with a healthy book."""

from __future__ import annotations

import statistics
from typing import Any

import pytest

from hftlab.clock import NANOSECONDS, Clock
from hftlab.errors import HftlabError
from hftlab.protocol import MarketData
from hftlab.protocol.enums import OrderType, Side, UpdateType
from hftlab.simulator import Exchange
from hftlab.trading.venue import MarketPhase, New, OrderTerms

START = 1_767_364_200_000_000_000
TENTH = NANOSECONDS // 10
UNIT = 10**9


class Day:
    """An exchange whose time goes on as asked, with what its messages have shown of AAPL."""

    def __init__(self, **options: Any) -> None:
        self.exchange = Exchange(7, ["AAPL", "TSLA"], clock=Clock(START, paused=True), **options)
        self.at = START

    def pass_time(self, seconds: int) -> tuple[list[float], list[float]]:
        """Return the spreads and the prices of the trades in that time."""
        spreads: list[float] = []
        trades: list[float] = []
        for _ in range(10 * seconds):
            self.at += TENTH
            for message in self.exchange.advance(self.at):
                assert isinstance(message, MarketData)
                for symbol in message.symbols:
                    if symbol.symbol == "AAPL":
                        spreads.append(symbol.ask - symbol.bid)
                        trades += [trade.price for trade in symbol.trades or []]
        return spreads, trades

    def assert_healthy(self, seconds: int = 60) -> None:
        """Trading goes on, at a usual spread, with both sides full and near the price before."""
        before = (self.exchange.reference_price("AAPL") or 0) / 1e9
        spreads, trades = self.pass_time(seconds)
        assert len(trades) > 50
        assert min(spreads) > 0
        assert statistics.median(spreads) <= 0.03
        assert max(abs(price / before - 1) for price in trades) < 0.005
        for levels in (self.exchange.books["AAPL"].bids(100), self.exchange.books["AAPL"].asks(100)):
            assert len(levels) >= 10
        assert self.exchange.phase("AAPL") is MarketPhase.CONTINUOUS

    def market_order(self, order_id: str) -> Any:
        terms = OrderTerms(symbol="AAPL", side=Side.BUY, type=OrderType.MARKET, quantity=UNIT)
        self.exchange.submit("alice", New(order_id, terms), self.at)
        return self.exchange.take_updates()[-1]


@pytest.fixture
def day() -> Day:
    day = Day()
    day.pass_time(1)
    day.assert_healthy(30)
    return day


def test_a_halt_of_half_a_minute(day: Day) -> None:
    day.exchange.halt("AAPL")
    assert day.exchange.phase("AAPL") is MarketPhase.HALTED
    assert day.exchange.phase("TSLA") is MarketPhase.CONTINUOUS
    _, trades = day.pass_time(30)
    assert not trades
    assert day.market_order("a").reason == "halted: AAPL is not trading"
    day.exchange.resume("AAPL")
    day.assert_healthy()
    assert day.market_order("b").kind is UpdateType.FILL


def test_the_day_ends_and_another_begins(day: Day) -> None:
    far = OrderTerms(symbol="AAPL", side=Side.BUY, type=OrderType.LIMIT, quantity=UNIT, price=150 * UNIT)
    day.exchange.submit("alice", New("far", far), day.at)
    day.exchange.take_updates()
    day.exchange.close_day()
    assert [one.kind for one in day.exchange.take_updates()] == [UpdateType.EXPIRE]
    assert {day.exchange.phase(symbol) for symbol in ("AAPL", "TSLA")} == {MarketPhase.CLOSED}
    assert day.market_order("a").reason == "closed: AAPL is not trading"
    _, trades = day.pass_time(30)
    assert not trades
    day.exchange.open_day()
    assert day.exchange.phase("TSLA") is MarketPhase.CONTINUOUS
    day.assert_healthy()


def test_a_call_and_its_auction(day: Day) -> None:
    day.exchange.call_auction("AAPL")
    last = day.exchange.reference_price("AAPL") or 0
    day.market_order("a")
    sell = OrderTerms(symbol="AAPL", side=Side.SELL, type=OrderType.LIMIT, quantity=500 * UNIT, price=last - UNIT // 20)
    day.exchange.submit("bob", New("s", sell), day.at)
    _, trades = day.pass_time(20)
    assert not trades
    with pytest.raises(HftlabError, match=r"call_auction\(\) and uncross\(\)"):
        day.exchange.resume("AAPL")
    day.exchange.uncross("AAPL")
    assert {one.liquidity for one in day.exchange.take_updates() if one.kind is UpdateType.FILL} == {"AUCTION"}
    day.assert_healthy()


def test_a_day_opens_with_an_auction_where_orders_cross(day: Day) -> None:
    day.exchange.call_auction("AAPL")
    last = day.exchange.reference_price("AAPL") or 0
    for order_id, side in (("b", Side.BUY), ("s", Side.SELL)):
        terms = OrderTerms(symbol="AAPL", side=side, type=OrderType.LIMIT, quantity=UNIT, price=last)
        day.exchange.submit(order_id, New(order_id, terms), day.at)
    day.exchange.halt("AAPL")
    day.exchange.open_day("AAPL")
    assert day.exchange.phase("AAPL") is MarketPhase.CONTINUOUS
    day.assert_healthy()


@pytest.mark.no_cover
def test_a_band_holds_trades_inside(day: Day) -> None:
    day.exchange.set_band("AAPL", 0.03)
    low, high = day.exchange.books["AAPL"].band or (0, 0)
    assert (high - low) * 100_000 == 60_000_000
    _, trades = day.pass_time(60)
    assert len(trades) > 50
    assert all(low <= round(price * 10_000) <= high for price in trades)
    day.exchange.set_band("AAPL", None)
    assert day.exchange.books["AAPL"].band is None
    day.assert_healthy()


@pytest.mark.no_cover
def test_a_band_can_halt(day: Day) -> None:
    day.exchange.set_band("AAPL", 0.02, halts=True)
    day.pass_time(120)
    assert day.exchange.phase("AAPL") is MarketPhase.HALTED
    day.exchange.set_band("AAPL", None)
    day.exchange.open_day("AAPL")
    day.assert_healthy()


def test_commands_act_at_the_clocks_time() -> None:
    """A clock that has gone on without the exchange: what happened until then has happened when it halts."""
    clock = Clock(START, paused=True)
    exchange = Exchange(7, ["AAPL"], clock=clock)
    clock.set(START + 5 * NANOSECONDS)
    exchange.halt("AAPL")
    assert exchange.now == START + 5 * NANOSECONDS
    trades = [trade for one in exchange.advance(START + 9 * NANOSECONDS) for trade in one.symbols[0].trades or []]
    assert trades
    assert all(trade.timestamp <= (START + 5 * NANOSECONDS) / 1e6 for trade in trades)


class TestErrors:
    @pytest.fixture(scope="class")
    @classmethod
    def day(cls) -> Day:
        """One for all: what is refused changes nothing."""
        return Day()

    def test_unknown_symbols(self, day: Day) -> None:
        controls = day.exchange
        for call in (controls.halt, controls.resume, controls.call_auction, controls.uncross, controls.close_day):
            with pytest.raises(KeyError, match="choose one of AAPL, TSLA"):
                call("VOD")

    def test_an_auction_needs_a_call(self, day: Day) -> None:
        with pytest.raises(HftlabError, match="AAPL is CONTINUOUS and not in a call"):
            day.exchange.uncross("AAPL")

    @pytest.mark.parametrize("width", [0.0, -1.0, 1e-6, 1e12, float("nan"), float("inf")])
    def test_widths_that_cannot_be(self, day: Day, width: float) -> None:
        with pytest.raises(ValueError, match="band of AAPL"):
            day.exchange.set_band("AAPL", width)
