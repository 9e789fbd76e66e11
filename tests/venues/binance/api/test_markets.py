"""The rules of the three markets."""

from __future__ import annotations

import pytest

from hftlab.errors import ArgumentError
from hftlab.venues.binance.api.markets import COINM, MARKETS, SPOT, USDM, contract_size, market_named


def test_a_market_is_found_by_its_name() -> None:
    assert [market_named(name) for name in ("spot", "usdm", "coinm")] == [SPOT, USDM, COINM] == list(MARKETS.values())


@pytest.mark.parametrize("name", ["swap", None, 3])
def test_another_name_is_an_error_that_lists_them(name: str) -> None:
    with pytest.raises(ArgumentError, match="'spot', 'usdm', 'coinm'"):
        market_named(name)


def test_a_contract_of_bitcoin_is_worth_a_hundred_dollars() -> None:
    assert (contract_size("BTCUSD_PERP"), contract_size("ETHUSD_260327")) == (100, 10)
