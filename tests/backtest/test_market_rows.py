"""A session's market as rows, or why it has none."""

from __future__ import annotations

from pathlib import Path

import pytest

from hftlab.backtest.market_rows import MarketRows, market_rows
from hftlab.errors import ArgumentError, SessionError
from hftlab.events import F_LAST
from hftlab.session import Merged, Session, SessionWriter, merged, open_session
from hftlab.session.event_table import EventTable
from tests.backtest.recorded_blocks import all_blocks
from tests.backtest.test_event_rows import write
from tests.batches import COIN, SHARE, Row, make_batch
from tests.protocol.conftest import level, market_data, symbol
from tests.session.sessions import write_session

BATCH = make_batch(
    [Row("A", "B", 100, 5, F_LAST, 0, order=1), Row("A", "B", 100, 5, F_LAST, 1, order=1)], [COIN, SHARE]
)


class TestEvents:
    def test_all_symbols_or_some(self, tmp_path: Path) -> None:
        session = write(tmp_path / "session", [BATCH])
        (block,) = all_blocks(market_rows(session))
        assert block.batch.instrument_id.tolist() == [0, 1]
        (block,) = all_blocks(market_rows(session, "SHARE"))
        assert block.batch.instrument_id.tolist() == [1]

    def test_an_unknown_symbol_is_an_error_that_names_the_nearest(self, tmp_path: Path) -> None:
        session = write(tmp_path / "session", [BATCH])
        with pytest.raises(SessionError, match=r"SHARD.*SHARE"):
            market_rows(session, ["COIN", "SHARD"])


def test_a_session_without_a_market_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SessionError, match="nothing to fill orders from"):
        market_rows(write_session(tmp_path / "session", []))
    with pytest.raises(SessionError, match="nothing to fill orders from"):
        nothing = symbol("A", bids=None, asks=None, bid_size=0.0, ask_size=0.0)
        market_rows(write_session(tmp_path / "2", [(10**9, market_data(nothing, symbol("B")))]), "A")


class TestMixed:
    """A session with the events of COIN, and messages of COIN and of others."""

    @pytest.fixture
    def session(self, tmp_path: Path) -> Session:
        writer = SessionWriter(tmp_path / "session", source={})
        table = EventTable(writer)
        table.add(
            make_batch([Row("A", "B", 100, 5, F_LAST, 0, time=time, order=time) for time in (1, 3)], [COIN, SHARE])
        )
        table.flush()
        for at in (1.0, 2.0, 4.0):
            one = (
                symbol("COIN", timestamp=at),
                symbol("SHARE", timestamp=at, bids=[level(at)]),
                symbol("Z", timestamp=at),
            )
            writer.append(market_data(*one), int(at * 1e6) + 1)
        writer.close()
        return open_session(tmp_path / "session")

    def test_symbols_have_their_events_and_others_their_messages(self, session: Session) -> None:
        rows = market_rows(session)
        blocks = all_blocks(rows)
        assert [one.symbol for one in rows.instruments] == ["COIN", "SHARE", "Z"]
        assert [rows.holds(number) for number in range(3)] == ["orders", "levels", "levels"]
        numbers = [number for block in blocks for number in block.batch.instrument_id.tolist()]
        times = [time // 10**6 for block in blocks for time in block.times.tolist()]
        expected = [(1, 0), (1, 1), (1, 1), (1, 2), (1, 2), (2, 1), (3, 0), (4, 1)]
        assert list(zip(times, numbers, strict=True)) == expected

    def test_only_what_is_asked_for(self, session: Session) -> None:
        rows = market_rows(session, ["Z"])
        assert {number for block in all_blocks(rows) for number in block.batch.instrument_id.tolist()} == {2}
        assert [rows.holds(number) for number in range(3)] == [None, None, "levels"]
        (block,) = all_blocks(market_rows(session, "COIN"))
        assert block.batch.action.tolist() == [ord("A")] * 2


class TestMerged:
    """Two sessions that have one symbol both, one of events and one of messages."""

    @pytest.fixture
    def both(self, tmp_path: Path) -> Merged:
        writer = SessionWriter(tmp_path / "events", source={})
        table = EventTable(writer)
        table.add(make_batch([Row("A", "B", 100, 5, F_LAST, order=time, time=time) for time in (1, 3)], [COIN]))
        table.flush()
        writer.append(market_data(symbol("COIN")), 10**6)
        writer.close()
        messages = [(at * 10**6, market_data(symbol("COIN", bids=[level(float(at))], timestamp=at))) for at in (2, 4)]
        messages.append((5 * 10**6, market_data(symbol("B", timestamp=5.0))))
        write_session(tmp_path / "messages", messages)
        return merged([tmp_path / "events", tmp_path / "messages"], suffixes=[":one", ":two"])

    def rows(self, rows: MarketRows) -> list[tuple[int, str]]:
        return [
            (time // 10**6, rows.instruments[number].wire_symbol)
            for block in all_blocks(rows)
            for time, number in zip(block.times.tolist(), block.batch.instrument_id.tolist(), strict=True)
        ]

    def test_symbols_have_their_names_in_the_whole(self, both: Merged) -> None:
        rows = market_rows(both)
        assert [one.wire_symbol for one in rows.instruments] == ["COIN:one", "B", "COIN:two"]
        assert [rows.holds(number) for number in range(3)] == ["orders", "levels", "levels"]
        one, two = "COIN:one", "COIN:two"
        assert self.rows(rows) == [(1, one), (2, two), (2, two), (3, one), (4, two), (5, "B"), (5, "B")]

    def test_some_of_the_symbols(self, both: Merged) -> None:
        assert self.rows(market_rows(both, "COIN:two")) == [(2, "COIN:two"), (2, "COIN:two"), (4, "COIN:two")]
        with pytest.raises(SessionError, match=r"COIN:two.*see merged\.symbols"):
            market_rows(both, "COIN")

    def test_other_sources_have_no_tables(self, tmp_path: Path) -> None:
        session = write_session(tmp_path / "session", [])
        with pytest.raises(ArgumentError, match="not made of sessions alone"):
            market_rows(merged([session.replay()]))
