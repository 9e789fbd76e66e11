"""State from incremental books: what a book tells, what is kept from elsewhere, and what is not invented."""

from __future__ import annotations

from typing import Any

import pytest

from hftlab.protocol import BookDelta, MarketDataSymbol
from hftlab.protocol.latest_state import LatestState
from hftlab.protocol.publishing.publisher import Publisher
from tests.protocol.conftest import level, market_data, symbol
from tests.protocol.publishing.test_publisher import join, sent


def delta(bids: dict[float, float], asks: dict[float, float], **changes: Any) -> BookDelta:
    sides = ([level(price, size) for price, size in side.items()] for side in (bids, asks))
    values = dict(zip(("bids", "asks"), sides, strict=True)) | {"checksum": 0, "ts_event": 7.0} | changes
    return BookDelta(timestamp=1.0, symbol="AAPL", exchange="X", **values)


def state(*messages: Any) -> MarketDataSymbol | None:
    latest = LatestState()
    for message in messages:
        latest.take_in(message)
    return latest.latest.get("AAPL")


def told(*messages: Any) -> MarketDataSymbol:
    found = state(*messages)
    assert found is not None
    return found


def test_a_book_without_levels_is_no_state() -> None:
    """Its price is not known, and none is invented."""
    empty = delta({}, {}, snapshot=True)
    assert state(empty) is None
    assert state(empty, delta({9.0: 0.0}, {})) is None
    assert told(empty, delta({9.0: 1.0}, {})).price == 9.0


def test_nothing_is_sent_until_there_is_a_level(publisher: Publisher[str]) -> None:
    join(publisher, "a", symbols=["AAPL"], frequency=0)
    publisher.publish(delta({}, {}, snapshot=True), 0)
    assert sent(publisher) == []
    publisher.publish(delta({9.0: 1.0}, {11.0: 2.0}), 0)
    ((message, _),) = sent(publisher)
    assert [(one.price, one.bid, one.ask) for one in message.symbols] == [(10.0, 9.0, 11.0)]


@pytest.mark.parametrize(
    ("bids", "asks", "price"),
    [({9.0: 1.0}, {11.0: 1.0}, 10.0), ({9.0: 1.0, 8.0: 1.0}, {}, 9.0), ({}, {11.0: 1.0, 12.0: 1.0}, 11.0)],
)
def test_the_price_is_the_middle_of_the_best_there_are(
    bids: dict[float, float], asks: dict[float, float], price: float
) -> None:
    found = told(delta(bids, asks, snapshot=True))
    assert found.price == price
    assert (found.bid, found.ask) == (max(bids, default=0.0), min(asks, default=0.0))
    assert (found.bid_size, found.ask_size) == (float(bool(bids)), float(bool(asks)))
    assert {found.high, found.low, found.open, found.previous_close, found.volume} == {0.0}


def test_it_follows_the_book_and_is_kept_when_the_book_is_empty() -> None:
    messages = [delta({9.0: 1.0}, {11.0: 1.0}, snapshot=True), delta({9.0: 0.0, 10.0: 1.0}, {})]
    assert told(*messages).price == 10.5
    found = told(*messages, delta({10.0: 0.0}, {11.0: 0.0}))
    assert (found.price, found.bid, found.ask, found.bids, found.asks) == (10.5, 0.0, 0.0, [], [])


def test_what_other_messages_tell_is_kept() -> None:
    found = told(market_data(symbol(price=55.0, volume=5.0)), delta({9.0: 1.0}, {}), delta({9.5: 1.0}, {}))
    assert (found.price, found.volume, found.bid, found.timestamp) == (55.0, 5.0, 9.5, 7.0)
    found = told(delta({9.0: 1.0}, {}, snapshot=True), market_data(symbol(price=55.0)), delta({9.5: 1.0}, {}))
    assert (found.price, found.bid) == (55.0, 9.5)


def test_a_snapshot_replaces_the_book() -> None:
    found = told(delta({9.0: 1.0}, {11.0: 1.0}), delta({8.0: 1.0}, {}, snapshot=True))
    assert (found.bids, found.asks) == ([level(8.0)], [])
