"""Fills of a session: one row an execution, with its own commission."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from hftlab import analysis
from hftlab.protocol.enums import OrderStatus, UpdateType
from hftlab.session import Session, SessionWriter, open_session
from tests.analysis.traded import MS, START, fill, order


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


def test_a_fill_of_an_order_that_the_recording_met_half_filled_has_its_own_commission(tmp_path: Path) -> None:
    """The snapshot at the sign-in has the costs of before; a cancel in between tells nothing."""
    writer = SessionWriter(tmp_path / "joined", source={"name": "test"})
    told = [
        order(
            "a-1", "ORD_1", UpdateType.FILL, OrderStatus.PARTIALLY_FILLED, filled=60.0, commission=0.18, snapshot=True
        ),
        order("a-1", "ORD_1", UpdateType.CANCEL, OrderStatus.PENDING_CANCEL, filled=60.0),
        fill("a-1", "ORD_1", 10.01, 40.0, filled=100.0, commission=0.3),
        fill("c-1", "ORD_1", 10.0, 20.0, filled=20.0, commission=0.06),  # of a server that has begun anew
    ]
    for at, message in enumerate(told):
        writer.append(message, START + at * MS, account="alice")
    writer.close()
    found = analysis.fills(open_session(tmp_path / "joined").order_updates).collect()
    assert found.select("quantity", "commission").rows() == [(40.0, 0.12), (20.0, 0.06)]


def test_orders_of_two_accounts_are_apart(traded: Session) -> None:
    """They have the same order id here, as at two venues."""
    found = analysis.fills(traded.order_updates).filter(pl.col("account") == "bob").collect()
    assert found.select("price", "quantity", "commission").rows() == [(10.03, 5.0, 0.5)]
