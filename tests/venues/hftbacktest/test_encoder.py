from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hftlab.book import BookSet
from hftlab.events import F_LAST, F_MBP, F_SNAPSHOT, EventBatch
from hftlab.venues.hftbacktest import event_format as form
from hftlab.venues.hftbacktest.encoder import encode
from tests.batches import COIN, SHARE, Row, make_batch
from tests.book.test_book_set import LEVEL_ROWS
from tests.book.test_open_orders import ROWS, orders
from tests.venues.hftbacktest.rules import Levels, Queues

BOTH = form.EXCH | form.LOCAL


def levels_of(rows: list[Row]) -> EventBatch:
    return make_batch([row._replace(time=0) for row in rows], (COIN,))


def one(row: Row, *, instrument: Any = COIN) -> Any:
    (event,) = encode(make_batch([row], (instrument,)))
    return event


@settings(deadline=None)
@given(st.lists(LEVEL_ROWS, max_size=60))
def test_price_levels_are_those_of_our_book(rows: list[Row]) -> None:
    batch = levels_of(rows)
    books = BookSet()
    books.apply(batch)
    found = Levels(encode(batch))
    if "COIN" in books:
        book = books["COIN"]
        assert found.best_first(form.BUY) == [level[:2] for level in book.bids(99)]
        assert found.best_first(form.SELL) == [level[:2] for level in book.asks(99)]


@settings(deadline=None)
@given(ROWS)
def test_queues_are_those_of_our_book(rows: list[Row]) -> None:
    """Also after partial cancellations, parts of icebergs, and rows that our book skips, at which hftbacktest stops."""
    batch = orders(rows)
    books = BookSet()
    books.apply(batch)
    found = Queues(encode(batch)).queues
    expected = {
        (flag, price): books["SHARE"].orders(side, price)
        for side, flag, levels in (("B", form.BUY, "bids"), ("A", form.SELL, "asks"))
        for price, _, _ in (getattr(books["SHARE"], levels)(99) if rows else ())
    }
    assert found == expected


class TestRows:
    def test_a_level(self) -> None:
        event = one(Row("M", "B", 1234, 5))
        assert event["ev"] == BOTH | form.BUY | form.DEPTH
        assert (event["px"], event["qty"], event["order_id"]) == (12.34, 0.005, 0)
        assert (event["exch_ts"], event["local_ts"]) == (1_000_000, 2_000_000)

    def test_a_level_of_a_snapshot(self) -> None:
        event = one(Row("A", "A", 1, 5, F_MBP | F_SNAPSHOT | F_LAST))
        assert event["ev"] == BOTH | form.SELL | form.DEPTH_SNAPSHOT

    def test_a_level_that_is_gone(self) -> None:
        event = one(Row("C", "A", 1, 5))
        assert event["ev"] == BOTH | form.SELL | form.DEPTH
        assert (event["qty"], event["fval"]) == (0.0, 0.005)

    def test_a_cleared_book_has_no_side(self) -> None:
        assert one(Row("R"))["ev"] == BOTH | form.DEPTH_CLEAR

    def test_trades_have_the_side_of_the_aggressor(self) -> None:
        assert one(Row("T", "A", 7, 1))["ev"] == BOTH | form.SELL | form.TRADE
        assert one(Row("T", "N", 7, 1))["ev"] == BOTH | form.TRADE

    def test_a_trade_may_be_between_two_ticks(self) -> None:
        assert one(Row("T", "B", 1, 1, off_tick=5_000_000))["px"] == 0.015

    def test_a_part_that_is_cancelled_modifies_to_what_is_left(self) -> None:
        rows = [Row("A", "B", 10, 7, F_LAST, order=3), Row("C", "B", 10, 2, F_LAST, order=3)]
        part = encode(make_batch(rows, (SHARE,)))[1]
        assert part["ev"] == BOTH | form.BUY | form.MODIFY_ORDER
        assert (part["qty"], part["fval"]) == (5.0, 2.0)
        assert (part["ival"] & 0xFF, part["ival"] >> 8 & 0xFF, part["ival"] >> 16) == (F_LAST, ord("C"), 1)

    def test_nothing_has_no_row_and_its_event_still_ends(self) -> None:
        rows = [Row("M", "B", 1, 5, F_MBP), Row("N", flags=F_MBP | F_LAST), Row("M", "B", 2, 5, F_MBP)]
        events = encode(make_batch(rows))
        assert (events["ival"] & F_LAST != 0).tolist() == [True, False]

    def test_a_sequence_that_is_too_long_is_left_out(self) -> None:
        batch = make_batch([Row("T", "B", 1, 1)])
        columns = {name: getattr(batch, name) for name in ("ts_event", "ts_recv", "instrument_id", "order_id")}
        columns |= {name: getattr(batch, name) for name in ("action", "side", "price", "size", "flags")}
        (event,) = encode(EventBatch(**columns, sequence=np.array([1 << 47]), instruments=(COIN,)))
        assert event["ival"] >> 16 == 0

    def test_no_rows(self) -> None:
        assert encode(make_batch([]))["ev"].tolist() == []
        assert encode(make_batch([])).dtype == form.EVENT_DTYPE
