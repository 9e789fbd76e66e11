"""Order-level events are stored as the columns of their batches, with the symbol of each row."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from hftlab.events import EventBatch
from hftlab.session import SessionWriter, event_table, open_session
from hftlab.session.event_table import EventTable, event_rows
from tests.batches import COIN, SHARE, Row, make_batch
from tests.session.sessions import write_session

BATCHES = [
    make_batch([Row("A", "B", 100, 5, order=1), Row("A", "A", 101, 5, order=2)], [COIN]),
    make_batch([Row("C", "B", 100, 5, order=1, time=7), Row("A", "B", 9, 5, instrument=1, time=8)], [COIN, SHARE]),
]


def write(folder: Path, batches: list[EventBatch]) -> SessionWriter:
    writer = SessionWriter(folder, source={})
    table = EventTable(writer)
    for batch in batches:
        table.add(batch)
    table.flush()
    writer.close()
    return writer


def test_rows_are_the_batch_and_its_wire_symbols() -> None:
    rows = event_rows(BATCHES[1])
    assert rows.drop("symbol").equals(BATCHES[1].to_polars())
    assert rows["symbol"].to_list() == ["COIN", "SHARE"]


def test_batches_come_back_as_one_table(tmp_path: Path) -> None:
    write(tmp_path / "session", BATCHES)
    session = open_session(tmp_path / "session")
    assert session.events.collect().equals(pl.concat(map(event_rows, BATCHES)))
    assert len(session.manifest.tables["events"]) == 1


def test_arrow_has_the_instruments_with_the_events(tmp_path: Path) -> None:
    write(tmp_path / "session", BATCHES)
    batch = EventBatch.from_arrow(open_session(tmp_path / "session").to_arrow("events"))
    assert batch.instruments == (COIN, SHARE)
    assert batch.to_polars().equals(EventBatch.concat(BATCHES).to_polars())


def test_a_part_is_written_when_there_are_rows_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_table, "_PART_ROWS", 2)
    write(tmp_path / "session", [*BATCHES, BATCHES[1][:1]])
    parts = open_session(tmp_path / "session").manifest.tables["events"]
    assert [part.rows for part in parts] == [2, 2, 1]


def test_without_events_there_is_no_part(tmp_path: Path) -> None:
    write(tmp_path / "session", [])
    assert open_session(tmp_path / "session").manifest.tables == {}


def test_an_empty_events_table_has_their_columns(tmp_path: Path) -> None:
    events = write_session(tmp_path / "session", []).events
    frame = EventBatch.concat([]).to_polars().with_columns(symbol=pl.lit("AAPL"))
    assert events.collect_schema() == frame.schema
    assert events.filter(pl.col("price") > 0).collect().is_empty()
