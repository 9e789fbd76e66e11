"""The book of a symbol at a time, and the rows between two times."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from hftlab.errors import SessionDamaged, SessionError
from hftlab.events import F_LAST
from hftlab.protocol import BookDelta, Message
from hftlab.session import Session, SessionWriter, open_session
from tests.batches import COIN, SHARE, Row, make_batch
from tests.protocol.conftest import level, market_data, symbol, trade
from tests.session.sessions import write_session
from tests.session.test_event_table import write

MIDNIGHT = datetime(2024, 3, 1, tzinfo=UTC)
START = int(MIDNIGHT.timestamp()) * 10**9
SECOND = 10**9


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """A whole state, a trade without levels, and another book, a second apart; another symbol in each."""
    messages: list[Message] = [
        market_data(symbol("AAPL", bids=[level(9.0), level(8.0)], asks=[level(11.0)]), symbol("MSFT")),
        market_data(symbol("AAPL", bids=None, asks=None, last_trade=trade(3.0)), symbol("MSFT")),
        market_data(symbol("AAPL", bids=[], asks=[level(12.0)]), symbol("MSFT")),
    ]
    return write_session(tmp_path / "s", [(START + at * SECOND, one) for at, one in enumerate(messages)])


class TestBook:
    @pytest.mark.parametrize("at", [START + SECOND, datetime(2024, 3, 1, 0, 0, 1), "2024-03-01T00:00:01"])
    def test_levels_that_a_message_leaves_out_are_those_before(
        self, session: Session, at: int | datetime | str
    ) -> None:
        book = session.book_at(at, "AAPL")
        assert [(one.price, one.size) for one in book.bids()] == [(9.0, level(9.0).size), (8.0, level(8.0).size)]
        assert [one.price for one in book.asks()] == [11.0]

    def test_it_is_that_of_the_time(self, session: Session) -> None:
        assert session.book_at(START - 1, "AAPL").bids() == []
        assert session.book_at("2024-03-01T00:00:01.999999999", "AAPL").asks()[0].price == 11.0
        late = session.book_at("2024-03-01 00:00:02", "AAPL")
        assert (late.bids(), late.asks()[0].price) == ([], 12.0)

    def test_incremental_books_are_applied(self, tmp_path: Path) -> None:
        def delta(*bids: float, size: float = 1.0, snapshot: bool = False) -> BookDelta:
            levels = [level(price, size) for price in bids]
            return BookDelta(
                timestamp=1.0, symbol="AAPL", exchange="X", bids=levels, asks=[], checksum=0, ts_event=1.0,
                snapshot=snapshot,
            )  # fmt: skip

        deltas = [delta(5.0, 4.0, snapshot=True), delta(6.0), delta(5.0, size=0.0), delta(1.0, snapshot=True)]
        writer = SessionWriter(tmp_path / "s", source={})
        for at, one in enumerate(deltas):
            writer.append(one, at)
        writer.close()
        session = open_session(writer.folder)
        prices = [[one.price for one in session.book_at(at, "AAPL").bids()] for at in range(4)]
        assert prices == [[5.0, 4.0], [6.0, 5.0, 4.0], [6.0, 4.0], [1.0]]

    def test_order_level_events_come_first(self, tmp_path: Path) -> None:
        """All orders of a level are counted, and each symbol has its own instrument."""
        order_by_order = [
            Row("A", "B", 100, 5, order=1, flags=F_LAST),
            Row("A", "B", 100, 2, order=2, flags=F_LAST),
            Row("C", "B", 100, 5, order=1, flags=F_LAST),
            Row("A", "A", 9, 3, order=7, instrument=1, flags=F_LAST),
        ]
        write(tmp_path / "session", [make_batch(order_by_order, [COIN, SHARE])])
        session = open_session(tmp_path / "session")
        times = session.events.select("ts_recv").collect()["ts_recv"]
        assert session.book_at(times[1], "COIN").bids() == [(1.0, 0.007, 2)]
        assert session.book_at(times[2], "COIN").bids() == [(1.0, 0.002, 1)]
        assert session.book_at(times[0] - 1, "COIN").bids() == []
        assert session.book_at(times[2], "SHARE").asks() == []
        assert session.book_at(times[3], "SHARE").asks() == [(0.45, 3.0, 1)]

    def test_an_unknown_symbol_is_named_with_the_nearest(self, session: Session) -> None:
        with pytest.raises(SessionError, match=r"'APPL' \(nearest: 'AAPL'\)"):
            session.book_at(START, "APPL")

    def test_text_that_is_no_time_is_named(self, session: Session) -> None:
        with pytest.raises(ValueError, match="'noon' is not a time"):
            session.book_at("noon", "AAPL")


class TestSlice:
    def test_it_has_the_rows_of_a_half_open_time(self, session: Session) -> None:
        rows = session.slice(START, START + 2 * SECOND, "AAPL")
        expected = session.market_data.filter((pl.col("symbol") == "AAPL") & (pl.col("ts_recv") < START + 2 * SECOND))
        assert rows.equals(expected.collect())
        assert rows.height == 2
        assert session.slice(MIDNIGHT, "2024-03-01T00:00:03").equals(session.market_data.collect())
        assert session.slice(START + 1, START + SECOND, ["AAPL", "MSFT"]).is_empty()

    @pytest.mark.no_cover
    def test_over_many_parts_and_row_groups(self, tmp_path: Path) -> None:
        received = [(at // 3, market_data(symbol("AAPL", 2.0 + at))) for at in range(6000)]
        for name, size in (("one", None), ("many", 200_000)):
            session = write_session(tmp_path / name, received, segment_bytes=size)
            everything = session.market_data.collect()
            for start, stop in ((0, 2000), (1364, 1367), (1365, 1366), (700, 1500), (1999, 9999), (5, 5)):
                within = pl.col("ts_recv").is_between(start, stop, closed="left")
                assert session.slice(start, stop).equals(everything.filter(within))

    def test_an_unknown_symbol_is_named(self, session: Session) -> None:
        with pytest.raises(SessionError, match="nearest: 'MSFT'"):
            session.slice(START, START + 1, ["AAPL", "MFST"])

    def test_damage_is_not_served(self, session: Session) -> None:
        (part,) = session.manifest.tables["market_data"]
        path = session.folder / part.file
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        with pytest.raises(SessionDamaged):
            open_session(session.folder).slice(START, START + SECOND)
