"""Rows that other programs made."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from hftlab.book import BookSet
from hftlab.events import F_LAST, F_MBP, EventBatch
from hftlab.venues import hftbacktest
from hftlab.venues.hftbacktest import event_format as form
from tests.batches import COIN
from tests.venues.hftbacktest.arrays import ASK, BID, Event, read_rows, write_array

DEPTH, TRADE = form.DEPTH, form.TRADE


def test_levels(path: Path) -> None:
    found = read_rows(
        path,
        Event(form.DEPTH_SNAPSHOT | BID, 9.5, 2.0),
        Event(form.DEPTH_SNAPSHOT | ASK, 10.5, 0.25),
        Event(DEPTH | BID, 9.5, 3.0, exch=2),
        Event(DEPTH | ASK, 10.5, 0.0, exch=2),
    )
    snapshot = F_MBP | 32
    assert found == [
        ("A", "B", 9.5, 2.0, snapshot),
        ("A", "A", 10.5, 0.25, snapshot | F_LAST),
        ("M", "B", 9.5, 3.0, F_MBP),
        ("C", "A", 10.5, 0.0, F_MBP | F_LAST),
    ]


def test_trades_may_be_between_two_ticks(path: Path) -> None:
    coin = dataclasses.replace(COIN, symbol="ZZT")
    assert read_rows(path, Event(TRADE | ASK, 9.505, 2.0), instrument=coin) == [("T", "A", 9.505, 2.0, F_LAST)]


def test_orders_with_the_flags_of_databento(path: Path) -> None:
    """The last row of an event is the flagged one, whatever the times."""
    found = read_rows(
        path,
        Event(form.ADD_ORDER | BID, 9.5, 2.0, order=7, ival=0),
        Event(form.MODIFY_ORDER | BID, 9.0, 2.0, order=7, ival=0, exch=2),
        Event(form.FILL | BID, 9.0, 1.0, order=7, ival=8, exch=2),
        Event(form.CANCEL_ORDER | BID, 9.0, 1.0, order=7, ival=130, exch=2),
    )
    assert found == [
        ("A", "B", 9.5, 2.0, 0),
        ("M", "B", 9.0, 2.0, 0),
        ("F", "B", 9.0, 1.0, 8),
        ("C", "B", 9.0, 1.0, 130),
    ]


def test_an_order_may_be_cancelled_without_a_size(path: Path) -> None:
    events = [Event(form.ADD_ORDER | BID, 9.5, 2.0, order=7), Event(form.CANCEL_ORDER | BID, order=7, exch=2)]
    batch = EventBatch.concat(hftbacktest.read(write_array(path, *events)))
    books = BookSet()
    books.apply(batch)
    assert books["ZZT"].bids() == []
    assert not books.anomalies


def test_two_halves_are_one_event(path: Path) -> None:
    events = [
        Event(DEPTH | BID, 9.5, 2.0, exch=1, local=4, clocks=form.EXCH),
        Event(TRADE | ASK, 9.5, 1.0, exch=2, local=3),
        Event(DEPTH | BID, 9.5, 2.0, exch=1, local=4, clocks=form.LOCAL),
        Event(DEPTH | BID, 9.5, 1.0, clocks=0),
        Event(form.DEPTH_BBO | BID, 9.5, 1.0),
    ]
    reader = hftbacktest.read(write_array(path, *events))
    batch = EventBatch.concat(reader)
    assert bytes(batch.action) == b"TM"
    assert batch.ts_event.tolist() == [2_000_000, 1_000_000]
    assert batch.ts_recv.tolist() == [3_000_000, 4_000_000]
    assert dataclasses.asdict(reader.stats) == {
        "rows": 5, "venue_only": 1, "unflagged": 1, "unread": 1, "sides_cleared": 0,
    }  # fmt: skip
