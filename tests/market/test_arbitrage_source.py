"""Opportunities told among a source's messages: through a publisher, into a session, and after a seek."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from hftlab.clock import Clock, to_milliseconds
from hftlab.instruments import listings
from hftlab.market import Processor, with_arbitrage
from hftlab.protocol import JSON, Arbitrage, ArbitrageState, MarketData, Message, PositionSide, PositionUpdate, decode
from hftlab.protocol.publishing.publisher import Publisher
from hftlab.source import Seekable, Source, Timed, timed
from tests.listed_source import ListedSource, SeekableListedSource
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

POSITION = PositionUpdate(
    timestamp=1.0,
    symbol="AAPL",
    quantity=1.0,
    average_price=1.0,
    current_price=1.0,
    market_value=1.0,
    unrealized_pnl=0.0,
    realized_pnl=0.0,
    day_pnl=0.0,
    side=PositionSide.LONG,
)


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


def after(source: Source[Message], position: int) -> list[Timed[Message]]:
    """What is left of a source that was sought to a position, each with its time."""
    items: list[Timed[Message]] = []
    while (at := source.next_time()) is not None:
        assert at > position
        items += timed(source.advance(at), at)
    return items


def open_at(told: Iterable[Message]) -> dict[tuple[str, str, str], tuple[float, float, float, float]]:
    """The opportunities that are open behind some messages, and what they offer."""
    found = {}
    for one in told:
        if isinstance(one, Arbitrage):
            key = one.symbol, one.buy_venue, one.sell_venue
            found[key] = one.ask, one.bid, one.size, one.edge
            if one.state is ArbitrageState.CLOSE:
                del found[key]
    return found


class TestSeeking:
    """A decorated source takes, advances and seeks as one stream."""

    def source(self) -> Seekable[Message]:
        items: list[tuple[int, Message | Timed[Message]]] = list(market_data())
        items.insert(7, (items[6][0], Timed(items[6][0], POSITION, "alice", b"{}")))
        decorated = with_arbitrage(SeekableListedSource(items))
        assert isinstance(decorated, Seekable)
        return decorated

    @settings(max_examples=30)
    @given(st.lists(st.integers(0, 5), max_size=15))
    def test_taking_is_advancing(self, counts: list[int]) -> None:
        source, whole = self.source(), after(self.source(), -1)
        taken: list[Timed[Message]] = []
        for count in counts:
            some = source.take(count)
            assert len(some) == count
            taken += some
        assert taken + after(source, -1) == whole

    @settings(max_examples=30)
    @given(st.lists(st.integers(0, len(STATES) - 1), min_size=1, max_size=3), st.integers(0, 4))
    def test_a_position_starts_with_what_is_open_there(self, positions: list[int], left: int) -> None:
        source, whole = self.source(), after(self.source(), -1)
        for position in (STATES[number].at for number in positions):
            assert open_at(source.seek(position)) == open_at(one.message for one in whole if one.at <= position)
            rest = [one for one in whole if one.at > position]
            found = [*source.take(left), *after(source, position)]
            assert [one.at for one in found] == [one.at for one in rest]
            assert [one for one in found if not isinstance(one.message, Arbitrage)] == [
                one for one in rest if not isinstance(one.message, Arbitrage)
            ]
            source.seek(position)
            source.take(left)  # what they leave behind is gone with the next seek

    def test_private_messages_pass_unchanged(self) -> None:
        private = [one for one in after(self.source(), -1) if one.account is not None]
        assert [(one.message, one.account, one.payload) for one in private] == [(POSITION, "alice", b"{}")]

    def test_the_clock_is_the_sources(self) -> None:
        source = ListedSource([])
        decorated = with_arbitrage(source)
        decorated.clock = Clock(3, paused=True)
        assert source.clock is decorated.clock


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
