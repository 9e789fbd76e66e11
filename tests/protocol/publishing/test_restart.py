"""A source that is taken to another position: what the publisher says, and what the subscriber makes of it."""

from __future__ import annotations

from typing import Any

import pytest

from hftlab import protocol
from hftlab.protocol import BookDelta, Gap, MarketData, ReplayState, ReplayStatus
from hftlab.protocol.publishing.publisher import Backlog, Publisher
from hftlab.protocol.subscribing.subscriber import Subscriber
from tests.protocol.conftest import MS, level, market_data, symbol, trade
from tests.protocol.publishing.test_publisher import NOW, ask, join, prices, sent

RESET = ReplayStatus(timestamp=1.0, state=ReplayState.PAUSED, position=5.0, reset=True)


def restart(publisher: Publisher[str], *state: MarketData, at: int = 0) -> list[tuple[Any, list[str]]]:
    deliveries = publisher.restart(state, at * MS, NOW)
    return [(protocol.decode(payload), list(readers)) for payload, _, readers, _ in deliveries]


def subscribed(publisher: Publisher[str], **fields: Any) -> None:
    join(publisher, "a", **({"symbols": ["AAPL", "MSFT"], "frequency": 0} | fields))


class TestPublisher:
    def test_each_channel_begins_with_a_snapshot_that_counts(self, publisher: Publisher[str]) -> None:
        subscribed(publisher)
        publisher.publish(market_data(symbol("AAPL", 5.0), symbol("MSFT", 6.0)), 0)
        ((before, _),) = sent(publisher)
        ((snapshot, readers),) = restart(publisher, market_data(symbol("AAPL", 3.0)))
        assert (snapshot.snapshot, snapshot.sequence, readers) == (True, before.sequence + 1, ["a"])
        assert prices(snapshot) == {"AAPL": 3.0}
        publisher.publish(market_data(symbol("MSFT", 4.0)), 0)
        ((after, _),) = sent(publisher)
        assert (after.snapshot, after.sequence) == (False, before.sequence + 2)

    def test_a_channel_that_has_nothing_to_tell_says_nothing(self, publisher: Publisher[str]) -> None:
        subscribed(publisher)
        publisher.publish(market_data(symbol("AAPL", 5.0)), 0)
        sent(publisher)
        assert restart(publisher) == []
        publisher.publish(market_data(symbol("AAPL", 6.0)), 0)
        ((message, _),) = sent(publisher)
        assert message.sequence == 2

    def test_nothing_of_before_is_left(self, publisher: Publisher[str]) -> None:
        """Neither what a message leaves out, nor what waits for a pace, nor the trades that were collected."""
        subscribed(publisher, frequency=100, dataTypes=["QUOTES", "TRADES", "ORDER_BOOK"])
        for at in (0, 10):
            publisher.publish(market_data(symbol("AAPL", 5.0, trades=[trade(5.0)], last_trade=trade(5.0))), at * MS)
            if not at:
                sent(publisher)
        restart(publisher, market_data(symbol("AAPL", 3.0, bids=None, asks=None)))
        assert publisher.next_time() is None
        assert publisher.latest["AAPL"].bids is None
        assert publisher.latest["AAPL"].last_trade is None
        publisher.publish(market_data(symbol("MSFT", 4.0)), 500 * MS)
        ((message, _),) = sent(publisher, 500)
        assert prices(message) == {"AAPL": 3.0, "MSFT": 4.0}
        assert [one.trades for one in message.symbols] == [None, None]

    def test_the_pace_begins_anew_even_if_time_goes_back(self, publisher: Publisher[str]) -> None:
        subscribed(publisher, frequency=100)
        publisher.publish(market_data(symbol("AAPL", 5.0)), 9_000 * MS)
        sent(publisher, 9_000)
        restart(publisher, market_data(symbol("AAPL", 3.0)), at=1_000)
        publisher.publish(market_data(symbol("AAPL", 4.0)), 1_010 * MS)
        assert publisher.next_time() == 1_100 * MS
        restart(publisher, at=500)
        publisher.publish(market_data(symbol("AAPL", 2.0)), 510 * MS)
        assert publisher.next_time() == 510 * MS

    def test_an_incremental_book_begins_with_a_snapshot(self, publisher: Publisher[str]) -> None:
        subscribed(publisher, symbols=["AAPL"], dataTypes=["BOOK_DELTA"])
        publisher.publish(market_data(symbol("AAPL", 5.0)), 0)
        sent(publisher)
        ((snapshot, _),) = restart(publisher, market_data(symbol("AAPL", 3.0, bids=[level(2.0)])))
        assert isinstance(snapshot, BookDelta)
        assert (snapshot.snapshot, snapshot.sequence, snapshot.bids) == (True, 2, [level(2.0)])
        publisher.publish(market_data(symbol("AAPL", 3.0, bids=[level(2.0, 7.0)])), 0)
        ((delta, _),) = sent(publisher)
        assert (delta.snapshot, delta.bids, delta.asks) == (False, [level(2.0, 7.0)], [])

    @pytest.mark.parametrize("policy", ["CONFLATE", "GAP"])
    def test_who_is_behind_gets_the_state_when_it_has_caught_up(self, publisher: Publisher[str], policy: str) -> None:
        subscribed(publisher, slowConsumer=policy)
        publisher.publish(market_data(symbol("AAPL", 5.0)), 0)
        sent(publisher)
        publisher.set_backlog("a", Backlog.FULL, NOW)
        assert restart(publisher, market_data(symbol("AAPL", 3.0))) == []
        *gap, snapshot = [protocol.decode(one) for one in publisher.set_backlog("a", Backlog.NONE, NOW)]
        assert isinstance(snapshot, MarketData)
        assert prices(snapshot) == {"AAPL": 3.0}
        assert [type(one) for one in gap] == ([Gap] if policy == "GAP" else [])

    def test_polling_early_sends_what_waits_for_its_pace(self, publisher: Publisher[str]) -> None:
        subscribed(publisher, frequency=1000)
        for at, price in ((0, 5.0), (10, 6.0)):
            publisher.publish(market_data(symbol("AAPL", price)), at * MS)
            if not at:
                sent(publisher)
        assert sent(publisher, 20) == []
        ((payload, *_),) = publisher.poll(20 * MS, NOW, early=True)
        message = protocol.decode(payload)
        assert isinstance(message, MarketData)
        assert prices(message) == {"AAPL": 6.0}
        publisher.publish(market_data(symbol("AAPL", 7.0)), 30 * MS)
        assert publisher.next_time() == 1020 * MS


class TestSubscriber:
    def test_after_a_reset_only_what_is_told_anew_is_known(self) -> None:
        """No loss is seen, and what did not exist at that time is gone."""
        subscriber = Subscriber()
        subscriber.receive(market_data(symbol("AAPL", 5.0), symbol("MSFT", 6.0), channel=1, sequence=7))
        assert subscriber.receive(RESET) == []
        assert subscriber.latest("AAPL") is None
        assert subscriber.book("MSFT") is None
        snapshot = market_data(symbol("AAPL", 3.0, bids=None), channel=1, sequence=8, snapshot=True)
        assert subscriber.receive(snapshot) == []
        latest, book = subscriber.latest("AAPL"), subscriber.book("AAPL")
        assert latest is not None
        assert (latest.price, latest.bids) == (3.0, None)
        assert book is not None
        assert not book.stale
        assert subscriber.latest("MSFT") is None

    def test_a_status_without_reset_leaves_all_as_it_is(self) -> None:
        subscriber = Subscriber()
        subscriber.receive(market_data(symbol("AAPL", 5.0), channel=1, sequence=7))
        subscriber.receive(ReplayStatus(timestamp=1.0, state=ReplayState.PAUSED, position=5.0))
        assert subscriber.latest("AAPL") is not None


def test_a_publisher_and_a_subscriber_agree_about_a_jump(publisher: Publisher[str]) -> None:
    subscriber = Subscriber()
    publisher.join("a", protocol.JSON, NOW)
    for reply in ask(publisher, "a", symbols=["AAPL", "MSFT"], frequency=0):
        subscriber.receive(reply)
    publisher.publish(market_data(symbol("AAPL", 5.0), symbol("MSFT", 6.0)), 0)
    losses = [loss for message, _ in sent(publisher) for loss in subscriber.receive(message)]
    losses += subscriber.receive(RESET)
    for message, _ in restart(publisher, market_data(symbol("MSFT", 3.0))):
        losses += subscriber.receive(message)
    assert losses == []
    assert {name: subscriber.latest(name) for name in ("AAPL", "MSFT")} == {
        "AAPL": None,
        "MSFT": symbol("MSFT", 3.0),
    }
