"""The equity is what an account is worth that is marked at every mid, to the last 1e-9."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.backtest.result import Result
from hftlab.instruments import UNIT
from hftlab.protocol.enums import Side
from hftlab.trading.account import Account, AccountTerms
from hftlab.trading.commissions import Commission
from hftlab.trading.money import round_half_even
from hftlab.trading.venue import Liquidity
from tests.backtest.made_run import SECOND, START, TERMS, fill, made_result, order, quote, random_run
from tests.trading.units import AAPL, VODAFONE


def marked(run: dict[str, Any], terms: AccountTerms) -> tuple[dict[int, tuple[int, int]], Account]:
    """Cash and total value after each time at which something happened, of an account that is marked by hand."""
    account = Account("oracle", terms, (AAPL, VODAFONE))
    worth: dict[int, tuple[int, int]] = {}
    mids: dict[str, int] = {}
    happened = [(row["at"], "bid" not in row, row) for row in (*run["quotes"], *run["fills"])]
    for at, is_fill, row in sorted(happened, key=lambda item: item[:2]):
        symbol = row["symbol"]
        if is_fill:
            account.fill(symbol, Side(row["side"]), row["quantity"], row["price"], Liquidity(row["liquidity"]))
        elif row["bid"] and row["ask"]:
            mids[symbol] = round_half_even(row["bid"] + row["ask"], 2)
        if symbol in mids:
            account.mark(symbol, mids[symbol])
        worth[at] = (account.portfolio().cash, account.total_value)
    return worth, account


def stepped(result: Result, times: list[int]) -> list[tuple[int, int]]:
    """Cash and equity of a result at some times, in 1e-9."""
    table = result.exact("equity").collect()
    assert table["at"].is_sorted()
    assert table["at"].n_unique() == table.height
    places = [table["at"].search_sorted(at, side="right") - 1 for at in times]
    return [(int(table["cash"][place] * UNIT), int(table["equity"][place] * UNIT)) for place in places]


@given(seed=st.integers(0, 10**6), rate=st.sampled_from([1.25, 1.1, 0.8371]), scale=st.sampled_from([1, 7, 10**6 + 3]))
def test_it_is_the_account_s_at_every_time(seed: int, rate: float, scale: int) -> None:
    """`scale` in 1e-9 of a unit makes prices and quantities that round."""
    run = random_run(seed, fills=12, quotes=60)
    for row in run["fills"]:
        row["quantity"] += scale - 1
    for row in run["quotes"]:
        if row["bid"] and row["ask"]:
            row["ask"] += scale - 1
    terms = AccountTerms(cash={"USD": 5_000.0, "GBP": 100.0}, rates={"GBP": rate}, commissions=TERMS.commissions)
    worth, account = marked(run, terms)
    result = made_result(**run, terms=terms)
    assert stepped(result, list(worth)) == list(worth.values())
    positions = result.exact("positions").collect()
    for symbol, position in account.positions.items():
        last = positions.filter(positions["symbol"] == symbol).row(-1, named=True)
        held = [position.quantity, position.cost, position.realized, position.commissions]
        assert [last[name] * UNIT for name in ("quantity", "cost", "realized", "commissions")] == held
    before = Account("before", terms, (AAPL, VODAFONE)).total_value
    assert result.summary().total.pnl == (account.total_value - before) / UNIT


def test_commissions_are_the_account_s_also_in_another_currency() -> None:
    terms = AccountTerms(cash=5_000.0, rates={"GBP": 1.3}, commissions=Commission(taker_bps=2.5, currency="GBP"))
    run = random_run(7)
    worth, account = marked(run, terms)
    result = made_result(**run, terms=terms)
    assert stepped(result, list(worth)) == list(worth.values())
    paid = result.exact("fills").collect().filter(symbol="AAPL")["commission"].sum()
    assert paid * UNIT == account.positions["AAPL"].commissions


def test_pnl_and_drawdown_follow_from_it() -> None:
    result = made_result(
        [order("a", "BUY", 100.0, 10, 1.0)],
        [fill("a", "BUY", 100.0, 10, 1.5)],
        [quote(1, 99.5, 100.5), quote(2, 101.5, 102.5), quote(3, 97.0, 98.0), quote(4, 0, 98.0), quote(5, 99.5, 100.5)],
    )
    table = result.equity.collect()
    rebate = 0.05  # half a basis point of 1,000
    assert [at - START for at in table["at"]] == [SECOND * tenths // 10 for tenths in (0, 15, 20, 30, 50, 600)]
    assert table["pnl"].round(9).to_list() == [0, rebate, 20 + rebate, -25 + rebate, rebate, rebate]
    assert table["drawdown"].round(9).to_list() == [0, 0, 0, -45, -20, -20]
    assert table["exposure"].to_list() == [0, 1000, 1020, 975, 1000, 1000]
    assert table["equity"].to_list() == [10_000 + one for one in table["pnl"].to_list()]


def test_before_the_first_mid_the_price_of_the_fill_counts() -> None:
    result = made_result([order("a", "SELL", 100.0, 10, 1.0)], [fill("a", "SELL", 100.0, 10, 1.5)], [quote(2, 98, 100)])
    assert result.equity.collect()["value"].to_list() == [0, -1000, -990, -990]


def test_a_result_without_fills_keeps_its_cash() -> None:
    table = made_result(quotes=[quote(1, 99, 101)]).exact("equity").collect()
    assert table["equity"].to_list() == [Decimal(10_000)] * 2
    assert table["exposure"].to_list() == [0, 0]


@pytest.mark.parametrize("at", [0.0, 60.0])
def test_a_fill_at_the_first_or_last_moment_counts(at: float) -> None:
    result = made_result([order("a", "BUY", 100.0, 10, at)], [fill("a", "BUY", 100.0, 10, at)], [quote(0, 101, 103)])
    assert result.exact("equity").collect()["pnl"][-1] == Decimal("20.05")
