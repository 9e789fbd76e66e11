from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hftlab.book.open_orders import UNFIT, follow_orders
from hftlab.errors import CaptureError
from hftlab.events import CANCEL, CLEAR, COLUMNS, F_LAST, F_MBP, NO_SIDE, NONE, EventBatch
from hftlab.instruments import find_instrument
from hftlab.venues import hftbacktest
from hftlab.venues.hftbacktest import event_format as form
from tests.batches import COIN, SHARE, Row
from tests.book.test_book_set import LEVEL_ROWS
from tests.book.test_open_orders import ROWS, orders
from tests.venues.hftbacktest.arrays import BID, Event, write_array
from tests.venues.hftbacktest.test_encoder import levels_of

DEPTH, TRADE = form.DEPTH, form.TRADE
UNIT_COIN = dataclasses.replace(COIN, symbol="ZZT")


def written(batch: EventBatch) -> EventBatch:
    """A batch with the rows that an array has, and its times."""
    of_orders = not (batch.flags & F_MBP).any()
    fits = follow_orders(batch)[0] if of_orders else _on_grid(batch)
    kept = (batch.action != NONE) & (fits != UNFIT) & ~((batch.action == CANCEL) & (batch.size == 0) & of_orders)
    columns = {name: getattr(batch, name)[kept].copy() for name in COLUMNS}
    columns["side"][columns["action"] == CLEAR] = NO_SIDE
    # A modification to 0 fits at any price, and one within a thousandth of a tick is read as the tick.
    of_book = np.isin(columns["action"], list(b"AMC"))
    columns["price"][of_book] -= columns["price"][of_book] % batch.instruments[0].tick
    columns["ts_event"] = np.maximum.accumulate(np.minimum(columns["ts_event"], columns["ts_recv"]))
    # An event ends with the last row that is left of it.
    event = np.concatenate([[0], np.cumsum(batch.flags & F_LAST != 0)[:-1]])[kept] if len(batch) else np.zeros(0)
    closed = np.count_nonzero(batch.flags & F_LAST)
    for row in range(len(event)):
        if event[row] < closed and (row + 1 == len(event) or event[row + 1] != event[row]):
            columns["flags"][row] |= F_LAST
    return EventBatch(**columns, instruments=batch.instruments)


def _on_grid(batch: EventBatch) -> Any:
    changes = np.isin(batch.action, list(b"AMC"))
    bad = (batch.price % batch.instruments[0].tick != 0) | np.isin(batch.side, list(b"N"))
    return np.where(changes & bad, UNFIT, UNFIT + 1)


class TestRoundTrip:
    """What an array holds comes back as it was."""

    def check(self, batch: EventBatch, path: Path) -> None:
        expected = written(batch)
        np.save(path, hftbacktest.encode(batch))
        if not len(expected):
            with pytest.raises(CaptureError, match="has no rows"):
                hftbacktest.read(path, instrument=batch.instruments[0])
            return
        found = EventBatch.concat(hftbacktest.read(path, instrument=batch.instruments[0], chunk=7))
        for name in COLUMNS:
            assert getattr(found, name).tolist() == getattr(expected, name).tolist(), name

    @settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.lists(LEVEL_ROWS.filter(lambda row: row.lots > 0 or row.action in "TFNR"), min_size=1, max_size=60))
    def test_of_levels(self, path: Path, rows: list[Row]) -> None:
        """A row that is not about a level is one of another's orders where a batch has no level at all."""
        self.check(levels_of([Row("M", "B", 1, 1), *rows]), path.with_suffix(".npy"))

    @settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(ROWS)
    def test_of_orders(self, path: Path, rows: list[Row]) -> None:
        self.check(orders(rows), path.with_suffix(".npy"))


class TestErrors:
    def damaged(self, path: Path, *events: Event, **options: Any) -> tuple[int, str]:
        """The rows before the damage, and the error."""
        rows = 0
        with pytest.raises(CaptureError) as caught:
            for batch in hftbacktest.read(write_array(path, *events), **options):
                rows += len(batch)
        return rows, str(caught.value)

    def test_a_price_off_the_tick(self, path: Path) -> None:
        events = [
            Event(DEPTH | BID, 9.5, 1.0),
            Event(DEPTH | BID, 9.51, 1.0, exch=2),
            Event(DEPTH | BID, 9.555, exch=2),
        ]
        rows, said = self.damaged(path, *events, instrument=UNIT_COIN)
        assert rows == 1
        assert "row 2: has the px 9.555, which is not a multiple of the tick of ZZT, 0.01: give another tick" in said

    @pytest.mark.parametrize("quantity", [0.0005, -1.0, np.nan, np.inf])
    def test_a_size_that_cannot_be(self, path: Path, quantity: float) -> None:
        """Also before a bad price, which is found first."""
        events = [Event(DEPTH | BID, 9.5, quantity), Event(DEPTH | BID, 9.555, 1.0, exch=2)]
        rows, said = self.damaged(path, *events, instrument=UNIT_COIN)
        assert rows == 0
        assert "row 0: has the qty" in said

    @pytest.mark.parametrize("kind", [DEPTH, TRADE, form.ADD_ORDER])
    @pytest.mark.parametrize("price", [np.nan, np.inf])
    def test_a_price_that_is_none(self, path: Path, kind: int, price: float) -> None:
        events = [Event(DEPTH | BID, 9.5, 1.0), Event(kind | BID, price, 1.0, exch=2)]
        rows, said = self.damaged(path, *events, instrument=UNIT_COIN)
        assert rows == 1
        assert f"row 1: has the px {price!r}, which is no price: make it again" in said

    def test_a_size_that_is_infinite_is_said_without_an_instrument_too(self, path: Path) -> None:
        _, said = self.damaged(path, Event(DEPTH | BID, 9.5, np.inf))
        assert "has the qty inf, which is no size: make it again" in said

    def test_a_row_without_a_time(self, path: Path) -> None:
        rows, said = self.damaged(path, Event(DEPTH | BID, 9.5, 1.0), Event(DEPTH | BID, 9.5, 1.0, exch=0))
        assert rows == 1
        assert "row 1: has no time" in said

    def test_no_rows_and_chunks_of_none(self, path: Path) -> None:
        with pytest.raises(CaptureError, match="has no rows"):
            hftbacktest.read(write_array(path))
        with pytest.raises(ValueError, match="chunk"):
            hftbacktest.read(write_array(path, Event(DEPTH)), chunk=0)


def test_batches_are_whole_events(path: Path) -> None:
    events = [Event(DEPTH | BID, 9.0 + number % 3, 1.0, exch=1 + number // 3) for number in range(20)]
    lengths = [len(batch) for batch in hftbacktest.read(write_array(path, *events), chunk=4)]
    assert lengths == [6, 6, 6, 2]


def test_progress_goes_up_to_the_size_of_the_file(path: Path) -> None:
    told: list[int] = []
    write_array(path, *(Event(DEPTH | BID, 1.0, 1.0, exch=at) for at in range(1, 9)))
    list(hftbacktest.read(path, chunk=2, progress=told.append))
    assert told == sorted(told)
    assert told[-1] == path.stat().st_size


def test_the_instrument_is_of_the_name_or_given(path: Path) -> None:
    events = [Event(DEPTH | BID, 61_000.05, 0.0002)]
    known = hftbacktest.read(write_array(path.with_name("btcusdt_1.npz"), *events)).instruments[0]
    assert known == find_instrument("BTCUSDT")
    assert hftbacktest.read(write_array(path, *events), instrument=SHARE).instrument is SHARE
