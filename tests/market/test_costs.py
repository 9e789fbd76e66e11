from __future__ import annotations

import pytest

from hftlab.market.costs import Costs, Fee, Terms


class TestFee:
    def test_raises_what_is_paid_and_lowers_what_is_got(self) -> None:
        fee = Fee(bps=10, per_unit=0.5)
        assert fee.bought(100.0) == pytest.approx(100.6)
        assert fee.sold(100.0) == pytest.approx(99.4)


class TestTerms:
    def test_of_london_count_in_pence_of_the_pound(self) -> None:
        assert Costs().terms("VOD", "LSE") == Terms(Fee(bps=0.45), "GBP", 0.01)

    def test_of_a_known_symbol_are_in_its_own_currency(self) -> None:
        assert Costs().terms("BTCUSDT", "BINANCE").currency == "USDT"

    def test_of_an_unknown_venue_are_asked_for(self) -> None:
        with pytest.raises(ValueError, match="the fee of X at MARS is not known: pass one for that venue"):
            Costs().terms("X", "MARS")
        with pytest.raises(ValueError, match="the currency of X at MARS is not known"):
            Costs({"MARS": Fee()}).terms("X", "MARS")


class TestCommonCurrency:
    POUNDS, DOLLARS = Terms(Fee(), "GBP", 0.01), Terms(Fee(), "USD", 1.0)

    def test_is_that_of_the_costs_where_the_rates_are_known(self) -> None:
        assert Costs(rates={"GBP": 1.25}).common(self.POUNDS, self.DOLLARS) == ("USD", 0.0125, 1.0)

    def test_is_the_listings_own_where_they_share_it(self) -> None:
        assert Costs().common(self.POUNDS, self.POUNDS) == ("GBP", 0.01, 0.01)

    def test_needs_a_rate_otherwise(self) -> None:
        with pytest.raises(ValueError, match="there is no rate of GBP in USD: pass one in `rates`"):
            Costs().common(self.POUNDS, self.DOLLARS)
