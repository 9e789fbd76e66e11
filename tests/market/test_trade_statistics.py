from __future__ import annotations

from hftlab.market import TradeStatistics


def test_nothing_yet() -> None:
    assert TradeStatistics() == TradeStatistics(trades=0, open=0, high=0, low=0, last=0, volume=0)


def test_runs_from_the_first_trade() -> None:
    statistics = TradeStatistics()
    for price, lots in ((50, 1), (70, 2), (40, 3), (60, 4)):
        statistics.add(price, lots)
    assert statistics == TradeStatistics(trades=4, open=50, high=70, low=40, last=60, volume=10)


def test_prices_may_be_negative() -> None:
    statistics = TradeStatistics()
    statistics.add(-50, 1)
    assert (statistics.high, statistics.low) == (-50, -50)
