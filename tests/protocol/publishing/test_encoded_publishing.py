"""Readers get the same of encoded messages as of their structs, whatever they have subscribed to and whenever."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from hftlab import protocol
from hftlab.protocol import CODECS, JSON, MSGPACK, DataType, MarketData, MarketDataSymbol
from hftlab.protocol.publishing.publisher import Backlog, Publisher
from tests.protocol.conftest import LIMITS, MS, encoded, level, market_data, receive, symbol, trade
from tests.protocol.publishing.test_publisher import join

NAMES = ["AAPL", "MSFT", "TSLA"]
WHOLE = [DataType.QUOTES, DataType.ORDER_BOOK, DataType.TRADES]


def symbols() -> SearchStrategy[MarketDataSymbol]:
    prices = st.integers(2, 50).map(float)
    sides = st.none() | st.lists(prices.map(level), max_size=2)
    most = st.lists(prices.map(level), min_size=1, max_size=2)
    trades = st.none() | st.lists(prices.map(trade), max_size=2)
    return st.builds(
        lambda name, price, bids, asks, last, some: symbol(
            name, price, bids=bids, asks=asks, last_trade=last, trades=some
        ),
        st.sampled_from(NAMES), prices, most | sides, most | sides, st.none() | prices.map(trade), st.none() | trades,
    )  # fmt: skip


def messages() -> SearchStrategy[MarketData]:
    some = st.lists(symbols(), min_size=1, max_size=3, unique_by=lambda one: one.symbol)
    return st.builds(lambda drawn, name: market_data(*drawn, id=name, ts_recv=7.0), some, st.sampled_from([None, "a"]))


def steps() -> SearchStrategy[list[tuple[str, Any]]]:
    """Draw what happens: messages, most of them encoded for one of two publishers, readers that come and go."""
    readers = st.sampled_from("abc")
    subscribing = st.tuples(
        readers,
        st.just(NAMES) | st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True),
        st.just(WHOLE) | st.lists(st.sampled_from(list(DataType)), min_size=1, max_size=4, unique=True),
        st.sampled_from([0, 0, 0, 5]),
    )
    first = st.lists(st.tuples(st.just("subscribe"), subscribing), min_size=1, max_size=4)
    message = st.tuples(st.just("message"), messages())
    one = st.one_of(
        message, message, message,
        st.tuples(st.just("plain"), messages()),
        st.tuples(st.just("subscribe"), subscribing),
        st.tuples(st.just("unsubscribe"), st.tuples(readers, st.sampled_from(NAMES))),
        st.tuples(st.just("backlog"), st.tuples(readers, st.sampled_from(list(Backlog)))),
        st.tuples(st.just("gap"), st.none() | st.sampled_from(NAMES)),
        st.tuples(st.just("restart"), st.lists(messages(), max_size=2)),
        st.tuples(st.just("poll"), st.integers(0, 10)),
    )  # fmt: skip
    return st.builds(list.__add__, first, st.lists(one, min_size=3, max_size=25))


class Told:
    """One publisher with three readers, the last of whom reads MessagePack, and all that they are sent."""

    def __init__(self, *, is_encoded: bool) -> None:
        self.is_encoded = is_encoded
        self.publisher: Publisher[str] = Publisher(session="s", limits=LIMITS, symbols=NAMES)
        self.codecs = {"a": JSON, "b": JSON, "c": MSGPACK}
        self.said: list[Any] = [protocol.decode(self.publisher.join(key, self.codecs[key], MS)) for key in "abc"]
        self.at = 0

    def do(self, action: str, value: Any) -> None:
        publisher = self.publisher
        match action:
            case "message" if self.is_encoded:
                publisher.publish_encoded(encoded(value), self.at)
            case "message" | "plain":
                publisher.publish(value, self.at)
            case "subscribe":
                key, names, kinds, frequency = value
                self._ask(key, type="SUBSCRIBE", symbols=names, dataTypes=kinds, frequency=frequency)
            case "unsubscribe":
                key, name = value
                self._ask(key, type="UNSUBSCRIBE", symbols=[name])
            case "backlog":
                key, backlog = value
                self.said += [protocol.decode(payload) for payload in publisher.set_backlog(key, backlog, MS)]
            case "gap":
                names = None if value is None else [value]
                gap = protocol.Gap(timestamp=1.0, from_sequence=0, to_sequence=0, reason="r", symbols=names)
                publisher.publish(gap, self.at)
            case "restart":
                self._note(publisher.poll(self.at, MS, early=True))
                self._note(publisher.restart(value, self.at, MS))
            case "poll":
                self.at += value * MS
                self._note(publisher.poll(self.at, MS))

    def _ask(self, key: str, **fields: Any) -> None:
        codec = self.codecs[key]
        data = codec.encode({"timestamp": 1, "id": "q"} | fields)
        self.said += [protocol.decode(reply) for reply in receive(self.publisher, key, data, MS, codec)]

    def _note(self, deliveries: Any) -> None:
        self.said += [
            (protocol.decode(payload), codec.name, sorted(readers)) for payload, codec, readers, _ in deliveries
        ]


@given(steps())
def test_what_readers_get_does_not_depend_on_the_encoding(drawn: list[tuple[str, Any]]) -> None:
    plain, fast = Told(is_encoded=False), Told(is_encoded=True)
    for action, value in [*drawn, ("poll", 10)]:
        plain.do(action, value)
        fast.do(action, value)
        assert fast.publisher.next_time() == plain.publisher.next_time()
    assert fast.said == plain.said
    assert fast.publisher.latest == plain.publisher.latest
    assert fast.publisher.published == plain.publisher.published
    assert len(CODECS) == 2  # each of them is among the readers


def test_a_message_of_a_whole_subscription_is_passed_on_as_it_is(publisher: Publisher[str]) -> None:
    join(publisher, "a", symbols=["AAPL", "MSFT"], frequency=0)
    assert publisher.prefers_encoded
    message = encoded(market_data(symbol("AAPL"), symbol("MSFT"), id="md_1"))
    publisher.publish_encoded(message, 0)
    ((payload, _, readers, _),) = publisher.poll(0, 5 * MS)
    assert payload == (
        b'{"type":"MARKET_DATA","timestamp":5.0,"id":"md_1","channel":1,"sequence":1,"symbols":' + message.state + b"}"
    )
    assert readers == ("a",)
    assert message._decoded is None


def test_a_paced_channel_decodes_what_it_sends_alone(publisher: Publisher[str]) -> None:
    join(publisher, "a", symbols=["AAPL"], frequency=10)
    assert publisher.prefers_encoded
    sent = [encoded(market_data(symbol(price=2.0 + number))) for number in range(20)]
    for at, message in enumerate(sent):
        publisher.publish_encoded(message, at * MS)
        assert len(list(publisher.poll(at * MS, MS))) == (at % 10 == 0)
    assert [number for number, message in enumerate(sent) if message._decoded is not None] == [0, 10]


def test_readers_that_need_structs_prefer_them(publisher: Publisher[str]) -> None:
    assert publisher.prefers_encoded  # nobody looks
    join(publisher, "a", symbols=["AAPL"], dataTypes=["QUOTES"], frequency=0)
    assert not publisher.prefers_encoded
    publisher.leave("a")
    publisher.join("b", MSGPACK, MS)
    receive(publisher, "b", MSGPACK.encode(
        {"type": "SUBSCRIBE", "timestamp": 1, "symbols": ["AAPL"], "frequency": 0}), MS, MSGPACK)  # fmt: skip
    assert not publisher.prefers_encoded
    join(publisher, "c", symbols=["AAPL"], frequency=0)
    assert publisher.prefers_encoded
