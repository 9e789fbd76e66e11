"""Opportunities told among a source's messages: through a publisher, into a session, and after a seek."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from hftlab.clock import Clock, to_milliseconds
from hftlab.instruments import listings
from hftlab.market import Processor, with_arbitrage
from hftlab.protocol import JSON, Arbitrage, ArbitrageState, MarketData, Message, decode
from hftlab.protocol.publishing.publisher import Publisher
from hftlab.source import Seekable, Source
from tests.market.dislocations import plant
from tests.market.test_arbitrage import batch_of
from tests.protocol.conftest import LIMITS, receive
from tests.session.sessions import replayed, write_session


class Canned:
    """A source of messages that are there already."""

    name = "canned"
    recorded = False
    symbols = ("AAPL", "AAPL:NYSE")

    def __init__(self, messages: Sequence[tuple[int, Message]]) -> None:
        self.clock = Clock()
        self._messages = deque(messages)

    def next_time(self) -> int | None:
        return self._messages[0][0] if self._messages else None

    def advance(self, until: int) -> list[Message]:
        due = []
        while self._messages and self._messages[0][0] <= until:
            due.append(self._messages.popleft()[1])
        return due


STATES, PLANTED = plant(5, steps=120)


def market_data() -> list[tuple[int, MarketData]]:
    return Processor(listings("AAPL")).process(batch_of(STATES))


def drained(source: Source[Message]) -> list[Message]:
    messages: list[Message] = []
    while (at := source.next_time()) is not None:
        messages += source.advance(at)
    return messages


class TestMessages:
    def test_follow_the_market_data_that_they_are_from(self) -> None:
        told = drained(with_arbitrage(Canned(market_data())))
        assert [one for one in told if isinstance(one, MarketData)] == [message for _, message in market_data()]
        for before, message in pairwise(told):
            if isinstance(message, Arbitrage):
                assert before.timestamp == message.timestamp
        opened = [one for one in told if isinstance(one, Arbitrage) and one.state is ArbitrageState.OPEN]
        assert [one.opened for one in opened] == [to_milliseconds(one.opened) for one in PLANTED]

    def test_reach_who_asked_for_them(self) -> None:
        publisher = Publisher[str](session="s", limits=LIMITS, symbols=Canned.symbols)
        publisher.join("a", JSON, 1)
        request = {"type": "SUBSCRIBE", "timestamp": 1, "symbols": ["AAPL"], "dataTypes": ["ARBITRAGE"], "frequency": 0}
        receive(publisher, "a", json.dumps(request).encode(), 1)
        for message in drained(with_arbitrage(Canned(market_data()))):
            publisher.publish(message, 0)
        received = [decode(payload) for payload, *_ in publisher.poll(1, 10**15)]
        assert [one.closed for one in received if isinstance(one, Arbitrage) and one.closed] == [
            to_milliseconds(one.closed) for one in PLANTED
        ]
        assert {one.type for one in received} == {"ARBITRAGE"}
        assert [one.sequence for one in received] == list(range(1, len(received) + 1))


class TestRecordings:
    def test_of_opportunities_are_replayed(self, tmp_path: Path) -> None:
        told = drained(with_arbitrage(Canned(market_data())))
        received = [(number, message) for number, message in enumerate(told, 1)]
        assert replayed(write_session(tmp_path / "session", received)) == received

    def test_can_be_looked_into_anew(self, tmp_path: Path) -> None:
        """A replay finds what the live stream found; from a position on it starts with what is open there."""
        whole = with_arbitrage(Canned(market_data()))
        expected = [one for one in drained(whole) if isinstance(one, Arbitrage)]
        session = write_session(tmp_path / "session", market_data())
        source = with_arbitrage(session.replay(float("inf")))
        assert isinstance(source, Seekable)
        assert not isinstance(whole, Seekable)
        assert [one for one in drained(source) if isinstance(one, Arbitrage)] == expected
        first, last = PLANTED[1].opened, PLANTED[1].closed
        inside = [one for one in source.seek((first + last) // 2) if isinstance(one, Arbitrage)]
        assert [(one.state, one.sell_venue) for one in inside] == [(ArbitrageState.OPEN, PLANTED[1].sell_venue)]
        told = source.take(1)[-1].message
        assert isinstance(told, MarketData | Arbitrage)
        assert source.span == (STATES[0].at, STATES[-1].at)
