from __future__ import annotations

import pytest

from hftlab.instruments import BINANCE, BINANCE_COINM, BINANCE_USDM, Venue
from hftlab.venues.binance.symbols import quote_of, venue_of


@pytest.mark.parametrize(
    ("symbol", "quote"),
    [
        ("BTCUSDT", "USDT"),
        ("ETHBTC", "BTC"),
        ("BTCGBP", "GBP"),
        ("BTCPLN", "PLN"),
        ("BTCUSD1", "USD1"),
        ("BTCUSD", "USD"),
        ("BTCUSDC", "USDC"),
        ("BTCUSD_PERP", "USD"),
        ("BTCUSD_260327", "USD"),
        ("ZZTUSD_PERP", "USD"),
        ("ZZBUSD_260327", "USD"),
        ("BTCUSDT_260327", "USDT"),
        ("BTCUSDC_260327", "USDC"),
        ("BTCFDUSD", "FDUSD"),
        ("BTCTUSD", "TUSD"),
        ("ETHBUSD", "BUSD"),
        ("TUSDUSDT", "USDT"),
        ("TUSDBUSD", "BUSD"),
        ("USDTUSD", "USD"),
        ("ETHDAI", "DAI"),
        ("USDTDAI", "DAI"),
        ("BNBUSD", "USD"),
        ("BNBBUSD", "BUSD"),
        ("SHIBUSD", "USD"),
        ("DOTUSD", "USD"),
        ("DOTTUSD", "TUSD"),
        ("ADAEUR", "EUR"),
        ("ADAAEUR", "AEUR"),
        ("EURIUSDT", "USDT"),
        ("WBTCBTC", "BTC"),
        ("DOGEBTC", "BTC"),
        ("ETHTRY", "TRY"),
        ("USDTJPY", "JPY"),
        ("1000PEPEUSDT", "USDT"),
        ("币安人生USDT", "USDT"),
    ],
)
def test_the_quote_of_a_symbol(symbol: str, quote: str) -> None:
    assert quote_of(symbol) == quote


@pytest.mark.parametrize("symbol", ["ZZTUSD", "QQBUSD", "ZZTXYZ", "USDT", "ZZT", "", "ZZTXYZ_PERP", "币安人生"])
def test_what_no_list_knows_is_unknown(symbol: str) -> None:
    """ZZTUSD is ZZT in dollars or ZZ in TUSD: nothing says which."""
    assert quote_of(symbol) == ""


@pytest.mark.parametrize(
    ("symbol", "is_futures", "venue"),
    [
        ("BTCUSDT", False, BINANCE),
        ("BTCUSD", False, BINANCE),
        ("BTCUSDT", True, BINANCE_USDM),
        ("BTCUSDC", True, BINANCE_USDM),
        ("BTCUSDT_260327", True, BINANCE_USDM),
        ("BTCUSDT_260327", False, BINANCE_USDM),
        ("BTCUSD_PERP", True, BINANCE_COINM),
        ("BTCUSD_PERP", False, BINANCE_COINM),
        ("BNBUSD_260327", True, BINANCE_COINM),
        ("ZZTUSD_260327", True, BINANCE_COINM),
        ("ZZTXYZ_PERP", True, BINANCE_COINM),
        ("币安人生USDT", True, BINANCE_USDM),
    ],
)
def test_the_market_of_a_symbol(symbol: str, is_futures: bool, venue: Venue) -> None:
    assert venue_of(symbol, is_futures) is venue
