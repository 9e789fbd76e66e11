"""The client's half with plain messages."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from hftlab import protocol
from hftlab.protocol import JSON, Ack, ChannelInfo, DataType, Gap, MarketData, SlowConsumer
from hftlab.protocol.publishing.publisher import Backlog, Publisher
from hftlab.protocol.subscribing.loss import Loss
from hftlab.protocol.subscribing.subscriber import Subscriber
from tests.protocol.conftest import LIMITS, level, market_data, receive, symbol

NOW = 5_000_000_000


def data(sequence: int, price: float = 1.0, *, snapshot: bool = False, name: str = "AAPL") -> MarketData:
    return market_data(symbol(name, price), channel=1, sequence=sequence, snapshot=snapshot)


def subscribed(*symbols: str) -> Ack:
    info = ChannelInfo(
        channel=1,
        symbols=list(symbols),
        data_types=[DataType.ORDER_BOOK],
        frequency=0,
        slow_consumer=SlowConsumer.CONFLATE,
        sequence=0,
    )
    return Ack(timestamp=1.0, message="", channels=[info])


def test_messages_in_order_lose_nothing() -> None:
    subscriber = Subscriber()
    assert [loss for n in range(1, 6) for loss in subscriber.receive(data(n))] == []


def test_the_first_sequence_of_a_channel_may_be_any() -> None:
    assert Subscriber().receive(data(17)) == []


def test_a_hole_is_a_loss_and_its_size_is_known() -> None:
    subscriber = Subscriber()
    subscriber.receive(data(1))
    (loss,) = subscriber.receive(data(5))
    assert loss == Loss(1, 2, 4, "lost")
    assert loss.messages == 3


def test_a_hole_makes_the_channels_other_books_stale_until_they_are_heard_of() -> None:
    subscriber = Subscriber()
    subscriber.receive(subscribed("AAPL", "MSFT"))
    subscriber.receive(data(1))
    subscriber.receive(data(2, name="MSFT"))
    subscriber.receive(data(4))
    assert not subscriber.book("AAPL").stale
    assert subscriber.book("MSFT").stale
    subscriber.receive(data(5, name="MSFT"))
    assert not subscriber.book("MSFT").stale


def test_skipped_state_is_conflated_and_not_lost() -> None:
    subscriber = Subscriber()
    subscriber.receive(data(1))
    assert subscriber.receive(data(4, 9.0, snapshot=True)) == [Loss(1, 2, 4, "conflated")]
    assert subscriber.latest("AAPL").price == 9.0
    assert subscriber.receive(data(5)) == []


def test_a_declared_gap_is_counted_once() -> None:
    subscriber = Subscriber()
    subscriber.receive(data(1))
    gap = Gap(timestamp=1.0, channel=1, sequence=4, from_sequence=2, to_sequence=4, reason="slow consumer")
    assert subscriber.receive(gap) == [Loss(1, 2, 4, "gap")]
    assert subscriber.receive(data(4, snapshot=True)) == []
    assert subscriber.receive(data(5)) == []


def test_a_heartbeats_answer_shows_a_lost_tail() -> None:
    subscriber = Subscriber()
    subscriber.receive(subscribed("AAPL"))
    subscriber.receive(data(1))
    beat = Ack(timestamp=1.0, message="Heartbeat", sequences={1: 3, 2: 7})
    assert subscriber.receive(beat) == [Loss(1, 2, 3, "lost")]
    assert subscriber.book("AAPL").stale
    assert subscriber.receive(beat) == []
    assert subscriber.receive(data(4)) == []


def test_a_disconnection_makes_everything_stale_and_forgets_sequences() -> None:
    subscriber = Subscriber()
    subscriber.receive(data(5))
    subscriber.disconnected()
    assert subscriber.book("AAPL").stale
    subscriber.connected()
    assert subscriber.receive(data(1)) == []
    assert not subscriber.book("AAPL").stale


def test_reconnecting_asks_for_what_was_subscribed() -> None:
    subscriber = Subscriber()
    subscriber.wanted.add(["MSFT", "AAPL"], [DataType.QUOTES], 0)
    subscriber.wanted.add(["TSLA"], [DataType.TRADES], 250)
    requests = subscriber.connected()
    assert [(r.symbols, r.data_types, r.frequency) for r in requests] == [
        (["AAPL", "MSFT"], ["QUOTES"], 0),
        (["TSLA"], ["TRADES"], 250),
    ]


def test_a_message_without_levels_keeps_those_of_another_channel() -> None:
    subscriber = Subscriber()
    subscriber.receive(market_data(symbol(price=10.0)))
    subscriber.receive(market_data(symbol(price=20.0, bids=None, asks=None)))
    assert subscriber.latest("AAPL").price == 20.0
    assert subscriber.book("AAPL").bids() == [(9.0, 1.0, 1)]


def test_a_book_is_cut_to_its_depth() -> None:
    subscriber = Subscriber()
    levels = [level(float(price)) for price in range(9, 0, -1)]
    subscriber.receive(market_data(symbol(bids=levels, asks=[])))
    book = subscriber.book("AAPL")
    assert book.bids(2) == [(9.0, 1.0, 1), (8.0, 1.0, 1)]
    assert book.asks() == []


steps = st.lists(st.sampled_from(["publish", "congest", "fill", "drain", "lose"]), max_size=60)


@given(steps, st.sampled_from([["QUOTES"], ["QUOTES", "TRADES"]]))
def test_publisher_and_subscriber_agree_on_what_is_missing(script: list[str], kinds: list[str]) -> None:
    """Whatever a slow reader skips and a bad wire drops: every sequence since the first one heard was heard or is told
    lost, and the newest state is the truth as soon as the reader has caught up."""
    publisher: Publisher[str] = Publisher(session="s", limits=LIMITS)
    subscriber, price = Subscriber(), 1.0
    publisher.join("a", JSON, NOW)
    subscriber.wanted.add(["AAPL"], [DataType(kind) for kind in kinds], 0)
    request = {"type": "SUBSCRIBE", "timestamp": 1, "symbols": ["AAPL"], "dataTypes": kinds, "frequency": 0}
    wire = receive(publisher, "a", json.dumps(request).encode(), NOW)
    publisher.publish(market_data(symbol(price=price)), 0)
    backlogs = {"congest": Backlog.CONGESTED, "fill": Backlog.FULL, "drain": Backlog.NONE}
    for step in [*script, "drain", "publish"]:
        if step == "publish":
            price += 1
            publisher.publish(market_data(symbol(price=price)), 0)
        elif step == "lose":
            # The stream's tail must not be lost for the final comparison: there the state is not yet known.
            wire = wire[:1] if len(wire) < 2 else wire[:-1]
        else:
            wire += publisher.set_backlog("a", backlogs[step], NOW)
        wire += [payload for payload, _, readers, _ in publisher.poll(0, NOW) if "a" in readers]
    known: set[int] = set()
    heard: list[int] = []
    for message in map(protocol.decode, wire):
        for loss in subscriber.receive(message):
            known.update(range(loss.first, loss.last + 1))
        if isinstance(message, MarketData):
            assert message.sequence is not None
            heard.append(message.sequence)
    assert known.union(heard) >= set(range(heard[0], heard[-1] + 1))
    assert subscriber.latest("AAPL").price == price
    assert subscriber.stale_symbols() == set()
