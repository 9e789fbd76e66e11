"""Strategies: the class that users derive from."""

from __future__ import annotations

import pytest

import hftlab as hl
from hftlab.backtest.engine import timer_interval
from hftlab.errors import ArgumentError
from hftlab.protocol import MarketData
from tests.backtest.recorded_days import OPENING, orders


def test_a_strategy_that_implements_nothing_does_nothing() -> None:
    result = hl.backtest(hl.Strategy, orders(10, 8))
    assert result.orders.collect().height == 0
    assert result.quotes.collect().height > 50


def test_its_symbols_are_those_that_it_hears_of() -> None:
    class Apple(hl.Strategy):
        symbols = ("AAPL",)

        def on_market_data(self, message: MarketData) -> None:
            assert self.market.symbols == ["AAPL"]
            heard.update(one.symbol for one in message.symbols)

    heard: set[str] = set()
    hl.backtest(Apple, orders(5, 3, ("AAPL", "TSLA")))
    assert heard == {"AAPL"}


def test_it_can_ask_to_be_woken() -> None:
    class Sleeper(hl.Strategy):
        wake = "timer"

        def on_start(self) -> None:
            self.wake_at(OPENING + 123)
            self.wake_at(0)

        def on_timer(self, at: int) -> None:
            woken.append(at)

    woken: list[int] = []
    hl.backtest(Sleeper, orders(10, 8))
    assert woken == [OPENING - 1, OPENING + 123]


@pytest.mark.parametrize(("every", "wanted"), [(None, None), (5, 5), ("100ms", 100_000_000)])
def test_the_timers_interval(every: object, wanted: int | None) -> None:
    class Timed(hl.Strategy):
        pass

    Timed.every = every
    assert timer_interval(Timed()) == wanted


def test_a_timer_without_length() -> None:
    class Timed(hl.Strategy):
        every = 0

    with pytest.raises(ArgumentError, match="every is 0: give a time above 0"):
        hl.backtest(Timed, orders(10, 8))
