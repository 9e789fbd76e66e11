"""Fills of a session: one row an execution, with its own commission."""

from __future__ import annotations

import polars as pl

from hftlab import analysis
from hftlab.session import Session
from tests.analysis.traded import MS, START


def test_each_fill_has_its_own_commission(traded: Session) -> None:
    found = analysis.fills(traded.order_updates).collect()
    assert found.columns == [
        *("ts_recv", "account", "client_order_id", "order_id", "symbol", "side", "price", "quantity", "commission"),
    ]
    assert found.filter(account="alice").select(
        "client_order_id", "side", "price", "quantity", "commission"
    ).rows() == [
        ("a-1", "BUY", 10.0, 60.0, 0.18),
        ("a-1", "BUY", 10.01, 40.0, 0.12),
        ("a-2", "SELL", 10.02, 30.0, -0.06),
    ]
    assert found["ts_recv"].to_list() == [START + n * MS for n in (1, 2, 3, 4)]


def test_orders_of_two_accounts_are_apart(traded: Session) -> None:
    """They have the same order id here, as at two venues."""
    found = analysis.fills(traded.order_updates).filter(pl.col("account") == "bob").collect()
    assert found.select("price", "quantity", "commission").rows() == [(10.03, 5.0, 0.5)]
