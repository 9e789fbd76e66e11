"""Recorded orders taken out of their market, and sent as one's own: what the fill models say of them."""

from __future__ import annotations

from typing import ClassVar

import polars as pl
import pytest

from hftlab.backtest.fill_models import FILL_MODELS
from hftlab.backtest.leave_one_out import LeaveOneOut
from hftlab.errors import ArgumentError, EventError, SessionError
from hftlab.events import F_MBP, EventBatch
from hftlab.venues import lobster
from tests.backtest.left_out_rows import ONE, SECOND, add, batch_of, cancel, execute
from tests.backtest.listed_rows import Row
from tests.backtest.recorded_days import levels, orders
from tests.shared_data import shared_data

AMZN = "lobster/LOBSTER_SampleFile_AMZN_2012-06-21_5.zip"


def of_one(rows: list[Row], model: str) -> list[tuple[int, int]]:
    """The modelled fills of ONE."""
    table = LeaveOneOut(batch_of(rows)).run([model])[model]
    (fills,) = table.filter(pl.col("order_id") == ONE)["modelled"].to_list()
    return [(fill["at"], fill["size"]) for fill in fills]


class TestHandMade:
    ROWS: ClassVar = [
        *add(1, 1, 10),
        *add(2, ONE, 20),
        *add(3, 2, 30),
        *cancel(4, 2, 25),
        *execute(5, (1, 10), (ONE, 5)),
        *cancel(6, ONE, 3),
        *execute(7, (ONE, 12)),
    ]

    def test_the_queue_gives_back_what_was(self) -> None:
        table = LeaveOneOut(batch_of(self.ROWS)).run(["fifo"])["fifo"]
        row = table.filter(pl.col("order_id") == ONE).row(0, named=True)
        fills = [{"at": 5, "size": 5}, {"at": 7, "size": 12}]
        assert row == {
            "order_id": ONE,
            "symbol": "AAA",
            "side": "B",
            "price": 10**9,
            "size": 20,
            "at": 2,
            "until": 7,
            "cancelled": False,
            "ahead": 10,
            "filled": fills,
            "modelled": fills,
        }

    def test_models_by_size_know_the_levels_alone(self) -> None:
        """Of the 25 lots that are cancelled behind it, all but the risk-averse model think some were ahead."""
        rows = [*add(1, 1, 30), *add(2, ONE, 20), *add(3, 2, 30), *cancel(4, 2, 28), *execute(5, (1, 20)),
                *cancel(6, ONE, 20)]  # fmt: skip
        assert of_one(rows, "fifo") == of_one(rows, "risk_averse") == []
        # Half of the cancelled lots are thought to have stood ahead: 30 - 14, and 20 trade.
        assert of_one(rows, "power(1)") == [(5, 4)]

    def test_where_it_was_executed_ones_own_waits_on(self) -> None:
        """The model is late by a second, as it thinks that nothing ahead of it was cancelled."""
        rows = [*add(1, 1, 10), *add(2, 3, 5), *add(3, ONE, 5), *add(3, 4, 40), *cancel(4, 1, 10),
                *execute(5, (3, 5), (ONE, 5)), *execute(5 + SECOND, (4, 10))]  # fmt: skip
        assert of_one(rows, "fifo") == [(5, 5)]
        assert of_one(rows, "risk_averse") == [(5 + SECOND, 5)]

    def test_after_its_cancellation_it_does_not(self) -> None:
        rows = [*add(1, 1, 10), *add(2, ONE, 5), *cancel(4, ONE, 5), *execute(5, (1, 10))]
        assert of_one(rows, "fifo") == of_one(rows, "risk_averse") == []


def test_no_row_of_the_order_is_seen() -> None:
    """What becomes of a recorded order does not change what the model says before."""
    before = [*add(1, 1, 10), *add(2, ONE, 20), *execute(3, (1, 4))]
    for model in FILL_MODELS:
        ends = ([*execute(9, (1, 6), (ONE, 20))], [*cancel(9, ONE, 20)], [*cancel(9, ONE, 5), *cancel(10, ONE, 15)])
        assert len({str([fill for fill in of_one([*before, *end], model) if fill[0] < 9]) for end in ends}) == 1


class TestSimulatedExchange:
    @pytest.mark.parametrize(("seconds", "seed"), [(40, 7), pytest.param(900, 11, marks=pytest.mark.soak)])
    def test_every_order_gets_its_real_fills_in_the_queue(self, seconds: float, seed: int) -> None:
        experiment = LeaveOneOut.of(orders(seconds, seed))
        assert experiment.orders > 20 * seconds
        table = experiment.run(["fifo"], most=experiment.orders)["fifo"]
        assert table.filter(pl.col("filled").list.len() > 0).height > 2 * seconds
        assert experiment.differences(table).is_empty()

    def test_the_same_seed_draws_the_same_orders(self) -> None:
        experiment = LeaveOneOut.of(orders(40))
        first, same, other = (experiment.run(["fifo"], most=50, seed=seed)["fifo"] for seed in (1, 1, 2))
        assert first.equals(same)
        assert not first["order_id"].equals(other["order_id"])


class TestAmazon:
    """A real day: exceptions are those of the venue, and each has a reason."""

    @pytest.mark.parametrize("most", [400, pytest.param(100_000, marks=pytest.mark.soak)])
    def test_the_queue_gives_back_the_real_fills(self, most: int) -> None:
        experiment = LeaveOneOut(EventBatch.concat(list(lobster.read(shared_data(AMZN)))))
        table = experiment.run(["fifo"], most=most)["fifo"]
        assert table.height == min(most, experiment.orders)
        differences = experiment.differences(table)
        assert differences.height < 0.003 * table.height
        assert "other" not in differences["reason"]


class TestErrors:
    def test_levels_have_no_orders(self) -> None:
        rows = [row._replace(flags=row.flags | F_MBP) for row in add(1, 0, 10)]
        with pytest.raises(EventError, match="only order-level events have orders to leave out"):
            LeaveOneOut(batch_of(rows))
        with pytest.raises(SessionError, match="has no order-level events"):
            LeaveOneOut.of(levels())

    @pytest.mark.parametrize(("options", "says"), [({"most": 0}, "above 0"), ({"models": ["fiffo"]}, "fifo")])
    def test_arguments_without_sense(self, options: dict[str, object], says: str) -> None:
        with pytest.raises(ArgumentError, match=says):
            LeaveOneOut(batch_of(add(1, 1, 10))).run(**({"models": ["fifo"]} | options))  # type: ignore[arg-type]
