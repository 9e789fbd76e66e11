"""Columns of recorded messages, flat, are what the messages say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hftlab.backtest.message_table import MessageTable, Place, message_columns
from hftlab.errors import SessionDamaged
from hftlab.protocol import Side, Trade
from hftlab.session import Session, open_session
from tests.protocol.conftest import level, market_data, symbol
from tests.session.sessions import numbered, write_session

OLD = Path(__file__).parents[1] / "session" / "written_by_0_1" / "whole"


def test_lists_that_are_absent_empty_or_long(tmp_path: Path) -> None:
    sold = Trade(price=7.0, size=2.0, timestamp=1_700_000_000_000.125, side=Side.SELL)
    session = write_session(
        tmp_path / "session",
        [
            (10**9, market_data(symbol(bids=None, asks=[]))),
            (
                10**9 + 1,
                market_data(symbol(bids=[level(2.0, 3.0), level(1.0)], last_trade=sold), symbol("B", trades=[sold])),
            ),
        ],
    )
    ((place, rows),) = MessageTable(session).groups()
    columns = message_columns(rows)
    assert place == Place(1, 0)
    assert columns.message.tolist() == [0, 1, 1]
    assert columns.ts_recv.tolist() == [10**9, 10**9 + 1, 10**9 + 1]
    assert columns.bids.is_there.tolist() == [False, True, True]
    assert columns.asks.is_there.tolist() == [True, True, True]
    assert columns.bids.starts.tolist() == [0, 0, 2, 3]
    assert columns.bids.prices.tolist() == [2.0, 1.0, 9.0]
    assert columns.bids.sizes.tolist() == [3.0, 1.0, 1.0]
    assert columns.last.starts.tolist() == [0, 0, 1, 1]
    assert columns.trades.starts.tolist() == [0, 0, 0, 1]
    for prints in (columns.last, columns.trades):
        assert prints.times.tolist() == [1_700_000_000_000_125_000]
        assert (prints.prices.tolist(), prints.sizes.tolist(), prints.is_buy.tolist()) == ([7.0], [2.0], [False])


def test_a_slice_has_the_items_of_its_rows(tmp_path: Path) -> None:
    messages = [(10**9, market_data(symbol(bids=[level(float(number + 1))] * number))) for number in range(4)]
    ((_, rows),) = MessageTable(write_session(tmp_path / "session", messages)).groups()
    bids = message_columns(rows.slice(1, 2)).bids
    assert bids.starts.tolist() == [0, 1, 3]
    assert bids.prices.tolist() == [2.0, 3.0, 3.0]


def test_every_column_has_one_layout(tmp_path: Path) -> None:
    """Another one would have the kernels compiled again."""
    for messages in ([(10**9, numbered(1))], []):
        for _, rows in MessageTable(write_session(tmp_path / str(len(messages)), messages)).groups():
            for column in message_columns(rows):
                for array in [column] if isinstance(column, np.ndarray) else column:
                    assert not array.flags.writeable
                    assert array.flags.c_contiguous


class TestGroups:
    def session(self, tmp_path: Path) -> Session:
        return write_session(tmp_path / "session", [(10**9, numbered(n)) for n in range(3)], segment_bytes=1)

    def test_they_go_on_from_any_place(self, tmp_path: Path) -> None:
        table = MessageTable(self.session(tmp_path))
        found = [(place, rows["message"].to_pylist()) for place, rows in table.groups()]
        assert found == [(Place(1, 0), [0]), (Place(2, 0), [1]), (Place(3, 0), [2])]
        assert [rows["message"].to_pylist() for _, rows in table.groups(Place(2, 0))] == [[2]]
        assert list(table.groups(Place(3, 0))) == []

    def test_damage_is_an_error(self, tmp_path: Path) -> None:
        session = self.session(tmp_path)
        part = session.folder / session.manifest.tables["market_data"][1].file
        part.write_bytes(part.read_bytes()[:-1] + b"x")
        with pytest.raises(SessionDamaged):
            list(MessageTable(session).groups())

    def test_sessions_of_the_first_version(self) -> None:
        (_, rows), *_ = MessageTable(open_session(OLD)).groups()
        columns = message_columns(rows)
        assert len(columns.bid) == rows.num_rows
        assert len(columns.trades.prices) == columns.trades.starts[-1] > 0
