"""Profiles: one for every listing that the exchange offers."""

from __future__ import annotations

import re

import pytest

from hftlab.instruments import BINANCE_USDM, INSTRUMENTS, NASDAQ, NYSE, Instrument, find_instrument
from hftlab.simulator.flow_state import PATH_LENGTH, STEP
from hftlab.simulator.profile import profile_of, round_lot
from tests.reference_document import document


def listed(symbol: str, venue: str | None = None) -> Instrument:
    found = find_instrument(symbol, venue)
    assert found is not None
    return found


@pytest.mark.parametrize("instrument", [one for one in INSTRUMENTS if one.venue is not BINANCE_USDM], ids=str)
def test_every_known_listing_has_one_that_makes_sense(instrument: Instrument) -> None:
    profile = profile_of(instrument)
    assert profile.price > 0
    assert 0.005 < profile.volatility < 0.1
    assert min(profile.spread, profile.limits, profile.market, profile.informed, profile.makers) > 0
    assert 0 <= profile.lag // STEP < PATH_LENGTH


def test_prices_are_the_documents() -> None:
    """Of its eight symbols."""
    prices = re.findall(r"symbol: '([\w.]+)', basePrice: ([\d.]+)", document())
    assert len(prices) == 8
    for symbol, price in prices:
        assert profile_of(listed(symbol)).price == float(price)


def test_away_from_the_main_market_it_is_slower_and_less_busy() -> None:
    here, there = profile_of(listed("AAPL", NASDAQ.name)), profile_of(listed("AAPL", NYSE.name))
    assert there.price == here.price
    assert there.lag > here.lag
    assert there.noise > here.noise
    assert there.limits < here.limits


@pytest.mark.parametrize(
    ("price", "lots"), [(1.0, 100), (250.0, 100), (250.01, 40), (1000.0, 40), (1000.01, 10), (10_000.01, 1)]
)
def test_round_lots_of_shares_are_the_regulations(price: float, lots: int) -> None:
    assert round_lot(listed("AAPL"), price) == lots


def test_elsewhere_a_round_lot_is_worth_some_five_hundred() -> None:
    """USDT or pounds, whose shares are quoted in pence."""
    coin = listed("BTCUSDT")
    assert coin.size(round_lot(coin, 62_000.0)) * 62_000 == pytest.approx(500, rel=0.01)
    assert round_lot(listed("AZN"), 12_000.0) == 4
