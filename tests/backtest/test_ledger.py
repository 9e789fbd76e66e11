"""Fills are booked as an account that knows only fractions books them."""

from __future__ import annotations

import random
from fractions import Fraction

import polars as pl
import pytest

from hftlab.backtest.facts import Listing
from hftlab.backtest.ledger import book_fills, listings_of
from hftlab.backtest.result_tables import RAW
from hftlab.instruments import UNIT
from hftlab.protocol.enums import Side
from hftlab.trading.account import Account, AccountTerms
from hftlab.trading.venue import Liquidity
from tests.backtest.made_run import fill, random_run
from tests.trading.slow_account import SCHEDULES, SlowAccount
from tests.trading.units import AAPL, VODAFONE


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_positions_and_cash_are_those_of_a_slow_account(schedule: object) -> None:
    rows = random_run(random.Random(str(schedule)).randrange(10**6))["fills"]
    terms = AccountTerms(cash={"USD": 10_000.0, "GBP": 0.0}, commissions=schedule)  # type: ignore[arg-type]
    ledger = book_fills(pl.DataFrame(rows, schema=RAW["fills"]), Account("a", terms, [AAPL, VODAFONE]))
    slow = {"AAPL": SlowAccount(Fraction(1, 10**9), schedule), "VOD": SlowAccount(Fraction(1, 10**7), schedule)}  # type: ignore[arg-type]
    for row, booked, cash in zip(rows, ledger.positions.iter_rows(named=True), ledger.cash, strict=True):
        one = slow[row["symbol"]]
        quantity, price = Fraction(row["quantity"], UNIT), Fraction(row["price"], UNIT)
        one.fill(Side(row["side"]), quantity, price, Liquidity(row["liquidity"]))
        found = [booked[name] for name in ("quantity", "cost", "realized")]
        assert found == [one.quantity * UNIT, one.cost * UNIT, one.realized * UNIT]
        pounds = round(slow["VOD"].cash / 100 * Fraction(5, 4) * UNIT)
        assert cash == 10_000 * UNIT + slow["AAPL"].cash * UNIT + pounds
    paid = sum(one for one, row in zip(ledger.commissions, rows, strict=True) if row["symbol"] == "AAPL")
    assert paid == ledger.positions.filter(symbol="AAPL")["commissions"][-1]


def test_listings_say_how_prices_are_paid() -> None:
    account = Account("a", AccountTerms(rates={"GBP": 1.25}), [AAPL, VODAFONE])
    assert listings_of(account) == {"AAPL": Listing("USD", "1", 1), "VOD": Listing("GBX", "1/80", 100)}


def test_a_symbol_that_is_not_traded_is_refused() -> None:
    rows = pl.DataFrame([fill("a", "BUY", 1, 1, 1, symbol="MSFT")], schema=RAW["fills"])
    with pytest.raises(KeyError, match="MSFT"):
        book_fills(rows, Account("a", AccountTerms(), [AAPL]))
