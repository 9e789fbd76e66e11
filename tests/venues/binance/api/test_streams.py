"""What each kind of stream sends, and when."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hftlab.venues.binance.api.markets import SPOT, USDM, Market
from hftlab.venues.binance.api.streams import NEVER
from tests.batches import Row
from tests.server.native.local_book import LocalBook
from tests.venues.binance.api.markets import SmallMarket

pytestmark = pytest.mark.usefixtures("compiled")


def ids(messages: list[Any]) -> list[tuple[int, int]]:
    return [(message["U"], message["u"]) for message in messages]


class TestDepth:
    def test_it_has_all_changes_since_its_last_message(self) -> None:
        """A level that came and went is named as gone, one that changed twice once."""
        market = SmallMarket()
        market.add("coin@depth@100ms")
        assert market.due(100) == []
        market.apply(Row("M", "B", 9_900, 1), Row("A", "A", 10_100, 2), Row("C", "A", 10_100), Row("M", "B", 9_900, 4))
        (message,) = market.due(100)
        assert ids([message]) == [(5, 8)]
        # The level that has come and gone is named: a snapshot from in between has it.
        assert message["b"] == [["99.00000000", "0.00400000"]]
        assert message["a"] == [["101.00000000", "0.00000000"]]
        market.apply(Row("N"))
        (message,) = market.due(200)
        assert (ids([message]), message["b"], message["a"]) == ([(9, 9)], [], [])

    def test_it_waits_for_its_interval(self) -> None:
        market = SmallMarket()
        market.add("coin@depth@100ms")
        market.apply(Row("M", "B", 9_900, 1))
        assert ids(market.due(1_000)) == [(5, 5)]
        market.apply(Row("M", "B", 9_900, 2))
        market.apply(Row("M", "B", 9_900, 3))
        assert market.due(1_074) == []
        assert market.streams.next_time == 1_075_000_000
        assert ids(market.due(1_075)) == [(6, 7)]
        market.apply(Row("M", "B", 9_900, 4))
        assert ids(market.due(1_076, early=True)) == [(8, 8)]

    def test_a_trade_alone_is_not_a_change(self) -> None:
        market = SmallMarket()
        market.add("coin@depth@100ms")
        market.apply(Row("T", "B", 10_000, 1))
        assert market.due(1_000) == []

    def test_a_snapshot_over_a_book_is_the_difference(self) -> None:
        """Levels that it does not have are gone: whoever follows the stream has the recorded book."""
        market = SmallMarket()
        market.add("coin@depth@100ms")
        market.apply(Row("R"), Row("A", "B", 9_900, 5), Row("A", "A", 10_200, 1))
        (message,) = market.due(100)
        assert ids([message]) == [(5, 7)]
        assert message["b"] == [["99.00000000", "0.00500000"], ["98.00000000", "0.00000000"]]
        assert message["a"] == [["100.00000000", "0.00000000"], ["102.00000000", "0.00100000"]]

    def test_after_a_gap_the_ids_do_not_join(self) -> None:
        """Nothing is said while there is no book, nor of the one that begins then: its readers ask for it."""
        market = SmallMarket()
        market.add("coin@depth@100ms")
        market.apply(Row("M", "B", 9_900, 1))
        assert ids(market.due(100)) == [(5, 5)]
        market.apply(Row("R"))
        assert market.due(200) == []
        market.apply(Row("R"), Row("A", "B", 9_000, 1))
        assert market.due(300) == []
        market.apply(Row("M", "B", 9_000, 2))
        assert ids(market.due(400)) == [(9, 9)]

    def test_after_a_move_it_goes_on_from_there(self) -> None:
        market = SmallMarket()
        market.add("coin@depth@100ms")
        market.apply(Row("M", "B", 9_900, 1))
        market.streams.restart()
        assert market.due(100) == []
        market.apply(Row("M", "B", 9_900, 2))
        assert ids(market.due(101)) == [(6, 6)]

    rows = st.lists(
        st.one_of(
            st.tuples(st.just("M"), st.just("B"), st.integers(9_000, 9_010), st.integers(1, 9)),
            st.tuples(st.just("M"), st.just("A"), st.integers(10_000, 10_010), st.integers(1, 9)),
            st.tuples(st.just("C"), st.just("B"), st.integers(9_000, 9_010), st.just(0)),
            st.tuples(st.just("N"), st.just("N"), st.just(0), st.just(0)),
        ).map(lambda row: Row(*row)),
        max_size=6,
    )

    @pytest.mark.parametrize("wire", [SPOT, USDM])
    @given(flow=st.lists(rows, max_size=12), joined=st.integers(0, 11))
    @settings(max_examples=40)
    def test_a_reader_that_joins_at_any_time_gets_the_book(
        self, wire: Market, flow: list[list[Row]], joined: int
    ) -> None:
        """By the published rules, with an answer of any moment after the first message."""
        market = SmallMarket(wire)
        market.add("coin@depth@100ms")
        book = LocalBook(is_futures=wire.is_futures)
        for step, rows in enumerate(flow):
            market.apply(*rows)
            for message in market.due(1_000 * (step + 1), early=True):
                book.update(message)
            if step == joined:
                assert book.snapshot(json.loads(market.writer.book(*market.sides())))
        if joined < len(flow):
            assert book.gaps == 0
            exact = [
                [
                    (Decimal(ticks).scaleb(-2), Decimal(lots).scaleb(-3))
                    for ticks, lots in zip(side.ticks.tolist(), side.lots.tolist(), strict=True)
                ]
                for side in market.sides()
            ]
            assert [*book.sides()] == exact


class TestPartialDepth:
    def test_it_is_the_top_of_the_book_as_often_as_it_changes(self) -> None:
        market = SmallMarket()
        market.add("coin@depth5@100ms")
        (first,) = market.due(1_000)
        assert (first["lastUpdateId"], len(first["bids"]), len(first["asks"])) == (4, 2, 1)
        assert market.due(1_100) == []
        market.apply(Row("M", "B", 9_900, 1))
        (second,) = market.due(1_200)
        assert second["bids"][0] == ["99.00000000", "0.00100000"]

    def test_futures_name_the_message_before(self) -> None:
        market = SmallMarket(USDM)
        market.add("coin@depth5@0ms")
        assert [(one["U"], one["u"], one["pu"]) for one in market.due(1)] == [(4, 4, 3)]
        market.apply(Row("M", "B", 9_900, 1), Row("M", "B", 9_900, 2))
        assert [(one["U"], one["u"], one["pu"]) for one in market.due(2)] == [(5, 6, 4)]


class TestBookTicker:
    def test_it_comes_when_the_best_changes(self) -> None:
        market = SmallMarket()
        market.add("coin@bookTicker")
        assert [one["u"] for one in market.due(1)] == [4]
        market.apply(Row("M", "B", 9_800, 1))
        assert market.due(2) == []
        market.apply(Row("M", "B", 9_900, 1))
        assert [(one["u"], one["B"]) for one in market.due(3)] == [(6, "0.00100000")]

    def test_that_of_all_symbols_is_futures_alone(self) -> None:
        market = SmallMarket(USDM)
        market.add("!bookTicker")
        assert [one["s"] for one in market.due(1)] == ["COIN"]


class TestTrades:
    def test_each_comes_by_itself_at_once(self) -> None:
        market = SmallMarket()
        market.apply(Row("T", "B", 10_000, 1))
        market.add("coin@trade")
        assert market.due(1) == []
        market.apply(Row("T", "B", 10_000, 1), Row("T", "A", 9_900, 2))
        assert [(one["t"], one["m"]) for one in market.due(2)] == [(6, False), (7, True)]
        market.apply(Row("T", "B", 10_000, 1))
        market.streams.restart()
        assert market.due(3) == []

    def test_those_of_one_order_come_together_when_no_more_can_come(self) -> None:
        market = SmallMarket()
        market.add("coin@aggTrade")
        market.apply(Row("T", "B", 10_000, 1), Row("T", "B", 10_000, 2), Row("T", "B", 10_001, 4), at=50)
        assert [(one["f"], one["l"], one["q"]) for one in market.due(50)] == [(5, 6, "0.00300000")]
        assert market.due(50) == []
        assert market.streams.next_time == 51_000_000
        assert [(one["f"], one["l"]) for one in market.due(51)] == [(7, 7)]


class TestTickers:
    def test_it_comes_once_a_second_with_new_trades(self) -> None:
        market = SmallMarket()
        market.add("coin@ticker")
        assert market.due(1_000) == []
        market.apply(Row("T", "B", 10_000, 1))
        assert [one["e"] for one in market.due(1_000)] == ["24hrTicker"]
        market.apply(Row("T", "B", 10_000, 1))
        assert market.due(1_500) == []
        assert [one["n"] for one in market.due(2_000)] == [2]

    def test_all_of_them_are_one_message(self) -> None:
        market = SmallMarket()
        market.add("!miniTicker@arr")
        assert market.due(1_000) == []
        market.apply(Row("T", "B", 10_000, 1))
        assert [[one["s"] for one in message] for message in market.due(1_000)] == [["COIN"]]
        market.streams.restart()
        assert len(market.due(5_000)) == 1


def test_what_is_not_recorded_has_no_stream() -> None:
    market = SmallMarket()
    market.add("coin@kline_1m")
    assert market.streams.next_time is None
    assert market.streams.horizon == NEVER
