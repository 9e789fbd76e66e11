"""Arrays of real data: hftbacktest's depth is that of our books at many times, and the events come back unchanged."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hftlab.book import BookSet, OrderBook
from hftlab.events import COLUMNS, EventBatch
from hftlab.venues import binance, lobster
from hftlab.venues.hftbacktest import event_format as form
from hftlab.venues.hftbacktest import read
from hftlab.venues.hftbacktest.encoder import encode
from tests.shared_data import shared_data
from tests.venues.hftbacktest.test_reader import written

MOMENTS = 50
ROWS = 100_000


@cache
def amazon(path: Path) -> EventBatch:
    return EventBatch.concat(lobster.read(path))[:ROWS]


@cache
def bitcoin(path: Path) -> EventBatch:
    return EventBatch.concat(binance.read(path))[:ROWS]


@pytest.fixture
def batch(request: pytest.FixtureRequest) -> EventBatch:
    read, name = request.param
    return read(shared_data(name))  # type: ignore[no-any-return]


SAMPLES = [
    pytest.param((amazon, "lobster/LOBSTER_SampleFile_AMZN_2012-06-21_5.zip"), id="AMZN"),
    pytest.param((bitcoin, "binance/spot_btcusdt_20240808.gz"), id="BTCUSDT"),
]


@pytest.mark.parametrize("batch", SAMPLES, indirect=True)
def test_its_depth_is_that_of_our_books(batch: EventBatch) -> None:
    hft = pytest.importorskip("hftbacktest", exc_type=ImportError)
    from hftbacktest.data import validate_event_order

    array = encode(batch)
    validate_event_order(array)
    backtest = hft.HashMapMarketDepthBacktest([asset(hft, array, batch)])
    backtest.elapse(0)
    books, done = BookSet(), 0
    received = np.maximum.accumulate(batch.ts_recv)
    for row in np.linspace(0, len(batch) - 1, MOMENTS, dtype=np.int64)[1:-1]:  # it may stop before the last row
        at = int(received[row])
        assert backtest.elapse(at - int(backtest.current_timestamp)) == 0
        stop = int(np.searchsorted(received, at, side="right"))
        books.apply(batch[done:stop])
        done = stop
        assert depth_of(backtest, batch) == levels_of(books[batch.instruments[0]])
    backtest.close()


@pytest.mark.parametrize("batch", SAMPLES, indirect=True)
def test_the_events_come_back(batch: EventBatch, tmp_path: Path) -> None:
    np.save(tmp_path / "events.npy", encode(batch))
    found = EventBatch.concat(read(tmp_path / "events.npy", instrument=batch.instruments[0]))
    expected = written(batch)
    assert len(found) > 0.99 * len(batch)
    for name in COLUMNS:
        assert (getattr(found, name) == getattr(expected, name)).all(), name


def asset(hft: Any, array: Any, batch: EventBatch) -> Any:
    """An asset without latency, fees or models that matter: of orders or of levels as the array is."""
    made = hft.BacktestAsset().data([array]).linear_asset(1.0).constant_order_latency(0, 0)
    made = made.tick_size(batch.instruments[0].tick / 1e9).lot_size(batch.instruments[0].lot / 1e9)
    made = made.no_partial_fill_exchange().trading_value_fee_model(0, 0)
    has_orders = (array["order_id"] > 0).any()
    return made.l3_fifo_queue_model() if has_orders else made.risk_adverse_queue_model()


def depth_of(backtest: Any, batch: EventBatch) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """All levels of bids and of asks, best first, in ticks and lots."""
    depth, instrument = backtest.depth(0), batch.instruments[0]
    levels = depth.snapshot()
    ticks, lots = instrument.ticks(levels["px"].copy()), instrument.lots(levels["qty"].copy())
    is_bid = levels["ev"] & form.BUY != 0
    depth.snapshot_free(levels)
    return tuple(list(zip(ticks[side].tolist(), lots[side].tolist(), strict=True)) for side in (is_bid, ~is_bid))  # type: ignore[return-value]


def levels_of(book: OrderBook) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    ticks, lots = book.instrument.ticks, book.instrument.lots
    bids, asks = ([(ticks(price), lots(size)) for price, size, _ in side(10**6)] for side in (book.bids, book.asks))
    return bids, asks
