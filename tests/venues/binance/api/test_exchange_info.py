"""The list of symbols."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hftlab.instruments import BINANCE, UNIT, Instrument
from hftlab.venues.binance.api.exchange_info import exchange_info
from hftlab.venues.binance.api.markets import COINM, SPOT, USDM, Market
from hftlab.venues.binance.api.messages_out import Writer
from hftlab.venues.market_state.recorded_market import SymbolState


def info_of(market: Market, symbol: str, currency: str = "USDT") -> tuple[dict[str, Any], dict[str, Any]]:
    instrument = Instrument(symbol, BINANCE, UNIT // 100, UNIT // 1000, currency)
    info = json.loads(exchange_info(market, [Writer(market, SymbolState(symbol, instrument))], 1_700, 6000))
    (listed,) = info["symbols"]
    return info, listed


def test_a_pair_of_spot() -> None:
    info, pair = info_of(SPOT, "BTCUSDT")
    assert (info["serverTime"], info["rateLimits"][0]["limit"]) == (1_700, 6000)
    assert (pair["symbol"], pair["status"], pair["baseAsset"], pair["quoteAsset"]) == (
        "BTCUSDT",
        "TRADING",
        "BTC",
        "USDT",
    )
    filters = {one["filterType"]: one for one in pair["filters"]}
    assert filters["PRICE_FILTER"]["tickSize"] == filters["PRICE_FILTER"]["minPrice"] == "0.01000000"
    assert filters["LOT_SIZE"]["stepSize"] == "0.00100000"
    assert "contractType" not in pair


def test_a_perpetual() -> None:
    info, contract = info_of(USDM, "BTCUSDT")
    assert info["futuresType"] == "U_MARGINED"
    assert (contract["contractType"], contract["marginAsset"], contract["pair"]) == ("PERPETUAL", "USDT", "BTCUSDT")
    assert (contract["pricePrecision"], contract["quantityPrecision"]) == (2, 3)


def test_contracts_that_are_margined_in_coins() -> None:
    _, contract = info_of(COINM, "BTCUSD_260327", "USD")
    assert (contract["baseAsset"], contract["quoteAsset"], contract["marginAsset"]) == ("BTC", "USD", "BTC")
    assert (contract["contractStatus"], contract["contractSize"]) == ("TRADING", 100)
    assert (contract["contractType"], contract["deliveryDate"]) == ("CURRENT_QUARTER", 1_774_598_400_000)


@pytest.mark.parametrize(
    ("symbol", "currency", "assets"), [("AAPL", "USD", ("AAPL", "USD")), ("XYZ", "", ("XYZ", "USD"))]
)
def test_what_is_not_a_pair_is_priced_in_its_currency(symbol: str, currency: str, assets: tuple[str, str]) -> None:
    _, pair = info_of(SPOT, symbol, currency)
    assert (pair["baseAsset"], pair["quoteAsset"]) == assets
