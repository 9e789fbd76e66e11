"""Names of pairs: how a recorded symbol becomes one, and its names in Kraken's interfaces."""

from __future__ import annotations

import pytest

from hftlab.errors import ArgumentError, HftlabError
from hftlab.instruments import BINANCE, NYSE, UNIT, Instrument, Venue
from hftlab.venues.kraken import KRAKEN
from hftlab.venues.kraken.pair_name import PairName, asset_id, checked_symbol, pair_of, pairs_of


def instrument(symbol: str, currency: str = "", venue: Venue = KRAKEN, *, primary: bool = True) -> Instrument:
    return Instrument(symbol, venue, UNIT // 100, UNIT, currency, None, primary)


@pytest.mark.parametrize(
    ("symbol", "currency", "expected"),
    [
        ("BTC/USD", "USD", "BTC/USD"),
        ("XBT/USD", "USD", "BTC/USD"),
        ("ADA/XBT", "XBT", "ADA/BTC"),
        ("XDG/USD", "USD", "DOGE/USD"),
        ("BTC-USD", "", "BTC/USD"),
        ("btc_usdt", "", "BTC/USDT"),
        ("BTCUSDT", "USDT", "BTC/USDT"),
        ("BTCUSDT", "", "BTC/USDT"),
        ("BTCUSD", "", "BTC/USD"),
        ("XBTUSD", "", "BTC/USD"),
        ("XXBTZUSD", "", "BTC/USD"),
        ("XETHXXBT", "", "ETH/BTC"),
        ("ETHBTC", "BTC", "ETH/BTC"),
        ("AAPL", "USD", "AAPL/USD"),
        ("AAPL", "", "AAPL/USD"),
        ("BRK.A", "USD", "BRK.A/USD"),
        ("VOD", "GBX", "VOD/GBX"),
        ("USD", "USD", "USD/USD"),
        ("USDT/USD", "USD", "USDT/USD"),
    ],
)
def test_a_recorded_symbol_becomes_a_pair(symbol: str, currency: str, expected: str) -> None:
    assert pair_of(instrument(symbol, currency)).symbol == expected


def test_the_venue_of_another_listing_is_in_its_name() -> None:
    assert pair_of(instrument("AAPL", "USD", NYSE, primary=False)).symbol == "AAPL.NYSE/USD"


@pytest.mark.parametrize(
    ("pair", "ws_name", "alt_name", "name"),
    [
        (PairName("BTC", "USD"), "XBT/USD", "XBTUSD", "XXBTZUSD"),
        (PairName("ETH", "BTC"), "ETH/XBT", "ETHXBT", "XETHXXBT"),
        (PairName("BTC", "CHF"), "XBT/CHF", "XBTCHF", "XBTCHF"),
        (PairName("ADA", "ETH"), "ADA/ETH", "ADAETH", "ADAETH"),
        (PairName("DOGE", "USD"), "XDG/USD", "XDGUSD", "XXDGZUSD"),
        (PairName("BTC", "USDT"), "XBT/USDT", "XBTUSDT", "XBTUSDT"),
    ],
)
def test_a_pair_has_four_names(pair: PairName, ws_name: str, alt_name: str, name: str) -> None:
    assert (pair.ws_name, pair.alt_name, pair.id) == (ws_name, alt_name, name)


def test_assets_of_the_first_years_have_a_letter_before_their_names() -> None:
    assert [asset_id(asset) for asset in ("BTC", "DOGE", "USD", "CHF", "ADA")] == ["XXBT", "XXDG", "ZUSD", "CHF", "ADA"]


def test_two_symbols_of_one_name_cannot_be_served_together() -> None:
    with pytest.raises(HftlabError, match="BTC-USDT and BTCUSDT are both BTC/USDT in Kraken's wire"):
        pairs_of([instrument("BTC-USDT"), instrument("BTCUSDT", "USDT", BINANCE)])


@pytest.mark.parametrize("symbol", ["比特币", "★", "../USD"])
def test_a_symbol_that_leaves_no_name_is_an_error(symbol: str) -> None:
    with pytest.raises(HftlabError, match="has no name in Kraken's wire"):
        pair_of(instrument(symbol, "USD"))


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("BTC/USD", "BTC/USD"),
        ("btc/usd", "BTC/USD"),
        ("XBT/USD", "BTC/USD"),
        ("ETH/XBT", "ETH/BTC"),
        ("xdg/eur", "DOGE/EUR"),
        ("AAPLx/USD", "AAPLx/USD"),
    ],
)
def test_a_pair_has_one_name(given: str, name: str) -> None:
    assert checked_symbol(given) == name


@pytest.mark.parametrize(
    ("given", "nearest"),
    [
        ("BTCUSD", "BTC/USD"),
        ("XBTUSDT", "BTC/USDT"),
        ("btc-usd", "BTC/USD"),
        ("ETH_EUR", "ETH/EUR"),
        ("BTC", "BTC/USD"),
        ("/USD", "BTC/USD"),
        ("A/B/C", "BTC/USD"),
    ],
)
def test_another_form_is_an_error_that_says_the_nearest_name(given: str, nearest: str) -> None:
    with pytest.raises(ArgumentError, match=f"is not a pair of Kraken's: .*'{nearest}'"):
        checked_symbol(given)
