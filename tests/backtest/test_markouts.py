"""Markouts against a loop over the quotes, and what is left out of them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.errors import ArgumentError
from tests.backtest.made_run import SECOND, START, fill, made_result, order, quote, random_run


def slow_markout(run: dict[str, Any], gaps: list[Any], made: dict[str, Any], horizon: int, end: int) -> float | None:
    then, symbol = made["at"] + horizon, made["symbol"]
    if then > end or any(one["symbol"] == symbol and one["from"] <= then < one["to"] for one in gaps):
        return None
    before = [one for one in run["quotes"] if one["symbol"] == symbol and one["at"] <= then]
    if not before or not before[-1]["bid"] or not before[-1]["ask"]:
        return None
    mid = (before[-1]["bid"] / 1e9 + before[-1]["ask"] / 1e9) / 2
    return (mid - made["price"] / 1e9) * (1 if made["side"] == "BUY" else -1)


def gap(since: float, until: float, symbol: str = "AAPL") -> dict[str, Any]:
    return {
        "symbol": symbol,
        "from": START + round(since * SECOND),
        "to": START + round(until * SECOND),
        "why": "disconnect",
    }


@given(seed=st.integers(0, 10**6))
def test_markouts_are_those_of_a_loop(seed: int) -> None:
    run = random_run(seed, fills=10, quotes=50)
    gaps = [gap(10, 12.5), gap(20, 31, "VOD"), gap(40, 47)]
    result = made_result(**run, gaps=gaps)
    table = result.markouts(("500ms", 3, "20s")).collect()
    expected = [
        slow_markout(run, gaps, made, horizon * SECOND // 10, START + 60 * SECOND)
        for made in run["fills"]
        for horizon in (5, 30, 200)
    ]
    assert table["horizon"].to_list() == [SECOND // 2, 3 * SECOND, 20 * SECOND] * len(run["fills"])
    for found, wanted in zip(table["markout"].to_list(), expected, strict=True):
        assert (found is None) == (wanted is None)
        assert found is None or found == pytest.approx(wanted, abs=1e-9)


def test_the_summary_has_their_mean_by_quantity() -> None:
    fills = [fill("a", "BUY", 100.0, 30, 1), fill("b", "SELL", 101.0, 10, 2), fill("c", "BUY", 100.0, 10, 59.5)]
    orders = [order(one["client_order_id"], one["side"], 100.0, 30, 0.5) for one in fills]
    result = made_result(orders, fills, [quote(0.9, 99, 101), quote(1.5, 100, 102)])
    tenth, second, ten = result.summary().total.markouts
    assert (tenth.per_unit, tenth.fills, tenth.left_out) == (pytest.approx((30 * 0 + 10 * 0 + 10 * 1) / 50), 3, 0)
    assert (second.per_unit, second.fills, second.left_out) == (pytest.approx((30 * 1 + 10 * 0) / 40), 2, 1)
    assert second.bps == pytest.approx(1e4 * 30 / (30 * 100 + 10 * 101))
    assert ten.left_out == 1


def test_a_fill_without_a_markout_is_counted() -> None:
    result = made_result([order("a", "BUY", 100, 1, 1)], [fill("a", "BUY", 100, 1, 1)], [quote(0, 99, 101)],
                         gaps=[gap(1.5, 3)])  # fmt: skip
    tenth, second, _ = result.summary().total.markouts
    assert (tenth.per_unit, tenth.left_out) == (0.0, 0)
    assert (second.per_unit, second.bps, second.fills, second.left_out) == (None, None, 0, 1)
    assert result.summary().total.uncovered == pytest.approx(1.5 / 60)


def test_horizons_that_are_not_lengths_of_time_are_refused() -> None:
    with pytest.raises(ArgumentError, match="'soon' is not a length of time"):
        made_result().markouts(["soon"])
