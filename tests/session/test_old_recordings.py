"""Recordings and journals of hftlab 0.1.0 open, replay and recover; written_by_0_1/make.py says how they were made."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest

from hftlab.errors import SessionDamaged
from hftlab.protocol import JSON
from hftlab.session import Recovery, compact, open_session, recover
from hftlab.session.event_table import event_rows
from hftlab.session.table_ids import TableId
from tests.session.sessions import Received, replayed
from tests.session.written_by_0_1.make import MESSAGES, events

WRITTEN = Path(__file__).parent / "written_by_0_1"
PRIVATE = (TableId.ORDER_UPDATES, TableId.POSITION_UPDATES, TableId.PORTFOLIO_UPDATES)


def streamed() -> list[Received]:
    """Return the recorded messages without the replies, which a replay does not stream."""
    received = [(1_000 + number, JSON.decode(line)) for number, line in enumerate(MESSAGES)]
    return [(at, message) for at, message in received if message.type != "ACK"]


@pytest.fixture
def crashed(tmp_path: Path) -> Path:
    return shutil.copytree(WRITTEN / "crashed", tmp_path / "crashed")


def test_a_closed_session_replays() -> None:
    session = open_session(WRITTEN / "whole")
    session.verify()
    assert replayed(session) == streamed()
    assert session.events.collect().equals(event_rows(events()))
    assert session.control.collect()["event"].to_list() == ["gap"]


def test_accounts_that_were_not_recorded_are_null() -> None:
    session = open_session(WRITTEN / "whole")
    for table in PRIVATE:
        rows = session.table(table.folder).collect()
        assert rows["account"].to_list() == [None, None]
        assert rows.columns[:3] == ["message", "ts_recv", "account"]
    (order,) = (item for item in session.replay().advance(1_001) if item != streamed()[0][1])
    assert (order.at, order.message, order.account) == (1_001, streamed()[1][1], None)


def test_columns_that_are_newer_have_their_default() -> None:
    """Null would be neither true nor false: a filter by `snapshot` would lose these rows either way."""
    session = open_session(WRITTEN / "whole")
    for table in PRIVATE:
        assert session.table(table.folder).filter(~pl.col("snapshot")).collect().height == 2
    assert session.portfolio_updates.collect()["currency"].to_list() == ["USD", "USD"]
    orders, positions = session.order_updates.collect(), session.position_updates.collect()
    for column in ("stop_price", "time_in_force", "display_quantity"):
        assert orders[column].to_list() == [None, None]
    assert positions["currency"].to_list() == [None, None]


def test_parts_with_and_without_the_newer_columns_are_joined(crashed: Path) -> None:
    recover(crashed)
    session = open_session(crashed)
    tables = {name: session.table(name).collect() for name in session.manifest.tables}
    names = [set(pl.read_parquet_schema(path)) for path in sorted((crashed / "order_updates").glob("*.parquet"))]
    assert ["snapshot" in one for one in names] == [False, True]
    compact(session)
    joined = open_session(crashed)
    assert replayed(joined) == streamed()
    for name, rows in tables.items():
        assert len(joined.manifest.tables[name]) == 1
        assert joined.table(name).collect().equals(rows)
    (part,) = (crashed / "order_updates").glob("*.parquet")
    assert pl.read_parquet(part)["snapshot"].to_list() == [False, False]


def test_a_crashed_recording_recovers(crashed: Path) -> None:
    with pytest.raises(SessionDamaged):
        open_session(crashed)
    assert recover(crashed) == Recovery(messages=7, dropped_bytes=0)
    session = open_session(crashed)
    assert replayed(session) == streamed()
    assert session.manifest.complete


def test_a_table_may_have_parts_with_and_without_accounts(crashed: Path) -> None:
    """The old hftlab wrote the first part of a crashed session, this one the second."""
    recover(crashed)
    session = open_session(crashed)
    for table in PRIVATE:
        assert session.table(table.folder).collect()["account"].to_list() == [None, None]
        assert len(session.manifest.tables[table.folder]) == 2
