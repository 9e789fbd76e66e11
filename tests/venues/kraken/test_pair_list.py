from __future__ import annotations

from typing import Any

import pytest

from hftlab.errors import DataError, SubscriptionFailed
from hftlab.instruments import UNIT
from hftlab.venues.kraken.frames import Pair
from hftlab.venues.kraken.pair_list import listed_instruments


def pair(symbol: str = "BTC/USD", **changes: Any) -> Pair:
    base, _, quote = symbol.partition("/")
    fields = {"status": "online", "price_precision": 1, "size_precision": 8} | changes
    return Pair(symbol=symbol, base=base, quote=quote, **fields)


def test_tick_and_lot_are_the_last_decimals() -> None:
    bitcoin, ether = listed_instruments(
        [pair("ETH/EUR", price_precision=2, size_precision=0), pair(), pair("ADA/USD")], ["BTC/USD", "ETH/EUR"]
    )
    assert (bitcoin.symbol, bitcoin.tick, bitcoin.lot, bitcoin.currency) == ("BTC/USD", UNIT // 10, 10, "USD")
    assert (ether.symbol, ether.tick, ether.lot, ether.currency) == ("ETH/EUR", UNIT // 100, UNIT, "EUR")


def test_what_is_not_listed_is_named() -> None:
    with pytest.raises(SubscriptionFailed, match=r"does not list 'BTC/USB' \(nearest: 'BTC/USD'\)"):
        listed_instruments([pair()], ["BTC/USB"])


@pytest.mark.parametrize("decimals", [10, -1, 10**9])
def test_more_decimals_than_there_are_units_are_an_error(decimals: int) -> None:
    with pytest.raises(DataError, match=f"the prices of BTC/USD have {decimals} decimals"):
        listed_instruments([pair(price_precision=decimals)], ["BTC/USD"])
