"""Listings: the names that the exchange has a market for, and the prices at which it begins."""

from __future__ import annotations

import pytest

from hftlab.errors import HftlabError
from hftlab.simulator.listings import SYMBOLS, find_listing, last_close, listed_profile, opened


def test_every_symbol_of_the_reference_document_is_listed() -> None:
    assert [find_listing(name).wire_symbol for name in SYMBOLS] == list(SYMBOLS)


def test_a_listing_away_from_its_main_market_is_named_with_it() -> None:
    assert find_listing("AAPL:NYSE").venue.name == "NYSE"


@pytest.mark.parametrize("name", ["NOBODY", "AAPL:LSE", ""])
def test_an_unknown_one_is_refused_with_advice(name: str) -> None:
    with pytest.raises(HftlabError, match="choose names such as AAPL"):
        find_listing(name)


def test_closes_are_on_the_tick_and_can_be_given() -> None:
    aapl = find_listing("AAPL")
    assert last_close(aapl, listed_profile(aapl, {})) == 175_000_000_000
    assert last_close(aapl, listed_profile(aapl, {"AAPL": 12.3456})) == 12_350_000_000
    with pytest.raises(ValueError, match="the price of AAPL"):
        listed_profile(aapl, {"AAPL": -1.0})


def test_listings_of_one_name_open_at_one_price_which_the_seed_gives() -> None:
    one, other = find_listing("AAPL"), find_listing("AAPL:NYSE")
    prices = [opened(listing, listed_profile(listing, {}), 7).price for listing in (one, other)]
    assert prices[0] == prices[1] != opened(one, listed_profile(one, {}), 8).price
    assert prices[0] == pytest.approx(175, rel=0.02)
