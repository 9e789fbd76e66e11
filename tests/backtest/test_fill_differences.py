"""Why the recorded queues do not give an order what it had: each reason from a recording of a few rows."""

from __future__ import annotations

import pytest

from hftlab.backtest.fill_differences import Reason
from hftlab.backtest.leave_one_out import LeaveOneOut
from hftlab.events import ASK, NO_SIDE, TRADE
from tests.backtest.left_out_rows import ONE, SECOND, add, batch_of, cancel, execute, hidden
from tests.backtest.listed_rows import Row

QUEUE = [*add(1, 1, 10), *add(2, ONE, 20), *add(3, 2, 30)]
END = cancel(20 * SECOND, ONE, 20)

CASES = {
    Reason.OUT_OF_TURN: ([*QUEUE, *execute(4, (ONE, 20))], 4, 10, 20, 10),
    Reason.PASSED_OVER: ([*QUEUE, *cancel(4, 1, 10), *execute(5, (2, 7)), *END], 5, 0, 0, 7),
    Reason.HIDDEN_TRADE: ([*QUEUE, *hidden(4, 15), *END], 4, 10, 0, 5),
    Reason.TRADED_THROUGH: ([*QUEUE, *hidden(4, 8, price=99), *END], 4, 10, 0, 8),
    Reason.CROSSED: ([*QUEUE, *add(4, 9, 6, 100, ASK), *END], 4, 10, 0, 6),
    Reason.AUCTION: ([*QUEUE, Row(4, TRADE, NO_SIDE, 99, 12), *END], 4, 10, 0, 12),
}


@pytest.mark.parametrize("reason", CASES)
def test_reasons(reason: Reason) -> None:
    rows, at, ahead, filled, modelled = CASES[reason]
    experiment = LeaveOneOut(batch_of(rows))
    table = experiment.run(["fifo"])["fifo"]
    (found,) = (row for row in experiment.differences(table).rows(named=True) if row["order_id"] == ONE)
    assert found == {
        "order_id": ONE,
        "symbol": "AAA",
        "at": at,
        "reason": reason.value,
        "ahead": ahead,
        "filled": filled,
        "modelled": modelled,
    }


def test_orders_whose_fills_agree_are_left_out() -> None:
    rows = [*QUEUE, *execute(4, (1, 10), (ONE, 5)), *cancel(5, ONE, 15)]
    experiment = LeaveOneOut(batch_of(rows))
    assert experiment.differences(experiment.run(["fifo"])["fifo"]).is_empty()
