"""Slow readers: whatever falls behind when, what they miss is known, and what they know in the end is the truth."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hftlab import protocol
from hftlab.protocol import JSON, MSGPACK, BookDelta, Codec, Gap, MarketData
from hftlab.protocol.publishing.publisher import Backlog, Publisher
from hftlab.protocol.subscribing.subscriber import Subscriber
from tests.protocol.conftest import LIMITS, level, market_data, receive, symbol, trade

NOW = 5_000_000_000

STATE, DELTAS, TRADES, CHOSEN = 1, 2, 3, 4
REQUESTS = {
    STATE: {"symbols": ["AAPL", "MSFT"], "dataTypes": ["QUOTES", "ORDER_BOOK"]},
    DELTAS: {"symbols": ["AAPL"], "dataTypes": ["BOOK_DELTA"]},
    TRADES: {"symbols": ["MSFT"], "dataTypes": ["TRADES"]},
    CHOSEN: {"symbols": ["TSLA"], "dataTypes": ["QUOTES"], "slowConsumer": "GAP"},
}
"""By the channel's number."""


class Link:
    """A publisher, a slow reader, and what has been written to it."""

    def __init__(self, codec: Codec = JSON) -> None:
        self.publisher: Publisher[str] = Publisher(session="s", limits=LIMITS)
        self.subscriber, self._codec = Subscriber(), codec
        self.wire: list[protocol.Message] = []
        for key, encoding in (("a", codec), ("b", JSON)):
            self.publisher.join(key, encoding, NOW)
            for fields in REQUESTS.values():
                self.ask(key, {"type": "SUBSCRIBE", "frequency": 0} | fields)

    def ask(self, key: str, fields: dict[str, Any]) -> None:
        codec = JSON if key == "b" else self._codec
        data = json.dumps({"timestamp": 1} | fields).encode()
        request = codec.encode(JSON.decode_request(data))
        replies = receive(self.publisher, key, request, NOW, codec)
        if key == "a":
            self.write(replies)

    def write(self, payloads: list[bytes]) -> None:
        self.wire += [protocol.decode(payload) for payload in payloads]

    def set(self, backlog: Backlog | None) -> None:
        if backlog is not None:
            self.write(self.publisher.set_backlog("a", backlog, NOW))

    def publish(self, number: int) -> None:
        """One message that touches every channel."""
        price = float(number)
        self.publisher.publish(
            market_data(
                symbol("AAPL", 10 + price, bids=[level(5 + price)], asks=[level(20 + price)]),
                symbol("MSFT", 10 + price, trades=[trade(price)], last_trade=trade(price)),
                symbol("TSLA", 10 + price),
            ),
            0,
        )

    def poll(self, backlogs: Iterator[Backlog | None]) -> None:
        """Write what is due; after each message to the reader it may fall behind, or catch up."""
        for payload, _, readers, _ in self.publisher.poll(0, NOW):
            if "a" in readers:
                self.write([payload])
            self.set(next(backlogs, None))

    def of(self, channel: int) -> list[protocol.Message]:
        return [message for message in self.wire if message.channel == channel]


changes = st.sampled_from([None, None, *Backlog])


@given(st.lists(st.tuples(changes, st.integers(0, 3), changes, st.lists(changes, max_size=20)), max_size=12))
def test_each_channel_is_complete_or_says_what_is_missing(
    script: list[tuple[Backlog | None, int, Backlog | None, list[Backlog | None]]],
) -> None:
    """Backlogs change before a batch is numbered, before it is taken, and after any message of it."""
    link, number = Link(MSGPACK), 0
    for before, messages, numbered, during in [*script, (None, 1, None, [])]:
        link.set(before)
        for _ in range(messages):
            number += 1
            link.publish(number)
        link.set(numbered)
        link.poll(iter(during))
    link.set(Backlog.NONE)

    for message in link.wire:
        assert {loss.reason for loss in link.subscriber.receive(message)} <= {"gap", "conflated"}
    for channel in (DELTAS, TRADES, CHOSEN):
        assert sequences(link.of(channel)) == list(range(1, number + 1))
    skipped = number - len([one for one in link.of(STATE) if isinstance(one, MarketData) and not one.snapshot])
    assert link.publisher.conflated == skipped
    assert link.publisher.gaps == len([one for one in link.wire if isinstance(one, Gap)])

    for name in ("AAPL", "MSFT", "TSLA"):
        assert link.subscriber.latest(name).price == 10 + number
    book = link.subscriber.book("AAPL")
    assert (book.stale, book.bids(), book.asks()) == (False, [(5 + number, 1.0, 1)], [(20 + number, 1.0, 1)])


def sequences(messages: list[protocol.Message]) -> list[int]:
    """Each sequence that has come or is declared missing, in order; snapshots of what is known already are none."""
    found: list[int] = []
    for message in messages:
        if isinstance(message, Gap):
            found += range(message.from_sequence, message.to_sequence + 1)
            continue
        assert isinstance(message, MarketData | BookDelta)
        assert message.sequence is not None
        if not message.snapshot or message.sequence not in found:
            found.append(message.sequence)
    return found


def test_who_has_caught_up_in_time_misses_nothing() -> None:
    """What was numbered while it was behind, and is taken when it is not, comes as always."""
    link = Link()
    link.set(Backlog.FULL)
    link.publish(1)
    link.set(Backlog.NONE)
    link.poll(iter(()))
    assert [(one.channel, one.sequence) for one in link.wire[-4:]] == [(channel, 1) for channel in REQUESTS]
    assert (link.publisher.conflated, link.publisher.gaps) == (0, 0)


class TestCounts:
    def test_what_is_skipped_is_counted_when_it_is_skipped(self) -> None:
        link = Link()
        link.set(Backlog.FULL)
        for number in (1, 2):
            link.publish(number)
        link.poll(iter(()))
        assert (link.publisher.conflated, link.publisher.gaps) == (2, 3)
        link.set(Backlog.NONE)
        assert (link.publisher.conflated, link.publisher.gaps) == (2, 3)

    def test_what_one_who_leaves_has_missed_stays_counted(self) -> None:
        link = Link()
        link.set(Backlog.FULL)
        link.publish(1)
        link.poll(iter(()))
        link.publisher.leave("a")
        assert (link.publisher.conflated, link.publisher.gaps) == (1, 3)

    def test_the_answer_to_a_heartbeat_tells_what_this_reader_was_sent(self) -> None:
        """What a slow reader is spared is no lost tail: it will be told."""
        link = Link()
        link.publish(1)
        link.poll(iter(()))
        link.set(Backlog.CONGESTED)
        link.publish(2)
        link.ask("a", {"type": "HEARTBEAT"})
        link.poll(iter(()))
        link.ask("a", {"type": "HEARTBEAT"})
        first, second = (one.sequences for one in link.wire if isinstance(one, protocol.Ack) and one.sequences)
        assert first == {STATE: 1, DELTAS: 1, TRADES: 1, CHOSEN: 1}
        assert second == {STATE: 1, DELTAS: 2, TRADES: 2, CHOSEN: 2}
