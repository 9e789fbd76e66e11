"""hftbacktest beside the fill core: one resting order of a lot in random level streams fills at the same time.

Of a lot, as hftbacktest books whole fills alone. Needs hftbacktest, which compiles for a while.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any, Final

import pytest

from hftlab.backtest.core import Entry
from hftlab.backtest.fill_core import FillCore
from hftlab.backtest.queue_models import QueueModel
from hftlab.backtest.reports import Cause
from hftlab.book.matching.entries import EntryType, InForce
from hftlab.events import ASK, BID, F_LAST, F_MBP, MODIFY, TRADE
from hftlab.instruments import NASDAQ, UNIT, Instrument
from tests.backtest.listed_rows import ListedRows, Row

STOCK: Final = Instrument("AAPL", NASDAQ, tick=UNIT, lot=UNIT, currency="USD")
PRICE: Final = 100
STEPS: Final = 60
STREAMS: Final = 60
EXPONENTS: Final = {QueueModel.POWER: 1.0, QueueModel.POWER2: 2.0, QueueModel.POWER3: 3.0}

pytestmark = pytest.mark.soak


def stream(seed: int) -> list[Row]:
    """Rows a microsecond apart: the order's level, the one across, prints at its price and sometimes through it."""
    random = Random(seed)

    def rows() -> Iterator[tuple[int, int, int, int]]:
        bid = random.randint(5, 40)
        yield MODIFY, BID, PRICE, bid
        yield MODIFY, BID, PRICE - 1, 50
        yield MODIFY, ASK, PRICE + 1, random.randint(1, 40)
        while True:
            kind = random.random()
            if kind < 0.45:
                bid = max(bid + random.randint(-9, 8), 1)
                yield MODIFY, BID, PRICE, bid
            elif kind < 0.65:
                yield TRADE, ASK, PRICE, random.randint(1, 4)
            elif kind < 0.9:
                yield MODIFY, ASK, PRICE + 1, random.randint(1, 40)
            elif kind < 0.96:
                yield TRADE, BID, PRICE + 1, random.randint(1, 9)
            elif kind < 0.97:
                yield TRADE, ASK, PRICE - 1, 1
            else:
                yield MODIFY, BID, PRICE - 1, random.randint(1, 90)

    made = rows()
    return [
        Row(1000 * (number + 1), action, side, price, size, flags=F_LAST | (F_MBP if action == MODIFY else 0))
        for number, (action, side, price, size) in zip(range(STEPS), made, strict=False)
    ]


def our_fill(rows: list[Row], model: QueueModel) -> int | None:
    """The time of our fill of an order that enters behind the third row; None without one."""
    core = FillCore(ListedRows([STOCK], [rows], "levels"), model, EXPONENTS.get(model, 1.0))
    core.play(3500)
    core.enter(Entry(1, 0, 1, BID, EntryType.LIMIT, InForce.GTC, PRICE, 1, post_only=1), 3500)
    core.play(1000 * (STEPS + 5))
    return next((int(one["time"]) for one in core.take() if one["cause"] == Cause.FILLED), None)


def their_fills(streams: list[list[Row]], model: QueueModel) -> list[int | None]:
    """The times of hftbacktest's fills, of an order in each stream."""
    theirs: Any = pytest.importorskip("hftbacktest")
    numpy: Any = pytest.importorskip("numpy")
    kept = []  # hftbacktest reads the arrays where they are
    both = theirs.EXCH_EVENT | theirs.LOCAL_EVENT

    def asset(rows: list[Row]) -> Any:
        data = numpy.zeros(len(rows), theirs.types.event_dtype)
        for event, row in zip(data, rows, strict=True):
            kind = theirs.TRADE_EVENT if row.action == TRADE else theirs.DEPTH_EVENT
            event["ev"] = kind | both | (theirs.BUY_EVENT if row.side == BID else theirs.SELL_EVENT)
            event["exch_ts"] = event["local_ts"] = row.time
            event["px"], event["qty"] = row.price, row.size
        kept.append(data)
        made = theirs.BacktestAsset().data([data]).linear_asset(1.0).constant_order_latency(0, 0)
        match model:
            case QueueModel.RISK_AVERSE:
                made.risk_adverse_queue_model()
            case QueueModel.LOG:
                made.log_prob_queue_model()
            case QueueModel.LOG2:
                made.log_prob_queue_model2()
            case QueueModel.POWER:
                made.power_prob_queue_model(EXPONENTS[model])
            case QueueModel.POWER2:
                made.power_prob_queue_model2(EXPONENTS[model])
            case QueueModel.POWER3:
                made.power_prob_queue_model3(EXPONENTS[model])
        return made.no_partial_fill_exchange().trading_value_fee_model(0, 0).tick_size(1.0).lot_size(1.0)

    market = theirs.HashMapMarketDepthBacktest([asset(rows) for rows in streams])
    market.elapse(2500)  # it begins with the first row
    for number in range(len(streams)):
        market.submit_buy_order(number, 1, float(PRICE), 1.0, theirs.GTX, theirs.LIMIT, False)
    market.elapse(1000 * (STEPS + 5))
    times = []
    for number in range(len(streams)):
        order = market.orders(number).get(1)
        times.append(int(order.exch_timestamp) if order.status == theirs.FILLED else None)
    market.close()
    kept.clear()
    return times


@pytest.mark.parametrize("model", list(QueueModel))
def test_an_order_fills_when_hftbacktest_fills_it(model: QueueModel) -> None:
    streams = [stream(seed) for seed in range(STREAMS)]
    theirs = their_fills(streams, model)
    assert [our_fill(rows, model) for rows in streams] == theirs
    assert sum(time is not None for time in theirs) > STREAMS // 3
