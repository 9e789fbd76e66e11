"""Ledger of a run: its fills booked in an account, one after the other."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from hftlab.backtest.facts import Listing
from hftlab.backtest.result_tables import RAW
from hftlab.protocol.enums import Side
from hftlab.trading.account import Account
from hftlab.trading.money import cash_currency
from hftlab.trading.position import price_currency
from hftlab.trading.venue import Liquidity

__all__ = ["Ledger", "book_fills", "listings_of"]


class Ledger(NamedTuple):
    """Account after each fill, in integers of 1e-9: a row and an item for each fill."""

    positions: pl.DataFrame
    """The position in the fill's symbol after it; columns of RAW["positions"]."""
    cash: list[int]
    """All cash after it, in the account's currency."""
    commissions: list[int]
    """The fill's own, in the currency of its price."""


def book_fills(fills: pl.DataFrame, account: Account) -> Ledger:
    """Book fills, sorted by time and with the columns of RAW["fills"], in a new account, which they change.

    Raises KeyError for a symbol that the account does not trade.
    """
    rows, cash, commissions = [], [], []
    columns = ("at", "symbol", "side", "quantity", "price", "liquidity")
    for at, symbol, side, quantity, price, liquidity in fills.select(columns).iter_rows():
        commissions.append(account.fill(symbol, Side(side), quantity, price, Liquidity(liquidity)))
        one = account.positions[symbol]
        average = float(one.average_price / 10**9)
        rows.append((at, symbol, one.quantity, one.cost, average, one.realized, one.commissions, one.currency))
        cash.append(account.portfolio().cash)
    return Ledger(pl.DataFrame(rows, schema=RAW["positions"], orient="row"), cash, commissions)


def listings_of(account: Account) -> dict[str, Listing]:
    """Return how each of an account's instruments is paid for."""
    return {
        one.wire_symbol: Listing(
            currency := price_currency(one), str(account.rate(one.wire_symbol)), cash_currency(currency)[1]
        )
        for one in account.instruments
    }
