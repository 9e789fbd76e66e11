from __future__ import annotations

import struct
import zlib

import pytest

from hftlab.book import BookSet, QueuePosition
from hftlab.events import F_LAST
from tests.batches import Row, make_batch


@pytest.fixture
def books() -> BookSet:
    """Price levels."""
    rows = [
        Row("A", "B", 6183763, 3788),
        Row("A", "B", 6183762, 617),
        Row("A", "A", 6183764, 1546),
        Row("A", "A", 6183985, 10),
    ]
    books = BookSet()
    books.apply(make_batch(rows))
    return books


@pytest.fixture
def queues() -> BookSet:
    """Orders: three queue for 0.05, of which the second has grown and gone to the back."""
    rows = [
        Row("A", "B", 5, 100, F_LAST, order=11),
        Row("A", "B", 5, 200, F_LAST, order=2**64 - 1),
        Row("A", "B", 5, 300, F_LAST, order=13),
        Row("A", "B", 4, 400, F_LAST, order=14),
        Row("A", "A", 7, 500, F_LAST, order=15),
        Row("M", "B", 5, 250, F_LAST, order=2**64 - 1),
        Row("C", "B", 5, 40, F_LAST, order=11),
    ]
    books = BookSet()
    books.apply(make_batch(rows))
    return books


class TestLevels:
    def test_best_first(self, books: BookSet) -> None:
        assert books["COIN"].bids(10) == [(61837.63, 3.788, 0), (61837.62, 0.617, 0)]
        assert books["COIN"].asks(1) == [(61837.64, 1.546, 0)]
        assert books["COIN"].best() == ((61837.63, 3.788, 0), (61837.64, 1.546, 0))
        assert books["COIN"].bids(0) == []

    def test_are_columns_of_ticks_and_lots_as_well(self, books: BookSet) -> None:
        """Copies: a later batch leaves them as they were."""
        book = books["COIN"]
        ticks, lots = book.level_arrays("B")
        assert (ticks.tolist(), lots.tolist()) == ([6183763, 6183762], [3788, 617])
        assert [column.tolist() for column in book.level_arrays("A", 1)] == [[6183764], [1546]]
        assert [len(column) for column in book.level_arrays("B", 0)] == [0, 0]
        books.apply(make_batch([Row("R", time=9)]))
        assert ticks.tolist() == [6183763, 6183762]
        assert [len(column) for column in book.level_arrays("B")] == [0, 0]

    def test_count_orders(self, queues: BookSet) -> None:
        assert queues["COIN"].bids() == [(0.05, 0.61, 3), (0.04, 0.4, 1)]
        assert queues["COIN"].asks() == [(0.07, 0.5, 1)]

    def test_follow_later_batches(self, books: BookSet) -> None:
        book = books["COIN"]
        books.apply(make_batch([Row("C", "B", 6183763, time=9)]))
        assert book.bids(1) == [(61837.62, 0.617, 0)]
        books.apply(make_batch([Row("R", time=9)]))
        assert book.best() == (None, None)
        assert book.clears == 1

    @pytest.mark.parametrize("action", ["T", "F", "N"])
    def test_trades_fills_and_nothing_do_not_change_them(self, books: BookSet, action: str) -> None:
        before = books["COIN"].bids(), books["COIN"].asks()
        books.apply(make_batch([Row(action, "B", 6183764, 9999)]))
        assert (books["COIN"].bids(), books["COIN"].asks()) == before

    def test_show_themselves(self, books: BookSet) -> None:
        assert repr(books["COIN"]) == "OrderBook(COIN at BINANCE: 3.788 @ 61837.63 / 1.546 @ 61837.64)"


class TestAnomalies:
    def test_are_counted_by_kind(self, books: BookSet) -> None:
        rows = [Row("C", "B", 1), Row("A", "B", 6183764, 1), Row("T", "B", 1, 1), Row("N")]
        books.apply(make_batch([row._replace(time=9) for row in rows]))
        book = books["COIN"]
        assert book.anomalies == {"unknown_level": 1, "crossed": 1}
        assert (book.unknown_levels, book.crossed) == (1, 1)

    def test_time_back_counts_only_what_may_change_the_book(self, books: BookSet) -> None:
        books.apply(make_batch([Row("T", "B", 1, 1, time=1), Row("A", "B", 2, 1, time=1), Row("A", "B", 3, 1, time=9)]))
        assert books["COIN"].anomalies == {"time_back": 1}
        assert books["COIN"].levels == (4, 2)


class TestQueues:
    def test_are_in_order_of_priority(self, queues: BookSet) -> None:
        assert queues["COIN"].orders("B", 0.05) == [(11, 0.06), (13, 0.3), (2**64 - 1, 0.25)]
        assert queues["COIN"].orders("A", 0.05) == []

    def test_tell_the_position_of_an_order(self, queues: BookSet) -> None:
        assert queues["COIN"].queue_position(2**64 - 1) == QueuePosition(
            side="B", price=0.05, size=0.25, orders_ahead=2, size_ahead=0.36, level_orders=3, level_size=0.61
        )
        assert queues["COIN"].queue_position(15).side == "A"

    @pytest.mark.parametrize("order_id", [12, 0, -1, 2**64, 2**63])
    def test_know_who_is_not_there(self, queues: BookSet, order_id: int) -> None:
        with pytest.raises(KeyError):
            queues["COIN"].queue_position(order_id)

    def test_are_empty_where_the_venue_names_no_orders(self, books: BookSet) -> None:
        assert books["COIN"].orders("B", 61837.63) == []


class TestVolume:
    def test_is_that_of_a_price_and_better(self, queues: BookSet) -> None:
        book = queues["COIN"]
        assert book.cumulative_volume("B", price=0.05) == 0.61
        assert book.cumulative_volume("B", price=0.04) == 1.01
        assert book.cumulative_volume("A", price=0.06) == 0
        assert book.cumulative_volume("A", price=0.08) == 0.5

    def test_is_that_of_some_levels_or_of_all(self, queues: BookSet) -> None:
        book = queues["COIN"]
        assert [book.cumulative_volume("B", depth=depth) for depth in (0, 1, 2, 3)] == [0, 0.61, 1.01, 1.01]
        assert book.cumulative_volume("B") == 1.01

    def test_needs_one_limit_and_a_side(self, queues: BookSet) -> None:
        with pytest.raises(ValueError, match="a price or a depth, not both"):
            queues["COIN"].cumulative_volume("B", price=1, depth=1)
        with pytest.raises(ValueError, match="side must be B or A, got 'N'"):
            queues["COIN"].cumulative_volume("N")  # type: ignore[arg-type]


class TestChecksum:
    def test_is_the_crc32_of_the_documented_bytes(self, queues: BookSet) -> None:
        levels = struct.pack("<12q", 5, 610, 4, 400, 0, 0, 7, 500, 0, 0, 0, 0)
        assert queues["COIN"].checksum(3) == zlib.crc32(levels)

    def test_sees_only_its_levels(self, queues: BookSet) -> None:
        before = [queues["COIN"].checksum(depth) for depth in (1, 2)]
        queues.apply(make_batch([Row("C", "B", 4, 1, F_LAST, order=14, time=9)]))
        after = [queues["COIN"].checksum(depth) for depth in (1, 2)]
        assert before[0] == after[0]
        assert before[1] != after[1]
