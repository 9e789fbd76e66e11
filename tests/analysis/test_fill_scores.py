"""Scores of fill models: by hand on a few orders, and on the simulated exchange, whose queues are known."""

from __future__ import annotations

from functools import cache

import polars as pl
import pytest

from hftlab import analysis
from hftlab.analysis.fill_scores import EXPONENTS, ORDERS
from hftlab.errors import ArgumentError, SessionError
from tests.backtest.left_out_rows import SECOND, add, batch_of, cancel, execute
from tests.backtest.listed_rows import Row
from tests.backtest.recorded_days import levels, orders


def rounds(count: int) -> list[Row]:
    """Three orders every minute. The first is cancelled, the second executed at once, the third in part after 2 s.

    The risk-averse model takes what is cancelled ahead of the second for what stands behind it, and fills it after 2 s.
    """
    rows: list[Row] = []
    for number in range(count):
        at, ahead, one, behind = 60 * SECOND * number, 3 * number + 1, 3 * number + 2, 3 * number + 3
        rows += [*add(at + 1, ahead, 20), *add(at + 2, one, 10), *add(at + 3, behind, 40), *cancel(at + 4, ahead, 20)]
        rows += [*execute(at + 5, (one, 10)), *execute(at + 2 * SECOND, (behind, 20))]
        rows += cancel(at + 20 * SECOND, behind, 20)
    return rows


def only(table: pl.DataFrame, model: str, orders: str = "all") -> dict[str, object]:
    return table.filter(pl.col("model") == model, pl.col("orders").cast(pl.String) == orders).row(0, named=True)


@cache
def simulated() -> pl.DataFrame:
    return analysis.fill_scores(orders(40), most=400)


def test_scores_by_hand() -> None:
    """Of the twelve orders that are scored four are each the first, second and third of their minute."""
    scores = analysis.fill_scores(batch_of(rounds(8)), models=["fifo", "risk_averse"])
    assert scores["orders"].to_list() == ["all", "all", "tested", "tested", "queued", "queued"]
    averse = only(scores, "risk_averse")
    assert (averse["count"], averse["filled"], averse["modelled"], averse["both"]) == (12, 8, 8, 8)
    assert (averse["brier_1s"], averse["brier_10s"], averse["brier_end"]) == (pytest.approx(4 / 12), 0, 0)
    assert (averse["exact"], averse["size_bias"]) == (pytest.approx(8 / 12), 0)
    assert averse["time_bias"] == averse["time_miss"] == pytest.approx(1)
    assert averse["time_miss_p90"] == pytest.approx(2)
    for group in ("tested", "queued"):
        averse = only(scores, "risk_averse", group)
        assert (averse["count"], averse["brier_1s"]) == (8, 0.5)
    for group in ("all", "tested", "queued"):
        assert only(scores, "fifo", group)["exact"] == 1


class TestSimulatedExchange:
    def test_the_queue_is_right_and_the_models_are_not(self) -> None:
        for group in ORDERS:
            fifo = only(simulated(), "fifo", group)
            assert (fifo["brier_1s"], fifo["brier_10s"], fifo["brier_end"], fifo["exact"]) == (0, 0, 0, 1)
            assert (fifo["size_bias"], fifo["time_bias"], fifo["time_miss"]) == (0, 0, 0)
            assert only(simulated(), "risk_averse", group)["brier_end"] > 0  # type: ignore[operator]
        assert only(simulated(), "risk_averse")["size_bias"] < 0  # type: ignore[operator]

    def test_every_second_order_is_scored_and_smaller_groups_are_its_parts(self) -> None:
        counts = [only(simulated(), "log", group)["count"] for group in ("all", "tested", "queued")]
        assert counts[0] == 200
        assert counts == sorted(counts, reverse=True)  # type: ignore[type-var]

    def test_exponents_are_fitted_where_they_are_open(self) -> None:
        fitted = {name: only(simulated(), name)["n"] for name in ("power", "power2", "power3", "log")}
        assert fitted.pop("log") is None
        assert set(fitted.values()) <= set(EXPONENTS)

    def test_errors_and_distances_to_the_best(self) -> None:
        by_size = simulated().filter(pl.col("model") != "fifo")
        assert (by_size["behind"] >= 0).all()
        assert by_size.group_by("orders").agg(pl.col("behind").min())["behind"].to_list() == [0, 0, 0]
        some = by_size.filter(pl.col("brier_end") > 0)
        assert (some["brier_end_error"] > 0).all()
        assert (some["brier_end_error"] < some["brier_end"]).all()


class TestErrors:
    def test_levels_have_no_orders(self) -> None:
        with pytest.raises(SessionError, match="has no order-level events"):
            analysis.fill_scores(levels())

    def test_one_order_is_too_few(self) -> None:
        with pytest.raises(ArgumentError, match="1 orders to leave out: scores need two"):
            analysis.fill_scores(batch_of([*add(1, 1, 10), *cancel(2, 1, 10)]))
