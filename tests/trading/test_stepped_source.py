"""Stepped source: one message at a time, in the order of the times at which each is known."""

from __future__ import annotations

from typing import Any

import pytest

from hftlab.protocol import MarketData
from hftlab.source import Seekable, Steppable, Timed
from hftlab.trading.broker import Broker
from hftlab.trading.stepped_source import SteppedSource
from hftlab.trading.traded_source import TradedSource
from tests.backtest.recorded_days import OPENING, exchange
from tests.trading.test_traded_source import TradedList, enter, told, traded

SECOND = 10**9
PRICES = ((10, 101.0), (30, 102.0), (70, 103.0))


def stepped(*prices: tuple[int, float], holds: float = 0) -> tuple[SteppedSource, TradedList, Broker]:
    source, venue, broker = traded(*prices, holds=holds)
    return SteppedSource(source), venue, broker


def quiet() -> SteppedSource:
    """Return an exchange with a first message and then none, as its one instrument is halted."""
    venue = exchange()
    source = SteppedSource(TradedSource(venue, Broker(venue)))
    venue.halt("AAPL")
    assert len(source.take(1)) == 1
    return source


class TestTaking:
    def test_it_can_be_stepped_and_not_sought(self) -> None:
        source, _, _ = stepped(*PRICES)
        assert isinstance(source, Steppable)
        assert not isinstance(source, Seekable)
        assert source.recorded

    def test_messages_of_one_time_are_taken_one_by_one(self) -> None:
        """Behind a price come the position that it moves, and the portfolio."""
        source, _, _ = stepped(*PRICES, holds=10)
        taken: list[Timed[Any]] = []
        while (due := source.next_time()) is not None and due <= 100:
            some = source.take_until(due, 1)
            assert [one.at for one in some] == [due]
            taken += some
        assert told(taken) == told(stepped(*PRICES, holds=10)[0].advance(100))
        assert [one.at for one in taken] == [10, 10, 10, 30, 70]

    def test_what_is_known_late_comes_at_the_time_at_which_it_is_known(self) -> None:
        source, venue, broker = stepped(*PRICES)
        assert [one.at for one in source.take(1)] == [10]
        enter(broker, "alice", "in", 10)
        venue.now = 20
        venue.accept("ORD_1")
        assert told(source.take(2)) == [(30, "alice", "ORDER_UPDATE"), (30, None, "MARKET_DATA")]

    def test_time_goes_on_to_where_there_are_no_more(self) -> None:
        source, _, _ = stepped(*PRICES)
        assert source.order_time(0) == 9
        assert [one.at for one in source.take_until(40, 2)] == [10, 30]
        assert source.order_time(0) == 30
        assert source.take_until(40, 1) == []
        assert source.order_time(0) == 40
        assert source.order_time(50) == 50

    @pytest.mark.parametrize("count", [1, 1000])
    def test_a_halted_exchange_has_no_next_message(self, count: int) -> None:
        assert quiet().take(count) == []

    def test_a_halted_exchange_still_reaches_a_time(self) -> None:
        source = quiet()
        assert source.take_until(OPENING + 5 * SECOND, 1) == []
        assert source.order_time(0) == OPENING + 5 * SECOND


def test_stepped_and_advanced_it_is_the_exchange_itself() -> None:
    alone = exchange()
    expected = [one.symbols for one in alone.advance(OPENING + SECOND)]
    for count in (1, 3, 100):
        venue, taken = exchange(), []
        source = SteppedSource(TradedSource(venue, Broker(venue)))
        while some := source.take_until(OPENING + SECOND, count):
            taken += some
        assert [one.message.symbols for one in taken if isinstance(one.message, MarketData)] == expected
        assert [one.at for one in taken] == sorted({one.at for one in taken})
