"""An order of one's own in the place of a recorded one is asked for what that was, and only sees the others."""

from __future__ import annotations

import pytest

from hftlab.backtest.fill_core import FillCore
from hftlab.backtest.fill_models import FillModel
from hftlab.backtest.fill_state import FIFO
from hftlab.backtest.left_out_orders import orders_of, without
from hftlab.backtest.stand_in import BlockRows, StandIn, merged
from tests.backtest.left_out_rows import ONE, add, batch_of, cancel, execute, modify
from tests.backtest.listed_rows import Row


def stand_in(rows: list[Row], *later: Row) -> tuple[StandIn, list[tuple[int, int]]]:
    """The stand-in for ONE, entered; and its fills, of another one that has been run to the end of all rows."""
    batch = batch_of([*rows, *later])
    (order,) = (one for one in orders_of(batch) if one.order_id == ONE)
    market = FillCore(BlockRows(batch, batch.ts_event, "orders"), FIFO)
    market.play_rows(int(order.rows[0]))
    rest = without(batch, batch.ts_event, order, len(batch))
    at = int(batch.ts_event[order.rows[0]])
    both = [StandIn(order, at, rest, "orders", FillModel("fifo"), market) for _ in range(2)]
    return both[0], [(one["at"], one["size"]) for one in both[1].run(batch.ts_event)]


class TestFills:
    def test_it_waits_for_those_ahead(self) -> None:
        waiting, fills = stand_in(
            [*add(1, 1, 10), *add(2, ONE, 20), *execute(3, (1, 10), (ONE, 5)), *cancel(4, ONE, 15)]
        )
        assert waiting.ahead == 10
        assert fills == [(3, 5)]

    def test_a_reduction_keeps_its_place_and_more_or_another_price_does_not(self) -> None:
        before = [*add(1, ONE, 20), *add(2, 1, 10)]
        kept = [*before, *cancel(3, ONE, 5), *execute(4, (ONE, 15))]
        assert stand_in(kept)[1] == [(4, 15)]
        grown = [*before, *modify(3, ONE, 30), *execute(4, (1, 10)), *execute(5, (ONE, 30))]
        assert stand_in(grown)[1] == [(5, 30)]
        moved = [*before, *modify(3, ONE, 20, 99), *execute(4, (1, 10)), *execute(5, (ONE, 20), price=99)]
        assert stand_in(moved)[1] == [(5, 20)]

    def test_an_iceberg_stands_behind_with_its_next_part(self) -> None:
        reload = [*execute(3, (ONE, 20))[:-1], *modify(3, ONE, 8)]
        rows = [*add(1, ONE, 20), *add(2, 1, 10), *reload, *execute(4, (1, 10), (ONE, 3)), *cancel(5, ONE, 5)]
        assert stand_in(rows)[1] == [(3, 20), (4, 3)]

    @pytest.mark.parametrize("prints", [True, False])
    def test_one_trade_with_several_orders(self, prints: bool) -> None:
        rows = [*add(1, 1, 10), *add(2, ONE, 20), *add(3, 2, 5), *execute(4, (1, 10), (ONE, 20), (2, 5), prints=prints)]
        assert stand_in(rows)[1] == [(4, 20)]

    def test_after_its_cancellation_nothing_fills_it(self) -> None:
        rows = [*add(1, ONE, 20), *add(2, 1, 10), *cancel(3, ONE, 20)]
        assert stand_in(rows, *execute(4, (1, 10)))[1] == []


def test_fills_of_one_time_are_one() -> None:
    fills = [{"at": 1, "size": 2}, {"at": 1, "size": 3}, {"at": 4, "size": 1}]
    assert merged(fills) == [{"at": 1, "size": 5}, {"at": 4, "size": 1}]
