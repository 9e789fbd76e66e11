"""Measures of a backtest, counted by hand and by loops."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hftlab.backtest.result import Result
from hftlab.protocol.enums import Side
from hftlab.trading.account import Account, AccountTerms
from hftlab.trading.venue import Liquidity
from tests.backtest.made_run import SECOND, START, TERMS, fill, made_result, order, quote, random_run
from tests.trading.units import AAPL, VODAFONE


@pytest.fixture
def result() -> Result:
    """Two purchases and a sale in AAPL, of which one order was filled in part; an order of each kind that was not."""
    return made_result(
        [
            order("a", "BUY", 100.0, 10, 1),
            order("b", "BUY", 100.0, 20, 2, filled=5),
            order("c", "SELL", 104.0, 10, 3),
            order("d", "BUY", 90.0, 15, 4, filled=0),
            order("e", "BUY", 90.0, 1000, 5, filled=0, status="REJECTED", reason="cash: too little"),
        ],
        [
            fill("a", "BUY", 100.0, 10, 10),
            fill("b", "BUY", 102.0, 5, 20, liquidity="TAKER"),
            fill("c", "SELL", 104.0, 10, 40),
        ],
        [quote(1, 99.0, 101.0), quote(45, 102.0, 104.0)],
        terms=AccountTerms(cash=10_000.0, commissions=TERMS.commissions),
    )


class TestBySymbol:
    def test_orders_and_quantities(self, result: Result) -> None:
        one = result.summary()["AAPL"]
        assert (one.orders, one.rejected, one.fills, one.volume) == (5, 1, 3, 25)
        assert one.fill_ratio == 3 / 4
        assert one.quantity_fill_ratio == 25 / 55

    def test_fills_count_that_the_strategy_has_not_heard_of(self) -> None:
        result = made_result(
            [order("a", "BUY", 100.0, 10, 1, filled=0, status="NEW"), order("b", "BUY", 99.0, 10, 2, filled=0)],
            [fill("a", "BUY", 100.0, 4, 10), fill("a", "BUY", 100.0, 1, 11)],
        )
        one = result.summary()["AAPL"]
        assert (one.fills, one.fill_ratio, one.quantity_fill_ratio) == (2, 1 / 2, 5 / 20)

    def test_money(self, result: Result) -> None:
        one = result.summary()["AAPL"]
        assert one.turnover == 1000 + 510 + 1040
        commissions = -0.5e-4 * (1000 + 1040) + 1.25e-4 * 510
        average = (1000 + 510) / 15
        assert one.commissions == pytest.approx(commissions)
        assert one.realized == pytest.approx(1040 - 10 * average - commissions)
        assert one.unrealized == pytest.approx(5 * (103 - average))
        assert one.pnl == pytest.approx(one.realized + one.unrealized)
        assert one.maker_share == pytest.approx(2040 / 2550)
        assert one.taker_share == pytest.approx(510 / 2550)
        assert one.auction_share == 0

    def test_inventory_is_weighted_by_time(self, result: Result) -> None:
        one = result.summary()["AAPL"]
        assert one.mean_inventory == pytest.approx((10 * 10 + 15 * 20 + 5 * 20) / 60)
        assert one.mean_absolute_inventory == one.mean_inventory
        assert one.max_inventory == 15

    def test_a_short_inventory_is_below_0(self) -> None:
        result = made_result([order("a", "SELL", 100, 8, 1)], [fill("a", "SELL", 100, 8, 45)], [quote(0, 99, 101)])
        one = result.summary().total
        assert (one.mean_inventory, one.mean_absolute_inventory, one.max_inventory) == (-2, 2, -8)

    def test_an_unknown_symbol_is_a_key_error(self, result: Result) -> None:
        with pytest.raises(KeyError):
            result.summary()["MSFT"]


class TestTotal:
    def test_of_one_symbol_it_is_that_symbol_s(self, result: Result) -> None:
        summary = result.summary()
        (one,) = summary
        assert summary.total.volume == one.volume
        assert summary.total.pnl == pytest.approx(one.pnl)

    def test_drawdown_and_exposure(self, result: Result) -> None:
        summary = result.summary()
        fall = summary.drawdown
        assert fall is not None
        # Bought at 102 what is worth 100: from the rebate of the first fill on.
        assert (fall.since, fall.at) == (START + 10 * SECOND, START + 20 * SECOND)
        assert fall.amount == pytest.approx(10 + 1.25e-4 * 510)
        assert fall.share == pytest.approx(fall.amount / 10_000.05)
        assert summary.max_exposure == 1500
        assert summary.mean_exposure == pytest.approx((10 * 1000 + 20 * 1500 + 5 * 500 + 15 * 515) / 60)

    def test_a_loss_from_the_first_moment_on_is_a_fall_since_the_start(self) -> None:
        """The table's first row has what was bought with the first message, and the loss of the spread."""
        quotes = [quote(0, 99, 101), quote(10, 97, 99)]
        result = made_result([order("a", "BUY", 102, 10, 0)], [fill("a", "BUY", 102, 10, 0)], quotes)
        fall = result.summary().drawdown
        assert fall is not None
        assert (fall.since, fall.at) == (START, START + 10 * SECOND)
        assert fall.amount == pytest.approx(10 * (102 - 98) - 0.5e-4 * 1020)

    @example(seed=6963)
    @given(seed=st.integers(0, 10**6))
    def test_it_adds_up_what_accounts_of_each_symbol_have(self, seed: int) -> None:
        run = random_run(seed, fills=15, quotes=40)
        summary = made_result(**run).summary()
        account = replayed(run)
        assert summary.total.pnl * 1e9 == pytest.approx(account.total_value - 10_000 * 10**9, abs=3)
        assert summary.total.realized == pytest.approx(account.portfolio().realized / 1e9, abs=1e-8)
        assert summary.total.unrealized == pytest.approx(account.portfolio().unrealized / 1e9, abs=1e-8)
        assert sum(one.pnl for one in summary) == pytest.approx(summary.total.pnl, abs=1e-8)
        assert sum(one.turnover for one in summary) == pytest.approx(summary.total.turnover)
        assert sum(one.fills for one in summary) == summary.total.fills == 15
        shares = (summary.total.maker_share, summary.total.taker_share, summary.total.auction_share)
        assert sum(one or 0 for one in shares) == pytest.approx(1)
        assert summary.total.volume == (None if len(summary.symbols) > 1 else summary.symbols[0].volume)
        fall = min(summary_falls(made_result(**run)))
        assert (summary.drawdown.amount if summary.drawdown else 0) == pytest.approx(-fall, abs=1e-9)

    def test_a_backtest_without_orders(self) -> None:
        summary = made_result(quotes=[quote(1, 99, 101)]).summary()
        assert (summary.symbols, summary.drawdown, summary.total.pnl) == ([], None, 0)
        assert (summary.total.fill_ratio, summary.total.maker_share, summary.total.volume) == (None, None, None)
        assert summary.duration == 60


def replayed(run: dict[str, Any]) -> Account:
    """Account after all fills, marked at the last quote of each symbol with two sides."""
    account = Account("oracle", TERMS, (AAPL, VODAFONE))
    for row in run["fills"]:
        account.fill(row["symbol"], Side(row["side"]), row["quantity"], row["price"], Liquidity(row["liquidity"]))
    for row in run["quotes"]:
        if row["bid"] and row["ask"]:
            account.mark(row["symbol"], (row["bid"] + row["ask"]) // 2)
    return account


def summary_falls(result: Result) -> list[float]:
    """How far the equity is below its highest so far, at each of its rows."""
    values = result.equity.collect()["equity"].to_list()
    return [value - max(values[: place + 1]) for place, value in enumerate(values)]
