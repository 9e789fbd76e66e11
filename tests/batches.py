"""Short ways to write event batches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from hftlab.events import F_LAST, F_MBP, EventBatch
from hftlab.instruments import BINANCE, NASDAQ, UNIT, Instrument

COIN = Instrument("COIN", BINANCE, tick=UNIT // 100, lot=UNIT // 1000, currency="USDT")
SHARE = Instrument("SHARE", NASDAQ, tick=5 * UNIT // 100, lot=UNIT, currency="USD")


class Row(NamedTuple):
    """One event row: letters for action and side, ticks (and 1e-9 beside them) and lots for price and size."""

    action: str
    side: str = "N"
    ticks: int = 0
    lots: int = 0
    flags: int = F_MBP | F_LAST
    instrument: int = 0
    time: int = 0
    order: int = 0
    off_tick: int = 0


def make_batch(rows: Iterable[Row], instruments: Sequence[Instrument] = (COIN,)) -> EventBatch:
    """A batch whose ts_event is each row's `time` (default its number from 1) in ms and ts_recv 1 ms later."""
    rows = list(rows)
    times = np.array([row.time or number for number, row in enumerate(rows, 1)], np.int64) * 1_000_000
    return EventBatch(
        ts_event=times,
        ts_recv=times + 1_000_000,
        sequence=np.arange(len(rows)),
        instrument_id=[row.instrument for row in rows],
        order_id=np.array([row.order for row in rows], np.uint64),
        action=[ord(row.action) for row in rows],
        side=[ord(row.side) for row in rows],
        price=[row.ticks * instruments[row.instrument].tick + row.off_tick for row in rows],
        size=[row.lots for row in rows],
        flags=[row.flags for row in rows],
        instruments=tuple(instruments),
    )
