"""What wakes a strategy."""

from __future__ import annotations

import pytest

from hftlab.backtest.wakes import Wakes
from hftlab.errors import ArgumentError
from hftlab.protocol import MarketData, Side
from hftlab.protocol.market_data import Trade
from tests.protocol.conftest import symbol


def message(bid: float = 1.0, trade: Trade | None = None, volume: float = 0.0) -> MarketData:
    return MarketData(timestamp=1.0, symbols=[symbol("AAPL", bid=bid, last_trade=trade, volume=volume)])


def test_every_message_or_none() -> None:
    assert Wakes("message").wakes(message())
    assert not Wakes("timer").wakes(message())


def test_a_change_of_the_best() -> None:
    wakes = Wakes("best")
    assert [wakes.wakes(message(bid)) for bid in (1.0, 1.0, 2.0, 2.0, 1.0)] == [True, False, True, False, True]


def test_a_trade() -> None:
    trade = Trade(price=1.0, size=1.0, timestamp=1.0, side=Side.BUY)
    wakes = Wakes("trade")
    told = ((None, 0.0), (trade, 1.0), (trade, 1.0), (trade, 2.0))
    heard = [wakes.wakes(message(trade=one, volume=volume)) for one, volume in told]
    assert heard == [False, True, False, True]


def test_an_unknown_kind() -> None:
    with pytest.raises(ArgumentError, match="one of message, best, trade, timer"):
        Wakes("quote")
