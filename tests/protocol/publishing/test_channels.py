"""Subscriptions that change while something waits for its channel's pace."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab import protocol
from hftlab.protocol import JSON, Arbitrage, ArbitrageState, DataType, Gap, MarketData
from hftlab.protocol.publishing.publisher import Backlog, Publisher
from hftlab.protocol.subscribing.subscriber import Subscriber
from tests.protocol.conftest import LIMITS, MS, market_data, receive, symbol, trade

NOW = 5_000 * MS
NAMES = ["AAPL", "MSFT", "TSLA"]


class Reader:
    def __init__(self, publisher: Publisher[str], key: str = "a") -> None:
        self.publisher, self.key = publisher, key
        self.subscriber = Subscriber()
        self.got: list[protocol.Message] = []
        publisher.join(key, JSON, NOW)

    def subscribe(self, symbols: list[str], kinds: list[str], frequency: int, **fields: Any) -> list[protocol.Message]:
        request = {"type": "SUBSCRIBE", "symbols": symbols, "dataTypes": kinds, "frequency": frequency} | fields
        self.subscriber.wanted.add(symbols, [DataType(kind) for kind in kinds], frequency)
        return self.ask(request)

    def ask(self, fields: dict[str, Any]) -> list[protocol.Message]:
        replies = receive(self.publisher, self.key, json.dumps({"timestamp": 1} | fields).encode(), NOW)
        return self.hear(replies)

    def hear(self, payloads: list[bytes]) -> list[protocol.Message]:
        messages = [protocol.decode(payload) for payload in payloads]
        for message in messages:
            assert self.subscriber.receive(message) == []
        self.got += messages
        return messages

    def poll(self, at: int) -> list[protocol.Message]:
        """What is due, of which the others' is thrown away."""
        return self.hear([one.payload for one in self.publisher.poll(at * MS, NOW) if self.key in one.readers])

    def trades(self, name: str = "AAPL") -> list[float]:
        symbols = [one for message in self.got if isinstance(message, MarketData) for one in message.symbols]
        return [trade.price for one in symbols if one.symbol == name for trade in one.trades or ()]


def turn(publisher: Publisher[str], at: int, *readers: Reader) -> None:
    """Everybody's turn."""
    for payload, _, keys, _ in publisher.poll(at * MS, NOW):
        for reader in readers:
            reader.hear([payload] if reader.key in keys else [])


def traded(price: float, name: str = "AAPL") -> MarketData:
    return market_data(symbol(name, price, trades=[trade(price)], last_trade=trade(price)))


@pytest.fixture
def publisher() -> Publisher[str]:
    return Publisher(session="s", limits=LIMITS)


class TestChanges:
    def test_trades_that_wait_come_before_their_channel_is_left(self, publisher: Publisher[str]) -> None:
        reader = Reader(publisher)
        reader.subscribe(["AAPL"], ["TRADES"], 500)
        for at, price in ((0, 1.0), (10, 2.0), (20, 3.0)):
            publisher.publish(traded(price), at * MS)
            reader.poll(at)
        assert reader.trades() == [1.0]
        reader.subscribe(["MSFT"], ["TRADES"], 500)
        assert reader.trades() == [1.0, 2.0, 3.0]
        publisher.publish(traded(4.0), 30 * MS)
        reader.poll(600)
        assert reader.trades() == [1.0, 2.0, 3.0, 4.0]

    def test_the_others_of_the_channel_keep_their_pace(self, publisher: Publisher[str]) -> None:
        reader, other = Reader(publisher), Reader(publisher, "b")
        for one in (reader, other):
            one.subscribe(["AAPL"], ["TRADES"], 500)
        for at, price in ((0, 1.0), (10, 2.0)):
            publisher.publish(traded(price), at * MS)
            other.poll(at)
        reader.ask({"type": "UNSUBSCRIBE", "symbols": ["AAPL"]})
        assert reader.trades() == [2.0]
        assert other.poll(499) == []
        (message,) = other.poll(500)
        assert message.sequence == 2
        assert other.trades() == [1.0, 2.0]

    @pytest.mark.parametrize(
        "change",
        [
            {"type": "UNSUBSCRIBE", "symbols": ["MSFT"]},
            {"type": "SUBSCRIBE", "symbols": ["MSFT"], "dataTypes": ["QUOTES"], "frequency": 100},
        ],
        ids=["unsubscribe", "frequency"],
    )
    def test_state_that_waits_comes_with_the_new_channels_snapshot(
        self, publisher: Publisher[str], change: dict[str, Any]
    ) -> None:
        reader = Reader(publisher)
        reader.subscribe(["AAPL", "MSFT"], ["QUOTES"], 500)
        for at, price in ((0, 10.0), (10, 11.0)):
            publisher.publish(market_data(symbol("AAPL", price)), at * MS)
            reader.poll(at)
        assert reader.subscriber.latest("AAPL").price == 10.0
        reader.ask(change)
        assert reader.subscriber.latest("AAPL").price == 11.0

    def test_opportunities_that_wait_come_too(self, publisher: Publisher[str]) -> None:
        reader = Reader(publisher)
        reader.subscribe(["AAPL"], ["ARBITRAGE"], 500)
        for at, state in ((0, "OPEN"), (10, "UPDATE"), (20, "CLOSE")):
            publisher.publish(opportunity(ArbitrageState(state)), at * MS)
            reader.poll(at)
        reader.subscribe(["AAPL"], ["ARBITRAGE"], 100)
        assert [one.state for one in reader.got if isinstance(one, Arbitrage)] == ["OPEN", "UPDATE", "CLOSE"]

    def test_what_waits_in_the_channel_that_is_entered_does_not_come_twice(self, publisher: Publisher[str]) -> None:
        reader, other = Reader(publisher), Reader(publisher, "b")
        reader.subscribe(["AAPL"], ["TRADES"], 500)
        other.subscribe(["AAPL", "MSFT"], ["TRADES"], 500)
        for at, price in ((0, 1.0), (10, 2.0), (20, 3.0)):
            publisher.publish(traded(price), at * MS)
            turn(publisher, at, reader, other)
        reader.subscribe(["MSFT"], ["TRADES"], 500)
        publisher.publish(traded(4.0), 30 * MS)
        for at in (40, 1000):
            turn(publisher, at, reader, other)
        assert reader.trades() == other.trades() == [1.0, 2.0, 3.0, 4.0]

    def test_one_that_is_behind_is_told_what_it_has_missed(self, publisher: Publisher[str]) -> None:
        reader, other = Reader(publisher), Reader(publisher, "b")
        for one in (reader, other):
            one.subscribe(["AAPL"], ["TRADES"], 500)
        for at, price in ((0, 1.0), (500, 2.0), (1000, 3.0), (1010, 4.0)):
            publisher.publish(traded(price), at * MS)
            if at == 500:
                publisher.set_backlog("a", Backlog.FULL, NOW)
            reader.poll(at)
        replies = receive(publisher, "a", b'{"type":"UNSUBSCRIBE","timestamp":1,"symbols":["AAPL"]}', NOW)
        gap, trades, _ = (protocol.decode(reply) for reply in replies)
        assert isinstance(gap, Gap)
        assert (gap.from_sequence, gap.to_sequence) == (2, 3)
        assert isinstance(trades, MarketData)
        assert (trades.sequence, trades.symbols[0].trades) == (4, [trade(4.0)])

    def test_an_acknowledgement_tells_the_channels_that_the_request_has_touched(
        self, publisher: Publisher[str]
    ) -> None:
        reader = Reader(publisher)
        reader.subscribe(["AAPL"], ["BOOK_DELTA"], 0)
        reader.subscribe(["TSLA"], ["QUOTES"], 50)
        (ack,) = reader.subscribe(["MSFT"], ["QUOTES"], 50)
        assert isinstance(ack, protocol.Ack)
        assert [one.symbols for one in ack.channels or ()] == [["MSFT", "TSLA"]]
        (ack,) = reader.ask({"type": "UNSUBSCRIBE", "symbols": ["TSLA"]})
        assert isinstance(ack, protocol.Ack)
        assert [one.symbols for one in ack.channels or ()] == [["MSFT"]]


def opportunity(state: ArbitrageState) -> Arbitrage:
    return Arbitrage(
        timestamp=1.0,
        symbol="AAPL",
        state=state,
        buy_venue="X",
        sell_venue="Y",
        currency="USD",
        opened=1.0,
        **dict.fromkeys(("ask", "bid", "size", "edge", "peak_edge"), 1.0),
    )


steps = st.one_of(
    st.tuples(st.just("trade"), st.sampled_from(NAMES)),
    st.tuples(st.just("wait"), st.sampled_from([0, 10, 100, 500])),
    st.tuples(
        st.just("subscribe"),
        st.tuples(
            st.sampled_from(["a", "b"]),
            st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True),
            st.sampled_from([["TRADES"], ["QUOTES"], ["QUOTES", "TRADES"], ["BOOK_DELTA", "STATISTICS"]]),
            st.sampled_from([0, 100, 500]),
        ),
    ),
    st.tuples(st.just("unsubscribe"), st.sampled_from([["MSFT"], ["TSLA"], ["MSFT", "TSLA"]])),
)


@given(st.lists(steps, max_size=40))
def test_whatever_changes_each_trade_comes_once_and_the_state_is_the_truth(script: list[tuple[str, Any]]) -> None:
    """Two readers whose subscriptions change among channels that they share, and share no longer."""
    publisher: Publisher[str] = Publisher(session="s", limits=LIMITS)
    readers = {key: Reader(publisher, key) for key in "ab"}
    readers["a"].subscribe(["AAPL"], ["QUOTES", "TRADES"], 500)
    at, price, truth = 0, 0.0, dict.fromkeys(NAMES, 0.0)

    for step, what in script:
        match step:
            case "trade":
                price += 1
                truth[what] = price
                publisher.publish(traded(price, what), at * MS)
            case "wait":
                at += what
            case "subscribe":
                key, *terms = what
                readers[key].subscribe(*terms)
            case _:
                readers["a"].subscriber.wanted.remove(what)
                readers["a"].ask({"type": "UNSUBSCRIBE", "symbols": what})
                readers["a"].subscriber.forget(what)
        turn(publisher, at, *readers.values())
    turn(publisher, at + 1000, *readers.values())
    got = readers["a"].trades()
    assert got == sorted(set(got))
    assert len(got) == len([what for step, what in script if (step, what) == ("trade", "AAPL")])
    for reader in readers.values():
        for name in reader.subscriber.wanted.symbols:
            latest = reader.subscriber.latest(name)
            if truth[name] and DataType.QUOTES in reader.subscriber.wanted.data_types(name):
                assert latest is not None
                assert latest.price == truth[name]
