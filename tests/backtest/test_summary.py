"""A summary is looked up by symbol, and is JSON."""

from __future__ import annotations

import json

from tests.backtest.made_run import made_result, random_run


def test_symbols_are_looked_up_and_iterated() -> None:
    summary = made_result(**random_run(7)).summary()
    assert [one.symbol for one in summary] == ["AAPL", "VOD"]
    assert summary["VOD"] is summary.symbols[1]


def test_it_is_json() -> None:
    summary = made_result(**random_run(7)).summary(["250ms"])
    told = json.loads(json.dumps(summary.to_dict()))
    assert told["total"]["pnl"] == summary.total.pnl
    assert told["symbols"][0]["markouts"][0]["horizon"] == 250_000_000


def test_the_short_form_is_a_line() -> None:
    summary = made_result(**random_run(7)).summary()
    assert repr(summary) == (
        f"Summary(makers:Quoter: PnL {summary.total.pnl:+,.2f} USD after fees, 40 fills of 40 orders in 1 session)"
    )
