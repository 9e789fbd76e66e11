"""Refusals of a session: the check and what it says, without orders that ended otherwise."""

from __future__ import annotations

from hftlab import analysis
from hftlab.session import Session


def test_refused_orders_with_their_checks(traded: Session) -> None:
    found = analysis.rejections(traded.order_updates).select("client_order_id", "check", "detail").collect()
    assert found.rows() == [
        ("a-3", "tick", "the price 10.001 is not a multiple of 0.01"),
        ("a-4", "fill or kill", "not fillable"),
        ("a-6", None, "unknown order"),
    ]


def test_the_terms_of_the_order_are_there(traded: Session) -> None:
    first = analysis.rejections(traded.order_updates).collect().row(0, named=True)
    assert first["account"] == "alice"
    assert (first["symbol"], first["side"], first["order_type"]) == ("A", "BUY", "LIMIT")
    assert (first["quantity"], first["price"], first["stop_price"]) == (1.0, 10.001, None)
    assert first["ts_recv"] > 0
