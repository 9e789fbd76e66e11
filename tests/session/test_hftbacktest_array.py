from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from hftlab.errors import ArgumentError, SessionError
from hftlab.events import EventBatch
from hftlab.session import Session, open_session
from hftlab.venues.hftbacktest import event_format as form
from hftlab.venues.hftbacktest.encoder import encode
from tests.batches import COIN, SHARE, Row, make_batch
from tests.protocol.conftest import market_data, symbol, trade
from tests.session.sessions import write_session
from tests.session.test_event_table import write


@pytest.fixture
def events(tmp_path: Path) -> Session:
    """Levels of COIN and orders of SHARE, in turns."""
    rows = [
        Row("M", "B", 100, 5),
        Row("A", "A", 9, 5, flags=128, instrument=1, order=7),
        Row("M", "B", 100, 0),
        Row("T", "B", 9, 1, flags=128, instrument=1),
    ]
    write(tmp_path / "events", [make_batch(rows, [COIN, SHARE])])
    return open_session(tmp_path / "events")


def test_events_of_the_symbol_alone(events: Session) -> None:
    array = events.to_hftbacktest("SHARE")
    assert (array["ev"] & form.KIND).tolist() == [form.ADD_ORDER, form.TRADE]
    assert array["px"].tolist() == [0.45, 0.45]
    assert (events.to_hftbacktest("COIN")["ev"] & form.KIND).tolist() == [form.DEPTH, form.DEPTH]


def test_a_symbol_that_is_listed_twice_does_not_shift_the_others(tmp_path: Path) -> None:
    """A venue may list a stock anew within a day: each listing has a number of its own, equal ones mean the same."""
    rows = [Row("A", "B", 100 + at, 5, flags=128, instrument=at, order=at + 1) for at in range(4)]
    finer = dataclasses.replace(COIN, tick=COIN.tick // 10)
    write(tmp_path / "events", [make_batch(rows, [COIN, finer, COIN, SHARE])])
    session = open_session(tmp_path / "events")
    assert session.to_hftbacktest("SHARE")["order_id"].tolist() == [4]
    assert session.to_hftbacktest("COIN")["order_id"].tolist() == [1, 3]


def test_it_is_what_the_encoder_makes(events: Session) -> None:
    rows = [Row("M", "B", 100, 5, time=1), Row("M", "B", 100, 0, time=3)]
    batch = make_batch(rows, [COIN])
    columns = {name: getattr(batch, name) for name in EventBatch.__slots__} | {"sequence": [0, 2]}
    expected = encode(EventBatch(**columns), feed_latency=5)
    assert events.to_hftbacktest("COIN", feed_latency=5).tolist() == expected.tolist()


def test_messages_where_there_are_no_events(tmp_path: Path) -> None:
    messages = [
        market_data(symbol(price=10.0)),
        market_data(symbol(price=10.0, trades=[trade(9.0)], bids=[])),
    ]
    session = write_session(tmp_path / "s", [(5_000_000, messages[0]), (6_000_000, messages[1])])
    array = session.to_hftbacktest(feed_latency=7)
    both = form.EXCH | form.LOCAL
    assert array["ev"].tolist() == [
        both | form.BUY | form.DEPTH,
        both | form.SELL | form.DEPTH,
        both | (form.SELL if trade(9.0).side == "SELL" else form.BUY) | form.TRADE,
        both | form.BUY | form.DEPTH,
    ]
    assert array["px"].tolist() == [9.0, 11.0, 9.0, 9.0]
    assert array["qty"].tolist()[3] == 0.0
    assert array["exch_ts"].tolist()[:2] == [1_000_000, 1_000_000]
    assert array["local_ts"].tolist() == [5_000_007, 5_000_007, 6_000_007, 6_000_007]


class TestArguments:
    def test_a_symbol_must_be_named_among_several(self, events: Session) -> None:
        with pytest.raises(ArgumentError, match=r"has 2: name one of \['COIN', 'SHARE'\]"):
            events.to_hftbacktest()

    def test_the_symbol_must_be_there(self, events: Session) -> None:
        with pytest.raises(SessionError, match="SHORE"):
            events.to_hftbacktest("SHORE")

    def test_times_are_of_two_kinds(self, events: Session) -> None:
        with pytest.raises(ArgumentError, match="'causal', 'recorded'"):
            events.to_hftbacktest("COIN", times="exact")  # type: ignore[arg-type]

    def test_a_feed_does_not_run_ahead(self, events: Session) -> None:
        with pytest.raises(ArgumentError, match="feed_latency is -1"):
            events.to_hftbacktest("COIN", feed_latency=-1)
