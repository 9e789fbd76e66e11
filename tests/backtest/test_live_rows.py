"""Rows of a market that goes on: what a fill core keeps of them."""

from __future__ import annotations

import numpy as np
import pytest

from hftlab.backtest import fill_core
from hftlab.backtest.fill_core import FillCore
from hftlab.backtest.live_rows import LiveRows
from hftlab.backtest.queue_models import QueueModel
from hftlab.events import ASK, BID, F_LAST, F_MBP, MODIFY, EventBatch
from hftlab.instruments import BINANCE, UNIT, Instrument

INSTRUMENT = Instrument("BTCUSDT", BINANCE, UNIT, UNIT, "USDT")


def moved(mid: int) -> EventBatch:
    """The price goes up by one: a bid and an ask come, the lowest bid and the lowest ask go."""
    changes = [(BID, mid, 3), (BID, mid - 5, 0), (ASK, mid + 5, 2), (ASK, mid, 0)]
    side, price, size = np.array(changes, np.int64).T
    return EventBatch(
        ts_event=np.full(4, mid),
        ts_recv=np.full(4, mid),
        sequence=np.full(4, mid),
        instrument_id=np.zeros(4, np.int32),
        order_id=np.zeros(4, np.uint64),
        action=np.full(4, MODIFY),
        side=side,
        price=price * UNIT,
        size=size,
        flags=np.array([F_MBP, F_MBP, F_MBP, F_MBP | F_LAST]),
        instruments=(INSTRUMENT,),
    )


@pytest.mark.usefixtures("compiled")
def test_levels_that_have_gone_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory of a price that wanders off does not grow, and the book is what it would be."""
    monkeypatch.setattr(fill_core, "_MOST_LEVELS", 50)
    rows = LiveRows((INSTRUMENT,))
    core = FillCore(rows, int(QueueModel.RISK_AVERSE))
    for mid in range(100, 1100):
        rows.add(moved(mid))
        rows.end_block(mid)
        core.go_on()
        core.play(mid)
        books = core._state.books
        assert int(books.marks[0]["levels"]) <= 50 + 4
    assert len(core._state.level_taken) <= 200
    found = [
        [
            (int(one["ticks"]), int(one["lots"]))
            for one in books.levels[books.slots[int(side["start"]) :][: int(side["length"])]]
            if one["lots"]
        ]
        for side in books.sides
    ]
    assert found == [[(1095 + step, 3) for step in range(5)], [(1104 - step, 2) for step in range(5)]]
