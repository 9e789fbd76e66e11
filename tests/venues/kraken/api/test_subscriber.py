"""One connection's requests: what each is answered, and what it changes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hftlab.venues.kraken.api.subscriber import Subscriber, status_message
from hftlab.venues.kraken.api.subscription import Channel, Subscription, Trigger

NOW = 1_790_000_000_000_000_000
TIMES = {"time_in": "2026-09-21T14:13:20.000000Z", "time_out": "2026-09-21T14:13:20.000000Z"}


@pytest.fixture
def subscriber() -> Subscriber:
    return Subscriber(["BTC/USD", "ETH/USD"])


def ask(subscriber: Subscriber, method: str, req_id: int | None = None, **params: Any) -> list[Any]:
    """Send a request; returns its answers without their times."""
    request = {"method": method, "params": params} | ({} if req_id is None else {"req_id": req_id})
    return answers(subscriber, json.dumps(request))


def answers(subscriber: Subscriber, data: str | bytes) -> list[Any]:
    found = [json.loads(one) for one in subscriber.receive(data, NOW)]
    assert all(TIMES.items() <= one.items() for one in found)
    return [{name: value for name, value in one.items() if name not in TIMES} for one in found]


def test_each_symbol_has_its_own_answer(subscriber: Subscriber) -> None:
    assert ask(subscriber, "subscribe", 7, channel="book", symbol=["BTC/USD", "ETH/USD"], depth=25) == [
        {
            "method": "subscribe",
            "req_id": 7,
            "result": {"channel": "book", "depth": 25, "symbol": symbol, "snapshot": True},
            "success": True,
        }
        for symbol in ("BTC/USD", "ETH/USD")
    ]
    changed = subscriber.take_changed()
    assert [one.subscription for one in changed] == [
        Subscription(Channel.BOOK, "BTC/USD", 25),
        Subscription(Channel.BOOK, "ETH/USD", 25),
    ]
    assert all(one.is_added and one.has_snapshot for one in changed)
    assert subscriber.take_changed() == []


def test_defaults_and_what_a_channel_has_besides(subscriber: Subscriber) -> None:
    (book,) = ask(subscriber, "subscribe", channel="book", symbol=["BTC/USD"], snapshot=False)
    assert book["result"] == {"channel": "book", "depth": 10, "symbol": "BTC/USD", "snapshot": False}
    (ticker,) = ask(subscriber, "subscribe", channel="ticker", symbol=["BTC/USD"], event_trigger="bbo")
    assert ticker["result"]["event_trigger"] == "bbo"
    (instrument,) = ask(subscriber, "subscribe", channel="instrument")
    assert instrument["result"]["warnings"] == ["tick_size is deprecated, use price_increment"]
    (candles,) = ask(subscriber, "subscribe", channel="ohlc", symbol=["BTC/USD"], interval=5)
    assert candles["result"]["interval"] == 5
    changed = subscriber.take_changed()
    assert [one.has_snapshot for one in changed] == [False, True, True, True]
    assert changed[1].subscription.trigger is Trigger.BBO


def test_ping_is_answered_with_its_id(subscriber: Subscriber) -> None:
    assert answers(subscriber, '{"method":"ping","req_id":101}') == [{"method": "pong", "req_id": 101}]
    assert answers(subscriber, '{"method":"ping"}') == [{"method": "pong"}]


@pytest.mark.parametrize(
    ("params", "error", "symbol"),
    [
        ({"channel": "book", "symbol": ["XBT/USD"]}, "Currency pair not supported XBT/USD", "XBT/USD"),
        ({"channel": "book", "symbol": ["btc/usd"]}, "Currency pair not supported btc/usd", "btc/usd"),
        ({"channel": "book", "symbol": ["BTC/USD"], "depth": 27}, "Subscription depth not supported", None),
        ({"channel": "book", "symbol": ["BTC/USD"], "depth": 0}, "Subscription depth not supported", None),
        ({"channel": "book", "symbol": ["BTC/USD"], "depth": "10"}, "Subscription book depth must be an integer", None),
        ({"channel": "book", "symbol": ["BTC/USD"], "depth": True}, "Subscription book depth must be an integer", None),
        ({"channel": "book", "symbol": "BTC/USD"}, "Pair field must be an array", None),
        ({"channel": "book", "symbol": []}, "Pair field must be an array", None),
        ({"channel": "book", "symbol": [5]}, "Pair field must be an array", None),
        ({"channel": "book"}, "Pair field must be an array", None),
        ({"channel": "spread", "symbol": ["BTC/USD"]}, "Subscription name invalid", None),
        ({"channel": {"a": 1}, "symbol": ["BTC/USD"]}, "Subscription name invalid", None),
        ({"symbol": ["BTC/USD"]}, "Subscription name invalid", None),
        (
            {"channel": "trade", "symbol": ["BTC/USD"], "depth": 10},
            "Unsupported field: 'depth' for the given msg type: subscribe",
            None,
        ),
        (
            {"channel": "ticker", "symbol": ["BTC/USD"], "event_trigger": "book"},
            "Subscription event_trigger not supported",
            None,
        ),
        ({"channel": "trade", "symbol": ["BTC/USD"], "snapshot": "yes"}, "Malformed request", None),
        (
            {"channel": "level3", "symbol": ["BTC/USD"], "token": "x"},
            "Private data and trading are unavailable on this endpoint. Try ws-auth.kraken.com",
            None,
        ),
    ],
)
def test_what_cannot_be_had_is_refused_and_changes_nothing(
    subscriber: Subscriber, params: dict[str, Any], error: str, symbol: str | None
) -> None:
    told = {} if symbol is None else {"symbol": symbol}
    assert ask(subscriber, "subscribe", 3, **params) == [
        {"error": error, "method": "subscribe", "req_id": 3, "success": False} | told
    ]
    assert subscriber.take_changed() == []
    assert subscriber.subscriptions == {}


@pytest.mark.parametrize(
    "data",
    [
        "",
        "[]",
        "{",
        b"\xff",
        "5",
        '{"params":{}}',
        '{"method":"add_order","params":{}}',
        '{"method":"ping","req_id":"1"}',
        "[" * 100_000,
    ],
)
def test_what_is_no_request_is_malformed(subscriber: Subscriber, data: str | bytes) -> None:
    assert answers(subscriber, data) == [{"error": "Malformed request", "success": False}]


@pytest.mark.parametrize("params", [None, [], 5, {}])
def test_a_subscription_without_parameters_is_refused(subscriber: Subscriber, params: Any) -> None:
    (answer,) = answers(subscriber, json.dumps({"method": "subscribe", "params": params}))
    assert answer["error"] in ("Malformed request", "Subscription name invalid")


def test_a_pair_has_one_depth_on_a_connection(subscriber: Subscriber) -> None:
    ask(subscriber, "subscribe", channel="book", symbol=["BTC/USD"], depth=1000)
    (again,) = ask(subscriber, "subscribe", 2, channel="book", symbol=["BTC/USD"], depth=10)
    assert (again["error"], again["symbol"], again["success"]) == ("Already subscribed", "BTC/USD", False)
    assert len(subscriber.take_changed()) == 1
    twice = ask(subscriber, "subscribe", channel="trade", symbol=["ETH/USD", "ETH/USD"])
    assert [one["success"] for one in twice] == [True, False]


def test_what_is_had_can_be_given_up(subscriber: Subscriber) -> None:
    ask(subscriber, "subscribe", channel="book", symbol=["BTC/USD"], depth=100)
    subscriber.take_changed()
    (wrong,) = ask(subscriber, "unsubscribe", channel="book", symbol=["BTC/USD"], depth=10)
    assert (wrong["error"], wrong["symbol"]) == ("Subscription Not Found", "BTC/USD")
    (done,) = ask(subscriber, "unsubscribe", 4, channel="book", symbol=["BTC/USD"])
    assert done == {
        "method": "unsubscribe",
        "req_id": 4,
        "result": {"channel": "book", "depth": 100, "symbol": "BTC/USD"},
        "success": True,
    }
    (changed,) = subscriber.take_changed()
    assert not changed.is_added
    (gone,) = ask(subscriber, "unsubscribe", channel="book", symbol=["BTC/USD"])
    assert gone["error"] == "Subscription Not Found"
    assert ask(subscriber, "subscribe", channel="book", symbol=["BTC/USD"])[0]["success"]


def test_a_connection_begins_with_the_status() -> None:
    (state,) = json.loads(status_message(2**64 - 1))["data"]
    assert state == {"version": "2.0.10", "system": "online", "api_version": "v2", "connection_id": 2**64 - 1}
