"""Market as a strategy knows it."""

from __future__ import annotations

import pytest

from hftlab.backtest.strategy_market import StrategyMarket
from hftlab.errors import NameNotFound
from hftlab.protocol import MarketData
from tests.protocol.conftest import symbol


def test_it_knows_what_it_was_told() -> None:
    market = StrategyMarket(["AAPL", "TSLA"], 5)
    assert market.now == 5
    assert market.latest("AAPL") is market.book("AAPL") is market.best("AAPL") is None
    state = symbol("AAPL")
    market.take_in(MarketData(timestamp=1.0, symbols=[state]), 7)
    assert market.now == 7
    assert market.latest("AAPL") == state
    assert market.best("AAPL") == (state.bid, state.ask)
    book = market.book("AAPL")
    assert book is not None
    assert book.symbol == "AAPL"
    market.forget()
    assert market.latest("AAPL") is None
    assert repr(market) == "StrategyMarket(AAPL, TSLA)"


def test_an_empty_side_has_no_best() -> None:
    market = StrategyMarket(["AAPL"], 5)
    market.take_in(MarketData(timestamp=1.0, symbols=[symbol("AAPL", ask=0.0, ask_size=0.0)]), 7)
    assert market.best("AAPL") is None


def test_an_unknown_symbol_names_the_nearest() -> None:
    with pytest.raises(NameNotFound, match="AAPL"):
        StrategyMarket(["AAPL"], 5).latest("APPL")
