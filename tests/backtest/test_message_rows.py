"""Rows made of messages give a book the levels of every message, and every trade once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.backtest import message_rows
from hftlab.backtest.blocks import MarketRows
from hftlab.backtest.collapse_kernel import collapse_rows
from hftlab.backtest.decimal_grid import HIGHEST_PRICE
from hftlab.backtest.market_rows import market_rows
from hftlab.backtest.message_kernel import compile_messages
from hftlab.backtest.survey_kernel import survey_rows
from hftlab.book import BookSet
from hftlab.events import CLEAR, F_LAST, F_MBP, F_SNAPSHOT, F_TOB, TRADE, EventBatch
from hftlab.ingest.simulation import exchange_on
from hftlab.protocol import MarketData, Side, Trade
from hftlab.session import Session, SessionWriter, open_session, parts
from tests.backtest.recorded_blocks import all_blocks, assert_same
from tests.batches import make_batch
from tests.protocol.conftest import level, market_data, symbol
from tests.session.sessions import write_session

WALK = Path(__file__).parents[2] / "data" / "walk"


@pytest.fixture(scope="module", autouse=True)
def no_waiting_for_disks() -> Iterator[None]:
    """A law writes a session an example, and would spend its time in fsync."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        patch.setattr("hftlab.session.journal._sync", lambda _: None)
        yield


def print_at(price: float, size: float = 100.0, at: float = 1.0, side: Side = Side.BUY) -> Trade:
    return Trade(price=price, size=size, timestamp=at, side=side)


def whole(rows: MarketRows) -> EventBatch:
    return EventBatch.concat(block.batch for block in all_blocks(rows))


def rows_of(tmp_path: Path, *messages: MarketData) -> EventBatch:
    """The rows of messages that are received a millisecond apart."""
    return whole(market_rows(write_session(tmp_path / "session", [(10**9 + n, one) for n, one in enumerate(messages)])))


def letters(batch: EventBatch) -> list[tuple[str, str, float, float]]:
    """Action, side, price and size of each row, as people write them."""
    return [
        (chr(action), chr(side), one.price(price // one.tick), one.size(size))
        for action, side, price, size, number in zip(
            batch.action.tolist(),
            batch.side.tolist(),
            batch.price.tolist(),
            batch.size.tolist(),
            batch.instrument_id.tolist(),
            strict=True,
        )
        for one in [batch.instruments[number]]
    ]


def test_prices_beyond_what_books_have_are_not_those_of_an_overflow(tmp_path: Path) -> None:
    """Ten billion is more than an int64 has of 1e-9: it wrapped around to a price at which orders were filled."""
    dear = symbol(bids=[level(10.0, 5.0)], asks=[level(1.9e10, 5.0)], trades=[print_at(1.9e10)])
    batch = rows_of(tmp_path, market_data(symbol()), market_data(dear))
    assert set(batch.price[batch.price <= HIGHEST_PRICE].tolist()) == {9 * 10**9, 10 * 10**9, 11 * 10**9}
    assert (batch.price[batch.price > HIGHEST_PRICE] == 2 * HIGHEST_PRICE).sum() == 2


def check_books(session: Session, rows: MarketRows) -> int:
    """Compare the books behind each message with its levels; returns how many levels were the same."""
    batch, instruments = whole(rows), rows.instruments
    ends = np.flatnonzero(batch.flags & F_LAST)
    events = {
        (int(batch.sequence[end]), instruments[batch.instrument_id[end]].wire_symbol): (start, end + 1)
        for start, end in zip([0, *(ends[:-1] + 1)], ends, strict=False)
    }
    books = BookSet()
    books.apply(make_batch([], rows.instruments))
    compared = 0
    table = session.market_data.select("message", "symbol", "bids", "asks").collect()
    for message, name, bids, asks in table.iter_rows():
        number = next(n for n, one in enumerate(instruments) if one.wire_symbol == name)
        start, stop = events.pop((message, name), (0, 0))
        books.apply(batch[start:stop])
        book = books[instruments[number]]
        for side, own in ((bids, book.bids), (asks, book.asks)):
            expected = [(one["price"], one["size"]) for one in side]
            got = [(price, size) for price, size, _ in own(len(expected) or 1)]
            assert got == expected, (message, name)
            compared += len(expected)
    assert not events
    return compared


class TestBooks:
    def test_a_recorded_walk(self) -> None:
        session = open_session(WALK)
        assert check_books(session, market_rows(session)) > 10_000

    def test_a_simulated_day(self, messages_of_a_day: Session) -> None:
        assert check_books(messages_of_a_day, market_rows(messages_of_a_day)) > 10_000

    @given(
        books=st.lists(
            st.tuples(
                st.dictionaries(st.integers(1, 12), st.integers(1, 3), max_size=4),
                st.dictionaries(st.integers(13, 24), st.integers(1, 3), max_size=4),
            ),
            min_size=1,
            max_size=12,
        )
    )
    def test_any_books(
        self, books: list[tuple[dict[int, int], dict[int, int]]], tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        messages = [
            market_data(
                symbol(
                    bids=[level(price / 4, size / 8) for price, size in sorted(bids.items(), reverse=True)],
                    asks=[level(price / 4, size / 8) for price, size in sorted(asks.items())],
                )
            )
            for bids, asks in books
        ]
        received = [(10**9 + number, one) for number, one in enumerate(messages)]
        session = write_session(tmp_path_factory.mktemp("any") / "session", received)
        check_books(session, market_rows(session))


@pytest.fixture(scope="module")
def messages_of_a_day(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """Half a minute of a simulated day whose order-level events are not kept."""
    folder = tmp_path_factory.mktemp("day")
    exchange = exchange_on("2026-01-02", 7, ["AAPL", "MSFT"])
    writer = SessionWriter(folder / "messages", source={"name": "test"})
    for segment in exchange.segments(30):
        for at, message in segment.messages:
            writer.append(message, at)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "ROW_GROUP", 64)
        writer.close()
    return open_session(folder / "messages")


class TestTrades:
    def test_each_is_there_once(self, messages_of_a_day: Session) -> None:
        batch = whole(market_rows(messages_of_a_day))
        traded = batch.action == TRADE
        table = messages_of_a_day.market_data.select("trades").collect()["trades"].drop_nulls().explode().drop_nulls()
        expected = table.struct.unnest()
        assert traded.sum() == len(expected) > 100
        price = np.array([batch.instruments[0].price(p // batch.instruments[0].tick) for p in batch.price[traded]])
        assert price.tolist() == expected["price"].to_list()
        assert batch.size[traded].tolist() == expected["size"].to_list()
        assert [chr(side) for side in batch.side[traded]] == [
            "B" if side == "BUY" else "A" for side in expected["side"]
        ]

    def test_a_last_trade_is_one_if_it_is_another(self, tmp_path: Path) -> None:
        one, other = print_at(10.0, at=5.0), print_at(10.0, at=6.0, side=Side.SELL)
        batch = rows_of(
            tmp_path, *(market_data(symbol(last_trade=last)) for last in (None, one, one, other, None, other))
        )
        trades = [row for row in letters(batch) if row[0] == "T"]
        assert trades == [("T", "B", 10.0, 100.0), ("T", "A", 10.0, 100.0)]
        assert batch.ts_event[batch.action == TRADE].tolist() == [5_000_000, 6_000_000]

    def test_that_of_the_first_message_was_before(self, tmp_path: Path) -> None:
        batch = rows_of(tmp_path, market_data(symbol(last_trade=print_at(10.0))))
        assert TRADE not in batch.action

    def test_listed_ones_are_not_told_again_by_the_last(self, tmp_path: Path) -> None:
        first, second = print_at(10.0, at=1.0), print_at(11.0, at=2.0)
        batch = rows_of(
            tmp_path,
            market_data(symbol(trades=[first, second], last_trade=second)),
            market_data(symbol(last_trade=second)),
            market_data(symbol(trades=[first])),
            market_data(symbol(last_trade=first)),
        )
        assert [row[2] for row in letters(batch) if row[0] == "T"] == [10.0, 11.0, 10.0]


class TestLevels:
    def test_levels_beyond_the_window_stay_until_one_covers_them(self, tmp_path: Path) -> None:
        windows = [[10.0, 9.0, 8.0], [12.0, 11.0, 10.0], [10.0, 8.0, 7.0]]
        batch = rows_of(
            tmp_path, *(market_data(symbol(bids=[level(price) for price in window], asks=[])) for window in windows)
        )
        assert letters(batch) == [
            ("A", "B", 10.0, 1.0),
            ("A", "B", 9.0, 1.0),
            ("A", "B", 8.0, 1.0),
            ("A", "B", 12.0, 1.0),
            ("A", "B", 11.0, 1.0),
            ("C", "B", 12.0, 0.0),
            ("C", "B", 11.0, 0.0),
            ("C", "B", 9.0, 0.0),
            ("A", "B", 7.0, 1.0),
        ]
        assert (batch.flags & F_LAST != 0).tolist() == [False, False, True, False, True, False, False, False, True]
        assert (batch.flags & F_MBP != 0).all()

    def test_a_shorter_side_is_the_whole_side(self, tmp_path: Path) -> None:
        batch = rows_of(
            tmp_path, *(market_data(symbol(bids=[level(p) for p in some], asks=[])) for some in ([3.0, 2.0], [3.0], []))
        )
        assert letters(batch)[2:] == [("C", "B", 2.0, 0.0), ("C", "B", 3.0, 0.0)]

    @given(
        sides=st.lists(st.one_of(st.none(), st.lists(st.integers(1, 12), max_size=5)), min_size=2, max_size=8),
        cut=st.integers(1, 7),
    )
    def test_what_comes_later_changes_no_rows(
        self, sides: list[list[int] | None], cut: int, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        """Deeper books, and levels where there were quotes alone, are not known before they come."""
        messages = [
            market_data(symbol(bids=side and [level(float(price)) for price in side], asks=None, bid_size=1.0))
            for side in sides
        ]
        folder = tmp_path_factory.mktemp("cut")
        sessions = [
            write_session(folder / name, [(10**9 + n, one) for n, one in enumerate(some)])
            for name, some in (("whole", messages), ("cut", messages[:cut]))
        ]
        all_rows, first_rows = (whole(market_rows(session)) for session in sessions)
        assert letters(all_rows)[: len(first_rows)] == letters(first_rows)
        assert all_rows.flags[: len(first_rows)].tolist() == first_rows.flags.tolist()

    def test_what_a_message_leaves_out_stays(self, tmp_path: Path) -> None:
        batch = rows_of(
            tmp_path,
            market_data(symbol(bids=[level(9.0)], asks=[level(11.0)])),
            market_data(symbol(bids=None, asks=None)),
            market_data(symbol(bids=[level(9.0, 2.0)], asks=None)),
            market_data(symbol(bids=[level(9.0, 2.0)], asks=[level(11.0)]), snapshot=True),
        )
        assert letters(batch)[2:] == [("M", "B", 9.0, 2.0)]

    def test_without_levels_the_quote_is_the_book(self, tmp_path: Path) -> None:
        quotes = [(9.0, 1.0), (9.5, 1.0), (9.5, 2.0), (0.0, 0.0)]
        session = write_session(
            tmp_path / "session",
            [
                (10**9 + n, market_data(symbol(bids=None, asks=None, bid=bid, bid_size=size, ask=10.0, ask_size=1.0)))
                for n, (bid, size) in enumerate(quotes)
            ],
        )
        rows = market_rows(session)
        batch = whole(rows)
        assert letters(batch) == [
            ("A", "B", 9.0, 1.0),
            ("A", "A", 10.0, 1.0),
            ("C", "B", 9.0, 0.0),
            ("A", "B", 9.5, 1.0),
            ("M", "B", 9.5, 2.0),
            ("C", "B", 9.5, 0.0),
        ]
        assert (batch.flags & (F_MBP | F_TOB) == F_MBP | F_TOB).all()
        assert rows.holds(0) == "top"

    def test_levels_in_any_order_count_and_the_later_of_two_at_a_price(self, tmp_path: Path) -> None:
        levels = [level(8.0), level(9.0), level(8.0, 3.0), level(7.0, 0.0)]
        batch = rows_of(tmp_path, market_data(symbol(bids=levels, asks=[])))
        assert letters(batch) == [("A", "B", 9.0, 1.0), ("A", "B", 8.0, 3.0)]

    def test_deep_books_and_long_lists_of_trades(self, tmp_path: Path) -> None:
        """More than there is room for at first."""
        count = 5_000
        some = [level(100.0 - n / 100) for n in range(count)]
        messages = [
            market_data(symbol(bids=some, asks=[], trades=[print_at(100.0, at=float(n + 1)) for n in range(count)])),
            market_data(symbol(bids=some[::2], asks=[])),
        ]
        batch = rows_of(tmp_path, *messages)
        assert [chr(action) for action in batch.action] == ["T"] * count + ["A"] * count + ["C"] * (count // 2)


class TestResets:
    def recorded(self, tmp_path: Path, control: Callable[[SessionWriter], object]) -> EventBatch:
        """Two messages of two symbols, and rows of the control table between them."""
        one = print_at(9.0, at=1.0)
        writer = SessionWriter(tmp_path / "session", source={})
        writer.control("start", 10**9)
        for last in (None, one):
            writer.append(market_data(symbol("A", last_trade=last), symbol("B", last_trade=last), channel=3), 10**9)
            if last is None:
                control(writer)
        writer.close()
        return whole(market_rows(open_session(tmp_path / "session")))

    def of(self, batch: EventBatch, number: int) -> list[str]:
        return [chr(action) for action in batch.action[batch.instrument_id == number]]

    @pytest.mark.parametrize(
        "what",
        [
            {"event": "gap", "symbols": ["A"]},
            {"event": "resync", "symbols": ["A"], "channel": 3},
            {"event": "drop", "symbols": ["A"], "ts_from": 10**9},
        ],
    )
    def test_behind_a_loss_a_book_begins_anew(self, tmp_path: Path, what: dict[str, Any]) -> None:
        event = what.pop("event")
        batch = self.recorded(tmp_path, lambda writer: writer.control(event, 10**9, **what))
        assert self.of(batch, 0) == ["A", "A", "R", "A", "A"]
        assert self.of(batch, 1) == ["A", "A", "T"]
        assert batch.flags[batch.action == CLEAR].tolist() == [F_SNAPSHOT]

    def test_a_disconnect_is_one_of_all_symbols(self, tmp_path: Path) -> None:
        batch = self.recorded(tmp_path, lambda writer: writer.control("disconnect", 10**9))
        assert self.of(batch, 0) == self.of(batch, 1) == ["A", "A", "R", "A", "A"]

    def test_what_is_no_loss_or_of_another_channel_changes_nothing(self, tmp_path: Path) -> None:
        def control(writer: SessionWriter) -> None:
            writer.control("conflate", 10**9)
            writer.control("gap", 10**9, channel=4)

        assert self.of(self.recorded(tmp_path, control), 0) == ["A", "A", "T"]


def test_of_several_channels_the_deepest_is_read(tmp_path: Path) -> None:
    quote = {"bids": None, "asks": None}
    batch = rows_of(
        tmp_path,
        market_data(symbol(bid=7.0, **quote), channel=1),
        market_data(symbol(bids=[level(9.0)], asks=[level(11.0)]), channel=2),
        market_data(symbol(bid=8.0, **quote), channel=1),
    )
    assert letters(batch) == [("A", "B", 9.0, 1.0), ("A", "A", 11.0, 1.0)]


def test_any_block_can_be_had_at_any_time(messages_of_a_day: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(message_rows, "BLOCK_ROWS", 100)
    blocks = all_blocks(market_rows(messages_of_a_day))
    assert len(blocks) > 5
    rows = market_rows(messages_of_a_day)
    for number in np.random.default_rng(1).permutation(len(blocks)).tolist():
        assert_same(rows.block(number), blocks[number])


@pytest.mark.parametrize("kernel", [compile_messages, survey_rows, collapse_rows])
def test_kernels_are_compiled_once_for_all_processes(kernel: Any) -> None:
    """What is compiled depends on all constants in reach, and among those of sessions is the process's number."""
    names = [stamp[0] for stamp in kernel._cache._cache_file._source_stamp if isinstance(stamp, tuple)]
    assert "hftlab.backtest.message_rows" not in names
    assert not [name for name in names if name.startswith("hftlab.session")]
