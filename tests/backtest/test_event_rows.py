"""The events of a session, block by block, are its events table."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.backtest import event_rows
from hftlab.backtest.event_rows import EventRows, event_holdings
from hftlab.book import BookSet
from hftlab.errors import SessionDamaged
from hftlab.events import COLUMNS, F_LAST, F_MBP, F_TOB, EventBatch
from hftlab.ingest.simulation import exchange_on, record_simulation
from hftlab.instruments import Instrument
from hftlab.session import Session, SessionWriter, open_session
from hftlab.session.event_table import EventTable
from tests.backtest.recorded_blocks import all_blocks, assert_same
from tests.batches import COIN, SHARE, Row, make_batch


def write(folder: Path, batches: Iterable[EventBatch]) -> Session:
    writer = SessionWriter(folder, source={})
    table = EventTable(writer)
    for batch in batches:
        table.add(batch)
        table.flush()
    writer.close()
    return open_session(folder)


def instruments_of(session: Session) -> tuple[Instrument, ...]:
    return tuple(Instrument.from_dict(one) for one in session.manifest.source["instruments"])


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """Half a minute of a simulated day: some thousand events of four symbols."""
    exchange = exchange_on("2026-01-02", 7, ["AAPL", "MSFT", "TSLA", "AMZN"])
    return record_simulation(exchange, 30, tmp_path_factory.mktemp("day") / "day").session


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_rows, "BLOCK_ROWS", 500)


@pytest.mark.usefixtures("small_blocks")
class TestADay:
    def test_the_blocks_are_the_table(self, day: Session) -> None:
        blocks = all_blocks(EventRows(day, instruments_of(day)))
        assert len(blocks) > 5
        assert pl.concat(block.batch.to_polars() for block in blocks).equals(day.events.drop("symbol").collect())
        assert all(block.batch.flags[-1] & F_LAST for block in blocks)

    def test_they_give_the_same_books(self, day: Session) -> None:
        books, whole = BookSet(), BookSet()
        whole.apply(EventBatch.from_polars(day.events.collect(), instruments_of(day)))
        for block in all_blocks(EventRows(day, instruments_of(day))):
            books.apply(block.batch)
        for book in whole:
            assert books[book.instrument].bids(100) == book.bids(100)
            assert books[book.instrument].asks(100) == book.asks(100)

    def test_some_symbols_keep_their_numbers(self, day: Session) -> None:
        instruments = instruments_of(day)
        rows = EventRows(day, instruments, {2: "orders"})
        own = day.events.filter(pl.col("instrument_id") == 2).drop("symbol").collect()
        assert pl.concat(block.batch.to_polars() for block in all_blocks(rows)).equals(own)
        assert rows.instruments == instruments
        assert [rows.holds(number) for number in range(4)] == [None, None, "orders", None]

    def test_any_block_can_be_had_at_any_time(self, day: Session) -> None:
        blocks = all_blocks(EventRows(day, instruments_of(day)))
        rows = EventRows(day, instruments_of(day))
        for number in [len(blocks), 3, *np.random.default_rng(1).permutation(len(blocks)).tolist()]:
            block = rows.block(number)
            if number == len(blocks):
                assert block is None
                continue
            assert_same(block, blocks[number])


@st.composite
def skewed(draw: st.DrawFn) -> EventBatch:
    """Events whose clocks go back and forth."""
    times = st.integers(0, 10**6)
    count = draw(st.integers(1, 30))
    flags = draw(st.lists(st.sampled_from([0, F_LAST]), min_size=count, max_size=count))
    batch = make_batch(Row("A", "B", 100, 5, order=number, flags=flag) for number, flag in enumerate(flags))
    columns = {name: getattr(batch, name) for name in COLUMNS}
    columns["ts_event"] = np.array(draw(st.lists(times, min_size=count, max_size=count)), np.int64)
    columns["ts_recv"] = np.array(draw(st.lists(times, min_size=count, max_size=count)), np.int64)
    return EventBatch(**columns, instruments=batch.instruments)


@given(batch=skewed(), length=st.integers(1, 40))
def test_times_never_go_back_and_an_event_is_whole(
    batch: EventBatch, length: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    session = write(tmp_path_factory.mktemp("skewed") / "session", [batch])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(event_rows, "BLOCK_ROWS", length)
        blocks = all_blocks(EventRows(session, batch.instruments))
    venue = arrived = 0
    expected = []
    for event, recv in zip(batch.ts_event.tolist(), batch.ts_recv.tolist(), strict=True):
        venue, arrived = max(venue, min(event, recv)), max(arrived, recv)
        expected.append((venue, arrived))
    got = [pair for one in blocks for pair in zip(one.times.tolist(), one.arrivals.tolist(), strict=True)]
    assert got == expected
    assert all(block.batch.flags[-1] & F_LAST for block in blocks[:-1])


def test_an_event_of_too_many_rows_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_rows, "BLOCK_ROWS", 2)
    monkeypatch.setattr(event_rows, "_LONGEST", 4)
    batch = make_batch(Row("A", "B", 100, 5, order=number, flags=0) for number in range(10))
    rows = EventRows(write(tmp_path / "session", [batch]), batch.instruments)
    assert [len(block.batch) for block in all_blocks(rows)] == [4, 4, 2]


def test_holdings_are_what_the_events_tell(tmp_path: Path) -> None:
    batches = [
        make_batch([Row("A", "B", 100, 5, F_LAST, order=1), Row("T", "B", 100, 5, F_LAST, 3)], [COIN] * 4),
        make_batch(
            [
                Row("A", "B", 100, 5, F_MBP | F_LAST, 1),
                Row("A", "B", 99, 5, F_MBP | F_TOB | F_LAST, 1),
                Row("A", "B", 9, 5, F_MBP | F_TOB | F_LAST, 2),
            ],
            [COIN] * 4,
        ),
    ]
    assert event_holdings(write(tmp_path / "session", batches)) == {0: "orders", 1: "levels", 2: "top"}


def test_a_damaged_part_is_an_error(tmp_path: Path) -> None:
    session = write(tmp_path / "session", [make_batch([Row("A", "B", 1, 1, F_LAST, order=1)], [SHARE])])
    part = tmp_path / "session" / session.manifest.tables["events"][0].file
    part.write_bytes(part.read_bytes()[:-1] + b"x")
    with pytest.raises(SessionDamaged):
        EventRows(session, (SHARE,))
