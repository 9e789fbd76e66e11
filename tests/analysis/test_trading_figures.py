"""The figure of what an account has traded shows its numbers, and says whose it cannot show."""

from __future__ import annotations

from typing import Any

import pytest

from hftlab import analysis
from hftlab.errors import SessionError
from hftlab.session import Session


def lines(figure: Any) -> dict[str, Any]:
    return {line.name: line for line in figure.data}


def test_fills_inventory_and_profit_of_one_account(traded: Session) -> None:
    figure = analysis.trading_figure(traded, "A", "alice")
    drawn = lines(figure)
    assert (list(drawn["bought"].y), list(drawn["bought"].customdata)) == ([10.0, 10.01], [60.0, 40.0])
    assert list(drawn["sold"].y) == [10.02]
    assert list(drawn["inventory"].y) == [60.0, 70.0, 70.0]
    assert list(drawn["profit"].y) == [-0.18, 0.76, 0.76]
    assert figure.layout.yaxis3.title.text == "profit, USD"
    assert drawn["sold"].x[0] == drawn["inventory"].x[-1]


def test_the_market_is_drawn_where_it_has_changed(traded: Session) -> None:
    drawn = lines(analysis.trading_figure(traded, "A", "alice"))
    assert (list(drawn["bid"].y), list(drawn["ask"].y)) == ([9.99, 10.0, 10.0], [10.01, 10.02, 10.02])


def test_lines_go_from_the_first_position_to_the_last(traded: Session) -> None:
    """The market had its price before, and nothing needs to change at the end."""
    figure = analysis.trading_figure(traded, "A", "alice")
    spans = {(line.x[0], line.x[-1]) for line in figure.data if line.mode != "markers"}
    (span,) = spans
    assert (span[1] - span[0]).total_seconds() == 0.003


def test_no_more_points_than_asked_for(traded: Session) -> None:
    drawn = lines(analysis.trading_figure(traded, "A", "alice", points=1))
    assert [len(drawn[name].x) for name in ("bid", "ask", "inventory", "profit")] == [2, 2, 2, 2]  # one and the end
    assert len(drawn["bought"].x) == 2


def test_the_only_account_need_not_be_named(traded: Session) -> None:
    with pytest.raises(SessionError, match=r"2 accounts have traded A .* one of alice, bob"):
        analysis.trading_figure(traded, "A")
    assert list(lines(analysis.trading_figure(traded, "A", "bob"))["bought"].y) == [10.03]


def test_who_has_not_traded_is_said(traded: Session) -> None:
    with pytest.raises(SessionError, match="'carol' has not traded A in this session; those who have are alice, bob"):
        analysis.trading_figure(traded, "A", "carol")
    with pytest.raises(SessionError, match="no account has traded B in this session"):
        analysis.trading_figure(traded, "B")
