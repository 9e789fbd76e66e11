"""Incremental books: a snapshot and changes, checked, make the same book as the state itself."""

from __future__ import annotations

import json
import struct
import zlib

from hypothesis import given
from hypothesis import strategies as st

from hftlab import protocol
from hftlab.protocol import JSON, BookDelta, DataType, OrderBookLevel
from hftlab.protocol.publishing.publisher import Backlog, Publisher
from hftlab.protocol.subscribing.loss import Loss
from hftlab.protocol.subscribing.subscriber import Subscriber
from tests.protocol.conftest import LIMITS, MS, level, market_data, receive, symbol

NOW = 5_000 * MS


def joined(frequency: int = 0) -> tuple[Publisher[str], Subscriber]:
    publisher, subscriber = Publisher(session="s", limits=LIMITS), Subscriber()
    publisher.join("a", JSON, NOW)
    subscriber.wanted.add(["AAPL"], [DataType.BOOK_DELTA], frequency)
    hear(subscriber, subscribe(publisher, "a", frequency))
    return publisher, subscriber


def subscribe(publisher: Publisher[str], key: str, frequency: int = 0) -> list[bytes]:
    request = {"symbols": ["AAPL"], "dataTypes": ["BOOK_DELTA"], "frequency": frequency}
    return receive(publisher, key, json.dumps({"type": "SUBSCRIBE", "timestamp": 1} | request).encode(), NOW)


def hear(subscriber: Subscriber, payloads: list[bytes]) -> list[Loss]:
    return [loss for payload in payloads for loss in subscriber.receive(protocol.decode(payload))]


def sent(publisher: Publisher[str], at: int = 0) -> list[bytes]:
    return [payload for payload, _, readers, _ in publisher.poll(at * MS, NOW) if "a" in readers]


def update(bids: dict[float, float], asks: dict[float, float]) -> protocol.MarketData:
    def levels(side: dict[float, float], *, falling: bool) -> list[OrderBookLevel]:
        return [level(price, size) for price, size in sorted(side.items(), reverse=falling)]

    return market_data(symbol(bids=levels(bids, falling=True), asks=levels(asks, falling=False)))


sides = st.dictionaries(st.integers(1, 30).map(float), st.integers(1, 5).map(float), max_size=15)


@given(st.lists(st.tuples(sides, sides), min_size=1, max_size=20), st.sampled_from([0, 100]))
def test_deltas_make_the_same_book_as_the_state(
    books: list[tuple[dict[float, float], dict[float, float]]], frequency: int
) -> None:
    publisher, subscriber = joined(frequency)
    for number, (bids, asks) in enumerate(books):
        publisher.publish(update(bids, asks), number * 40 * MS)
        assert hear(subscriber, sent(publisher, number * 40)) == []
    assert hear(subscriber, sent(publisher, 10_000)) == []
    bids, asks = books[-1]
    shown = subscriber.book("AAPL")
    assert shown is not None
    assert not shown.stale
    assert shown.bids(100) == [(price, bids[price], 1) for price in sorted(bids, reverse=True)]
    assert shown.asks(100) == [(price, asks[price], 1) for price in sorted(asks)]


def test_only_what_changed_is_sent() -> None:
    publisher, _ = joined()
    publisher.publish(update({9.0: 1.0, 8.0: 2.0}, {10.0: 1.0}), 0)
    publisher.publish(update({9.0: 1.0, 7.0: 2.0}, {10.0: 5.0}), 0)
    first, second = (protocol.decode(payload) for payload in sent(publisher))
    assert isinstance(first, BookDelta)
    assert isinstance(second, BookDelta)
    assert (first.snapshot, second.snapshot) == (True, False)
    assert [(one.price, one.size) for one in second.bids] == [(7.0, 2.0), (8.0, 0.0)]
    assert [(one.price, one.size) for one in second.asks] == [(10.0, 5.0)]


def test_a_message_of_one_side_leaves_the_other_alone() -> None:
    publisher, subscriber = joined()
    for bids, asks in (([level(9.0)], [level(11.0)]), ([level(9.5)], None), (None, [level(10.5)]), (None, None)):
        publisher.publish(market_data(symbol(bids=bids, asks=asks)), 0)
    payloads = sent(publisher)
    assert len(payloads) == 3
    assert hear(subscriber, payloads) == []
    book = subscriber.book("AAPL")
    assert (book.bids(), book.asks()) == ([(9.5, 1.0, 1)], [(10.5, 1.0, 1)])


def test_nothing_is_sent_for_an_update_that_leaves_the_book_alone() -> None:
    publisher, _ = joined()
    for _ in range(2):
        publisher.publish(update({9.0: 1.0}, {10.0: 1.0}), 0)
    assert len(sent(publisher)) == 1


def test_the_checksum_is_the_documented_one() -> None:
    """By hand: the sequence, ten bids, ten asks, as doubles."""
    publisher, _ = joined()
    bids = {float(price): 1.0 for price in range(1, 15)}
    publisher.publish(update(bids, {20.0: 3.0}), 0)
    (payload,) = sent(publisher)
    numbers = [1.0, *(number for price in range(14, 4, -1) for number in (float(price), 1.0)), 20.0, 3.0]
    assert json.loads(payload)["checksum"] == zlib.crc32(struct.pack(f"<{len(numbers)}d", *numbers))


def test_who_joins_a_paced_channel_late_gets_the_book_that_the_next_delta_applies_to() -> None:
    """Between two paced deltas the newest state is not what the channel has said."""
    publisher, _ = joined(100)
    publisher.publish(update({9.0: 1.0}, {10.0: 1.0}), 0)
    sent(publisher, 0)
    publisher.publish(update({8.0: 1.0}, {10.0: 1.0}), 10 * MS)
    publisher.join("b", JSON, NOW)
    late = Subscriber()
    hear(late, subscribe(publisher, "b", 100))
    assert late.book("AAPL").bids() == [(9.0, 1.0, 1)]
    assert hear(late, [payload for payload, *_ in publisher.poll(100 * MS, NOW)]) == []
    assert late.book("AAPL").bids() == [(8.0, 1.0, 1)]


def test_a_hole_makes_the_book_stale_until_it_is_asked_for_again() -> None:
    publisher, subscriber = joined()
    for size in (1.0, 2.0, 3.0):
        publisher.publish(update({9.0: size}, {10.0: 1.0}), 0)
    first, _, third = sent(publisher)
    hear(subscriber, [first])
    assert hear(subscriber, [third]) == [Loss(1, 2, 2, "lost")]
    assert subscriber.book("AAPL").stale
    assert subscriber.book("AAPL").bids() == []
    (request,) = subscriber.requests()
    assert subscriber.requests() == []
    request.timestamp = 1.0
    assert hear(subscriber, receive(publisher, "a", JSON.encode(request), NOW)) == []
    assert subscriber.book("AAPL").bids() == [(9.0, 3.0, 1)]
    assert not subscriber.book("AAPL").stale


def test_a_book_that_fails_its_checksum_is_stale() -> None:
    publisher, subscriber = joined()
    publisher.publish(update({9.0: 1.0}, {10.0: 1.0}), 0)
    publisher.publish(update({9.0: 2.0}, {10.0: 1.0}), 0)
    first, second = sent(publisher)
    hear(subscriber, [first])
    damaged = second.replace(b'"size":2.0', b'"size":7.0')
    assert damaged != second
    assert hear(subscriber, [damaged]) == [Loss(1, 2, 2, "checksum")]
    assert subscriber.book("AAPL").stale
    assert len(subscriber.requests()) == 1


def test_a_full_reader_gets_a_gap_and_a_snapshot() -> None:
    publisher, subscriber = joined()
    publisher.publish(update({9.0: 1.0}, {10.0: 1.0}), 0)
    hear(subscriber, sent(publisher))
    publisher.set_backlog("a", Backlog.FULL, NOW)
    for size in (2.0, 3.0):
        publisher.publish(update({9.0: size}, {10.0: 1.0}), 0)
    assert sent(publisher) == []
    assert hear(subscriber, publisher.set_backlog("a", Backlog.NONE, NOW)) == [Loss(1, 2, 3, "gap")]
    assert subscriber.book("AAPL").bids() == [(9.0, 3.0, 1)]


@given(st.lists(st.tuples(sides, sides), min_size=1, max_size=8))
def test_recorded_deltas_can_be_published_again(books: list[tuple[dict[float, float], dict[float, float]]]) -> None:
    """What a recording of BOOK_DELTA holds makes, published anew, the same book by deltas and by state."""
    publisher, _ = joined()
    for bids, asks in books:
        publisher.publish(update(bids, asks), 0)
    second, by_delta = joined()
    for payload in sent(publisher):
        second.publish(protocol.decode(payload), 0)
    hear(by_delta, sent(second))
    bids, asks = books[-1]
    if not any(side for book in books for side in book):  # it has never had a price
        assert by_delta.book("AAPL") is None
        assert second.latest == {}
        return
    assert by_delta.book("AAPL").bids(100) == [(price, bids[price], 1) for price in sorted(bids, reverse=True)]
    state = second.latest["AAPL"]
    assert [level.price for level in state.asks or ()] == sorted(asks)


def test_behind_a_gap_of_the_source_the_book_comes_whole() -> None:
    """The book is stale from the gap on, and needs nothing from before it."""
    publisher, subscriber = joined()
    publisher.publish(update({9.0: 1.0}, {10.0: 1.0}), 0)
    hear(subscriber, sent(publisher))
    publisher.publish(protocol.Gap(timestamp=1.0, from_sequence=0, to_sequence=0, reason="disconnect"), 1)
    assert hear(subscriber, sent(publisher)) == [Loss(1, 2, 2, "gap")]
    assert subscriber.book("AAPL").stale
    publisher.publish(update({8.0: 1.0, 9.0: 1.0}, {10.0: 1.0}), 2)
    (payload,) = sent(publisher)
    assert protocol.decode(payload).snapshot
    assert hear(subscriber, [payload]) == []
    assert subscriber.book("AAPL").bids() == [(9.0, 1.0, 1), (8.0, 1.0, 1)]
    assert not subscriber.book("AAPL").stale
