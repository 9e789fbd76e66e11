"""LOBSTER's pairs of files: what each message becomes, and both free samples row by row."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from hftlab.book import BookSet
from hftlab.events import F_LAST, F_SNAPSHOT, EventBatch
from hftlab.instruments import NASDAQ, UNIT, Instrument, find_instrument
from hftlab.venues import lobster
from tests.venues.captures import rows_of
from tests.venues.lobster_pairs import Levels, Message, write_pair

LAST, UNSEEN = F_LAST, F_SNAPSHOT

MESSAGES: list[Message] = [
    (34200.000000001, 1, 11, 18, 5_853_300, 1),
    (34200.5, 1, 12, 100, 5_859_400, -1),
    (34201.25, 2, 12, 40, 5_859_400, -1),
    (34202.0, 4, 12, 60, 5_859_400, -1),
    (34203.0, 3, 11, 18, 5_853_300, 1),
    (34204.0, 5, 0, 7, 5_855_050, 1),
    (34205.0, 6, -1, 500, 5_850_000, -1),
    (34206.0, 7, 0, 0, -1, -1),
]


def read_whole(path: Path, **options: object) -> tuple[EventBatch, lobster.Reader]:
    reader = lobster.read(path, **options)  # type: ignore[arg-type]
    return EventBatch.concat(reader), reader


class TestMessages:
    def test_each_type_becomes_its_rows(self, tmp_path: Path) -> None:
        batch, reader = read_whole(write_pair(tmp_path, MESSAGES))
        assert rows_of(batch) == [
            ("A", "B", 585.33, 18.0, LAST),
            ("A", "A", 585.94, 100.0, LAST),
            ("C", "A", 585.94, 40.0, LAST),
            ("T", "B", 585.94, 60.0, 0),
            ("F", "A", 585.94, 60.0, 0),
            ("C", "A", 585.94, 60.0, LAST),
            ("C", "B", 585.33, 18.0, LAST),
            ("T", "A", 585.505, 7.0, LAST),
            ("T", "N", 585.0, 500.0, LAST),
            ("N", "N", 0.0, 0.0, LAST),
        ]
        assert batch.order_id.tolist() == [11, 12, 12, 0, 12, 12, 11, 0, 0, 0]
        assert batch.sequence.tolist() == [1, 2, 3, 4, 4, 4, 5, 6, 7, 8]
        assert reader.stats.types == {"1": 2, "2": 1, "3": 1, "4": 1, "5": 1, "6": 1, "7": 1}
        assert (reader.stats.messages, reader.stats.unknown_orders, reader.stats.corrected) == (8, 0, 0)

    def test_times_are_new_yorks_to_the_nanosecond(self, tmp_path: Path) -> None:
        batch, reader = read_whole(write_pair(tmp_path, MESSAGES))
        opened = dt.datetime(2012, 6, 21, 13, 30, tzinfo=dt.UTC)
        assert batch.ts_event[0] == int(opened.timestamp()) * UNIT + 1
        assert batch.ts_recv.tolist() == batch.ts_event.tolist()
        assert [(halt.state, halt.ts_event) for halt in reader.halts] == [("halted", batch.ts_event[-1])]

    def test_the_name_tells_the_instrument(self, tmp_path: Path) -> None:
        path = write_pair(tmp_path, MESSAGES)
        assert lobster.read(path).instrument == find_instrument("AAPL", NASDAQ)
        other = path.rename(tmp_path / "ZZZZ_2012-06-21_34200000_57600000_message_2.csv")
        assert lobster.read(other).instrument == Instrument("ZZZZ", NASDAQ, UNIT // 10_000, UNIT, "USD")

    def test_instrument_and_date_can_be_given(self, tmp_path: Path) -> None:
        coarse = Instrument("AAPL", NASDAQ, UNIT // 100, UNIT, "USD")
        path = write_pair(tmp_path, MESSAGES).rename(tmp_path / "messages.csv")
        reader = lobster.read(path, instrument=coarse, date=dt.date(2020, 1, 2))
        opened = dt.datetime(2020, 1, 2, 14, 30, tzinfo=dt.UTC)
        assert next(reader).ts_event[0] == int(opened.timestamp()) * UNIT + 1
        assert reader.instruments == (coarse,)

    def test_an_order_that_was_never_added_is_counted(self, tmp_path: Path) -> None:
        messages: list[Message] = [
            (1.0, 3, 99, 10, 5_853_300, 1),
            (2.0, 4, 99, 10, 5_853_300, 1),
            (3.0, 8, 1, 1, 1, 1),
        ]
        batch, reader = read_whole(write_pair(tmp_path, messages))
        assert [(row[0], row[4]) for row in rows_of(batch)] == [("N", LAST), ("T", LAST), ("N", LAST)]
        assert reader.stats.unknown_orders == 2
        assert reader.stats.types == {"3": 1, "4": 1, "8": 1}

    def test_sizes_that_differ_are_counted(self, tmp_path: Path) -> None:
        """A deletion ends the order whatever it says; nothing takes more than there is."""
        messages: list[Message] = [
            (1.0, 1, 7, 200, 5_853_300, 1),
            (2.0, 3, 7, 100, 5_853_300, 1),
            (3.0, 1, 8, 50, 5_853_300, 1),
            (4.0, 2, 8, 60, 5_853_300, 1),
            (5.0, 1, 9, 50, 5_853_300, 1),
            (6.0, 1, 9, 30, 5_853_400, 1),
        ]
        batch, reader = read_whole(write_pair(tmp_path, messages))
        assert [(row[0], row[3]) for row in rows_of(batch)] == [
            ("A", 200),
            ("C", 200),
            ("A", 50),
            ("C", 50),
            ("A", 50),
            ("C", 50),
            ("A", 30),
        ]
        assert (reader.stats.differing_sizes, reader.stats.repeated_orders) == (2, 1)
        books = BookSet()
        books.apply(batch)
        assert books["AAPL"].bids() == [(585.34, 30.0, 1)]
        assert not books["AAPL"].anomalies


BEFORE: tuple[Levels, Levels] = ({100: 5, 99: 6}, {103: 7, 104: 8})
WINDOW: list[tuple[Message, tuple[Levels, Levels]]] = [
    # Added inside: 99 goes out of sight, though the message does not say so.
    ((1.0, 1, 1, 4, 101, 1), ({101: 4, 100: 5}, {103: 7, 104: 8})),
    # Part of what rested before.
    ((2.0, 2, 50, 3, 103, -1), ({101: 4, 100: 5}, {103: 4, 104: 8})),
    ((3.0, 4, 50, 4, 103, -1), ({101: 4, 100: 5}, {104: 8, 106: 9})),
    # 99 comes back, with another order.
    ((4.0, 3, 1, 4, 101, 1), ({100: 5, 99: 2}, {104: 8, 106: 9})),
    ((5.0, 3, 51, 2, 99, 1), ({100: 5}, {104: 8, 106: 9})),
]


class TestWindow:
    def pair(self, folder: Path) -> Path:
        return write_pair(folder, [message for message, _ in WINDOW], [book for _, book in WINDOW])

    def test_each_event_ends_with_what_no_message_tells(self, tmp_path: Path) -> None:
        batch, reader = read_whole(self.pair(tmp_path))
        rows = [(row[0], row[1], round(row[2] * 1e4), row[3], row[4]) for row in rows_of(batch)]
        assert rows[0] == ("R", "N", 0, 0, UNSEEN)
        # The first message is undone: 101 is not there, and what it pushed out nobody knows.
        assert rows[1:4] == [
            ("A", "A", 103, 7, UNSEEN),
            ("A", "A", 104, 8, UNSEEN),
            ("A", "B", 100, 5, UNSEEN | LAST),
        ]
        assert rows[4:] == [
            ("A", "B", 101, 4, LAST),
            ("C", "A", 103, 3, LAST),
            ("T", "B", 103, 4, 0),
            ("F", "A", 103, 4, 0),
            ("C", "A", 103, 4, 0),
            ("A", "A", 106, 9, UNSEEN | LAST),
            ("C", "B", 101, 4, 0),
            ("A", "B", 99, 2, UNSEEN | LAST),
            ("C", "B", 99, 2, LAST),
        ]
        stats = reader.stats
        assert (stats.levels_before, stats.revealed, stats.fell_out, stats.corrected) == (3, 2, 0, 0)
        assert batch.order_id[5] == lobster.synthetic(ord("A"), 103)

    def test_the_first_message_is_undone(self, tmp_path: Path) -> None:
        for message, before in (
            ((1.0, 1, 1, 4, 100, 1), 1),
            ((1.0, 2, 1, 4, 100, 1), 9),
            ((1.0, 4, 1, 4, 100, 1), 9),
            ((1.0, 5, 0, 4, 100, 1), 5),
        ):
            batch, reader = read_whole(write_pair(tmp_path, [message], [BEFORE]))
            seeded = {row[2]: row[3] for row in rows_of(batch) if row[0] == "A" and row[4] & UNSEEN}
            assert seeded[0.01] == before
            assert reader.stats.corrected == 0

    def test_orders_that_go_out_of_sight_go(self, tmp_path: Path) -> None:
        messages: list[Message] = [(1.0, 1, 1, 4, 101, 1), (2.0, 1, 2, 4, 102, 1), (3.0, 1, 3, 1, 101, 1)]
        books: list[tuple[Levels, Levels]] = [
            ({101: 4, 100: 5}, {}),
            ({102: 4, 101: 4}, {}),
            ({102: 4, 101: 5}, {}),
        ]
        batch, reader = read_whole(write_pair(tmp_path, messages, books))
        assert [(row[0], row[3], row[4]) for row in rows_of(batch)][-3:] == [
            ("A", 4, 0),
            ("C", 5, UNSEEN | LAST),
            ("A", 1, LAST),
        ]
        assert reader.stats.fell_out == 1

    def test_a_book_that_does_not_follow_is_believed_and_counted(self, tmp_path: Path) -> None:
        messages: list[Message] = [(1.0, 1, 1, 4, 101, 1), (2.0, 5, 0, 1, 101, 1)]
        wrong: list[tuple[Levels, Levels]] = [({101: 4, 100: 5}, {}), ({101: 3, 100: 5}, {})]
        batch, reader = read_whole(write_pair(tmp_path, messages, wrong))
        assert reader.stats.corrected == 2
        books = BookSet()
        books.apply(batch)
        assert books["AAPL"].bids() == [(0.0101, 3.0, 1), (0.01, 5.0, 1)]

    def test_without_following_only_the_first_line_is_used(self, tmp_path: Path) -> None:
        batch, reader = read_whole(self.pair(tmp_path), follow=False)
        assert "".join(row[0] for row in rows_of(batch)) == "RAAAACTFCCN"
        assert (reader.stats.levels_before, reader.stats.revealed, reader.stats.unknown_orders) == (3, 0, 1)

    def test_the_order_book_can_be_read(self, tmp_path: Path) -> None:
        (books,) = lobster.read_books(self.pair(tmp_path))
        assert books.bid_prices[-1].tolist() == [10_000_000, 0]
        assert books.bid_sizes[-1].tolist() == [5, 0]
        assert books.ask_sizes[:, 0].tolist() == [7, 4, 8, 8, 8]

    @pytest.mark.parametrize("chunk", [1, 2, 3])
    def test_the_chunk_does_not_matter(self, tmp_path: Path, chunk: int) -> None:
        path = self.pair(tmp_path)
        batches = list(lobster.read(path, chunk=chunk))
        assert len(batches) == 1 + -(-len(WINDOW) // chunk)
        assert rows_of(EventBatch.concat(batches)) == rows_of(read_whole(path)[0])

    def test_many_live_orders_fit(self, tmp_path: Path) -> None:
        """Thousands at once: the memory of orders grows on the way, and every one is found again."""
        prices = np.random.default_rng(7).integers(1, 1_000, 5_000).tolist()
        added: list[Message] = [(1.0, 1, 10 + number, 5, price, 1) for number, price in enumerate(prices)]
        ended: list[Message] = [(2.0, 3, 10 + number, 5, price, 1) for number, price in enumerate(prices)]
        batch, reader = read_whole(write_pair(tmp_path, [*added, *ended]))
        assert reader.stats.unknown_orders == 0
        assert batch.order_id.tolist() == [message[2] for message in (*added, *ended)]
        books = BookSet()
        books.apply(batch)
        assert books["AAPL"].bids() == []
