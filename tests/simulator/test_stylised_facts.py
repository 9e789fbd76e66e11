"""The simulated market against what the literature reports of real ones.

Signs and orders of magnitude, not fitted values: Cont (2001) for returns, Gopikrishnan and others (1999) for their
tails, Lillo and Farmer (2004) and Bouchaud, Farmer and Lillo (2009) for trade signs.
"""

from __future__ import annotations

from typing import NamedTuple

import polars as pl
import pytest

from hftlab import analysis
from hftlab.book import BookSet
from hftlab.ingest.simulation import exchange_on

SYMBOLS = ["AAPL", "NVDA", "TSLA"]
HOUR = 3600


class Market(NamedTuple):
    quotes: pl.LazyFrame
    trades: pl.LazyFrame
    returns: pl.LazyFrame


@pytest.fixture(scope="module")
def market() -> Market:
    """Three names for two hours."""
    books, quotes, trades = BookSet(), [], []
    for batch in exchange_on("2026-01-02", 7, SYMBOLS).events(2 * HOUR):
        quotes.append(analysis.event_quotes(batch, books.trace(batch, 1)).collect())
        trades.append(analysis.event_trades(batch).collect())
    every = analysis.quotes(pl.concat(quotes).lazy())
    return Market(every, pl.concat(trades).lazy(), analysis.returns(every, "10s").collect().lazy())


@pytest.mark.no_cover
def test_the_spread_is_mostly_a_tick_or_two_and_sometimes_much_more(market: Market) -> None:
    shares = analysis.spread_distribution(market.quotes).filter(symbol="AAPL")
    assert shares["share"].sum() == pytest.approx(1)
    assert shares.filter(pl.col("spread") < 0.025)["share"].sum() > 0.8
    assert 0 < shares.filter(pl.col("spread") > 0.045)["share"].sum() < 0.02
    assert shares["spread"].min() >= 0.01


def test_trade_signs_have_positive_slowly_decaying_memory(market: Market) -> None:
    """Above the noise at fifty trades' distance, and falling more slowly than an exponential would."""
    signs = analysis.autocorrelation(analysis.trade_signs(market.trades), "sign", range(1, 101))
    for symbol in SYMBOLS:
        own = signs.filter(symbol=symbol)["autocorrelation"]
        near, middle, far = own[0], own.slice(9, 10).mean(), own.slice(50, 50).mean()
        assert 0.05 < near < 0.6
        assert near > middle > far > 0
        assert signs["noise"][0] < middle
        # An exponential through the first two would be near**(lag) and gone long before.
        assert far > near**20


def test_returns_have_no_linear_memory(market: Market) -> None:
    found = analysis.autocorrelation(market.returns, "return", range(1, 21))
    outside = found.filter(pl.col("autocorrelation").abs() > pl.col("noise"))
    assert outside.height < 0.15 * found.height, "one in twenty is to be expected"
    assert found["autocorrelation"].abs().max() < 0.2


def test_volatility_comes_in_clusters(market: Market) -> None:
    """|return| remembers what the return itself does not, over minutes."""
    found = analysis.autocorrelation(market.returns, pl.col("return").abs(), range(1, 11))
    means = found.group_by("symbol").agg(pl.col("autocorrelation").mean(), pl.col("noise").first())
    assert (means["autocorrelation"] > means["noise"]).all()


def test_returns_have_fat_tails_that_thin_out_with_the_interval(market: Market) -> None:
    excess = {}
    for every in ("1s", "10s", "60s"):
        returns = analysis.returns(market.quotes, every).group_by("symbol")
        excess[every] = returns.agg(pl.col("return").kurtosis(bias=False)).collect()["return"].mean()
    assert excess["1s"] > excess["10s"] > excess["60s"]
    assert excess["1s"] > 3
    tails = analysis.returns(market.quotes, "1s").group_by("symbol").agg(analysis.tail_exponent("return"))
    assert tails.collect()["return"].is_between(2, 5).all()
