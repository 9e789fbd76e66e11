from __future__ import annotations

import pytest

from hftlab.errors import ArgumentError
from hftlab.venues.kraken.pair_names import pair_name


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
    assert pair_name(given) == name


@pytest.mark.parametrize(
    ("given", "nearest"),
    [
        ("BTCUSD", "BTC/USD"),
        ("XBTUSDT", "BTC/USDT"),
        ("btc-usd", "BTC/USD"),
        ("ETH_EUR", "ETH/EUR"),
        ("USD", "BTC/USD"),
        ("/USD", "BTC/USD"),
        ("A/B/C", "BTC/USD"),
    ],
)
def test_another_form_is_an_error_that_says_the_nearest_name(given: str, nearest: str) -> None:
    with pytest.raises(ArgumentError, match=f"is not the name of a pair of Kraken's: .*'{nearest}'"):
        pair_name(given)
