"""What a connection brings by itself: messages, and the losses that they show."""

from __future__ import annotations

from hftlab.protocol import Ack, DataType, Gap, MarketData, PortfolioUpdate
from hftlab.protocol.messages import ChannelInfo
from hftlab.protocol.subscribing.client_events import MessageKind, Received
from hftlab.protocol.subscribing.feed import Feed
from hftlab.protocol.subscribing.loss import Loss
from hftlab.protocol.subscribing.subscriber import Subscriber
from tests.session.test_tables import PORTFOLIO


def state(sequence: int) -> MarketData:
    return MarketData(timestamp=1.0, channel=1, sequence=sequence, symbols=[])


def private(sequence: int) -> PortfolioUpdate:
    message = PORTFOLIO.__copy__()
    message.channel, message.sequence = 0, sequence
    return message


def test_a_message_is_streamed_after_the_losses_that_it_shows() -> None:
    feed = Feed(Subscriber())
    assert feed.stream(state(1)) == [Received(state(1), None, MessageKind.STREAMED)]
    assert not feed.is_lossy
    assert feed.stream(state(3)) == [Loss(1, 2, 2, "lost"), Received(state(3), None, MessageKind.STREAMED)]
    assert feed.is_lossy


def test_a_private_message_belongs_to_the_account_and_is_streamed_once() -> None:
    feed = Feed(Subscriber())
    for kind in (MessageKind.STREAMED, MessageKind.DUPLICATE):
        assert feed.private(private(1), "alice") == [Received(private(1), "alice", kind)]
    gap = Gap(timestamp=1.0, channel=0, sequence=3, from_sequence=2, to_sequence=3, reason="too slow")
    assert feed.private(gap, "alice")[-1] == Received(gap, None, MessageKind.STREAMED)
    assert not feed.is_lossy  # private messages come again at the next sign-in alone


def test_an_ack_shows_what_is_lost_at_the_end_of_a_channel() -> None:
    feed = Feed(Subscriber())
    feed.stream(state(1))
    feed.private(private(1), "alice")
    losses = feed.acknowledge(Ack(timestamp=1.0, message="ok", sequences={0: 2, 1: 3}))
    assert losses == [Loss(1, 2, 3, "lost"), Loss(0, 2, 2, "lost")]
    assert feed.is_lossy


def test_what_is_lost_is_requested_once() -> None:
    subscriber = Subscriber()
    subscriber.wanted.add(["AAPL"], [DataType.QUOTES], 0)
    feed = Feed(subscriber)
    info = ChannelInfo(
        channel=1, symbols=["AAPL"], data_types=[DataType.QUOTES], frequency=0, slow_consumer="CONFLATE", sequence=0
    )
    feed.acknowledge(Ack(timestamp=1.0, message="ok", channels=[info]))
    feed.stream(state(1))
    feed.stream(state(3))
    assert [request.symbols for request in feed.requests()] == [["AAPL"]]
    assert not feed.is_lossy
    assert feed.requests() == []
