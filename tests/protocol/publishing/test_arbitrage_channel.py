"""ARBITRAGE: each message counts, and who joins is told what is open."""

from __future__ import annotations

import json
from typing import Any

from hftlab import protocol
from hftlab.protocol import JSON, Arbitrage, ArbitrageState, Gap
from hftlab.protocol.publishing.publisher import Backlog, Publisher
from hftlab.protocol.subscribing.subscriber import Subscriber
from tests.protocol.conftest import LIMITS, MS, market_data, receive, symbol

NOW = 5_000 * MS
OPEN, UPDATE, CLOSE = ArbitrageState.OPEN, ArbitrageState.UPDATE, ArbitrageState.CLOSE


def opportunity(state: ArbitrageState, *, name: str = "AAPL", edge: float = 1.0, sell: str = "NYSE") -> Arbitrage:
    return Arbitrage(
        timestamp=1.0,
        symbol=name,
        state=state,
        buy_venue="NASDAQ",
        sell_venue=sell,
        ask=10.0,
        bid=10.1,
        size=100.0,
        edge=edge,
        peak_edge=edge,
        currency="USD",
        opened=1.0,
        closed=2.0 if state is CLOSE else None,
    )


def joined(*keys: str, **request: Any) -> Publisher[str]:
    publisher = Publisher[str](session="s", limits=LIMITS, symbols=["AAPL", "MSFT"])
    for key in keys:
        publisher.join(key, JSON, NOW)
        subscribe(publisher, key, **request)
    return publisher


def subscribe(publisher: Publisher[str], key: str, **request: Any) -> list[Any]:
    wanted = {"symbols": ["AAPL"], "dataTypes": ["ARBITRAGE"], "frequency": 0} | request
    data = json.dumps({"type": "SUBSCRIBE", "timestamp": 1} | wanted).encode()
    return [protocol.decode(reply) for reply in receive(publisher, key, data, NOW)]


def sent(publisher: Publisher[str], at: int = 0, key: str = "a") -> list[Any]:
    return [protocol.decode(payload) for payload, _, readers, _ in publisher.poll(at * MS, NOW) if key in readers]


class TestDelivery:
    def test_of_each_message_in_order_and_of_no_others(self) -> None:
        publisher = joined("a")
        for message in (opportunity(OPEN), opportunity(OPEN, name="MSFT"), market_data(symbol()), opportunity(CLOSE)):
            publisher.publish(message, 0)
        found = sent(publisher)
        assert [(one.type, one.symbol, one.state, one.sequence) for one in found] == [
            ("ARBITRAGE", "AAPL", OPEN, 1),
            ("ARBITRAGE", "AAPL", CLOSE, 2),
        ]

    def test_to_those_only_who_asked(self) -> None:
        publisher = joined("a", dataTypes=["QUOTES", "TRADES"])
        publisher.publish(opportunity(OPEN), 0)
        assert sent(publisher, 1000) == []

    def test_at_a_pace_skips_none(self) -> None:
        publisher = joined("a", frequency=100)
        publisher.publish(opportunity(OPEN), 0)
        assert [one.state for one in sent(publisher, 0)] == [OPEN]
        for edge in (2.0, 3.0):
            publisher.publish(opportunity(UPDATE, edge=edge), 10 * MS)
        assert sent(publisher, 50) == []
        assert [one.edge for one in sent(publisher, 100)] == [2.0, 3.0]

    def test_does_not_touch_what_the_source_keeps(self) -> None:
        publisher, message = joined("a"), opportunity(OPEN)
        publisher.publish(message, 0)
        sent(publisher)
        assert (message.channel, message.sequence) == (None, None)


class TestSnapshots:
    def test_tell_who_joins_what_is_open(self) -> None:
        publisher = joined("a", "b")
        for message in (opportunity(OPEN), opportunity(OPEN, sell="LSE"), opportunity(UPDATE, edge=2.0)):
            publisher.publish(message, 0)
        publisher.publish(opportunity(CLOSE, sell="LSE"), 0)
        sent(publisher)
        publisher.join("c", JSON, NOW)
        _, snapshot = subscribe(publisher, "c")
        assert (snapshot.state, snapshot.edge, snapshot.snapshot, snapshot.sequence) == (UPDATE, 2.0, True, 4)

    def test_follow_a_gap_of_a_slow_reader(self) -> None:
        publisher = joined("a")
        publisher.set_backlog("a", Backlog.FULL, NOW)
        publisher.publish(opportunity(OPEN), 0)
        sent(publisher)
        caught_up = [protocol.decode(payload) for payload in publisher.set_backlog("a", Backlog.NONE, NOW)]
        assert [one.type for one in caught_up] == ["GAP", "ARBITRAGE"]
        assert isinstance(caught_up[0], Gap)

    def test_forget_after_a_restart(self) -> None:
        publisher = joined("a")
        publisher.publish(opportunity(OPEN), 0)
        sent(publisher)
        publisher.restart([], 0, NOW)
        _, *snapshots = subscribe(publisher, "a")
        assert snapshots == []


class TestSubscriber:
    def test_counts_what_is_lost_and_ignores_what_comes_twice(self) -> None:
        publisher, subscriber = joined("a"), Subscriber()
        for state in (OPEN, UPDATE, UPDATE, CLOSE):
            publisher.publish(opportunity(state), 0)
        first, second, _, last = sent(publisher)
        assert subscriber.receive(first) == []
        assert subscriber.receive(second) == []
        assert subscriber.receive(first) == []
        (loss,) = subscriber.receive(last)
        assert (loss.first, loss.last, loss.reason) == (3, 3, "lost")
