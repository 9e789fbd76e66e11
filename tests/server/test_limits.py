"""Budgets: the buckets alone, then over a socket."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from hftlab.protocol.publishing.limits import TokenBucket
from hftlab.server import Rate, Server, ServerLimits
from tests.server.conversation import closed, receive, request, subscribe


class TestTokenBucket:
    def test_a_burst_then_the_rate(self) -> None:
        bucket = TokenBucket(Rate(10, burst=3))
        assert [bucket.take(100.0) for _ in range(3)] == [0.0] * 3
        assert bucket.take(100.0) == pytest.approx(0.1)
        assert bucket.take(100.05) == pytest.approx(0.05)
        assert bucket.take(100.1) == 0.0

    def test_who_waits_as_told_is_served(self) -> None:
        bucket, now = TokenBucket(Rate(3, burst=1)), 1e9
        bucket.take(now)
        for _ in range(1000):
            now += bucket.take(now)
            assert bucket.take(now) == 0.0

    def test_it_never_holds_more_than_a_burst(self) -> None:
        bucket = TokenBucket(Rate(10, burst=2))
        bucket.take(0.0)
        assert [bucket.take(1000.0) == 0.0 for _ in range(3)] == [True, True, False]


class TestValidation:
    @pytest.mark.parametrize(
        ("wrong", "sentence"),
        [
            ({"messages": Rate(0, burst=10)}, "messages.per_second is 0: it must be positive and finite"),
            ({"errors": Rate(math.inf, burst=10)}, "errors.per_second is inf: it must be positive and finite"),
            ({"errors": Rate(math.nan, burst=10)}, "errors.per_second is nan: it must be positive and finite"),
            ({"subscriptions": Rate(1, burst=0)}, "subscriptions.burst is 0: it must be at least 1"),
            ({"subscriptions": Rate(1, burst=0.5)}, "subscriptions.burst is 0.5: it must be a whole number"),
            ({"messages": (1, 2)}, r"messages is \(1, 2\): it must be a Rate, such as Rate\(100, burst=200\)"),
            ({"subscriptions": 20}, r"subscriptions is 20: it must be a Rate, such as Rate\(100, burst=200\)"),
            ({"message_bytes": -1}, "message_bytes is -1: it must be at least 1"),
            ({"symbols": True}, "symbols is True: it must be a whole number"),
            ({"connections": 1.5}, "connections is 1.5: it must be a whole number"),
            ({"queue_bytes": 0}, "queue_bytes is 0: it must be at least 1"),
            ({"queue_messages": 0}, "queue_messages is 0: it must be at least 1"),
            ({"open_timeout": 0}, "open_timeout is 0: it must be positive and finite"),
            ({"auth_deadline": None}, "auth_deadline is None: it must be a number"),
            ({"write_deadline": "3"}, "write_deadline is '3': it must be a number"),
        ],
    )
    def test_what_cannot_be_a_limit_is_refused_at_once(self, wrong: dict[str, Any], sentence: str) -> None:
        with pytest.raises(ValueError, match=f"^{sentence}$"):
            ServerLimits(**wrong)

    def test_whole_seconds_will_do(self) -> None:
        assert ServerLimits(write_deadline=2, messages=Rate(1, 2)).write_deadline == 2


class TestBudgets:
    async def test_too_many_messages_are_refused_with_the_time_to_wait(self) -> None:
        limits = ServerLimits(messages=Rate(0.5, burst=2))
        async with Server(port=0, limits=limits) as server, connect(server.url) as connection:
            assert (await request(connection, type="PING"))["type"] == "PONG"
            assert (await request(connection, type="PING"))["type"] == "PONG"
            refused = await request(connection, type="PING")
            assert (refused["errorType"], refused["recoverable"]) == ("RATE_LIMIT_EXCEEDED", True)
            assert 0 < refused["retryAfter"] <= 2
            assert server.stats()["errors"] == {"RATE_LIMIT_EXCEEDED": 1}

    async def test_too_many_subscriptions_change_nothing(self) -> None:
        limits = ServerLimits(subscriptions=Rate(0.01, burst=1))
        async with Server(port=0, limits=limits) as server, connect(server.url) as connection:
            assert (await subscribe(connection, "A"))["type"] == "ACK"
            assert (await subscribe(connection, "B"))["errorType"] == "RATE_LIMIT_EXCEEDED"
            assert (await request(connection, type="UNSUBSCRIBE", symbols=["A"]))["errorType"] == "RATE_LIMIT_EXCEEDED"
            assert server.stats()["channels"] == 1

    async def test_a_spent_error_budget_closes_with_1008(self) -> None:
        limits = ServerLimits(errors=Rate(0.01, burst=3))
        async with Server(port=0, limits=limits) as server, connect(server.url) as connection:
            await receive(connection)
            for _ in range(4):
                await connection.send("{")
            for _ in range(4):
                assert (await receive(connection))["errorType"] == "MESSAGE_PARSE_ERROR"
            assert await closed(connection) == (1008, "too many errors")

    async def test_symbols_and_bytes_are_those_of_the_limits(self) -> None:
        limits = ServerLimits(symbols=2, message_bytes=500)
        async with Server(port=0, limits=limits) as server, connect(server.url) as connection:
            assert (await receive(connection))["limits"] == {
                "maxMessageBytes": 500,
                "maxSymbols": 2,
                "maxSubscriptions": 10000,
                "minFrequency": 0,
                "maxFrequency": 60000,
                "messages": {"perSecond": 100, "burst": 200},
                "subscriptions": {"perSecond": 20, "burst": 50},
                "errors": {"perSecond": 1, "burst": 100},
            }
            assert (await subscribe(connection, "A", "B", "C"))["errorType"] == "SUBSCRIPTION_FAILED"
            await connection.send(json.dumps({"x": "y" * 500}))
            assert (await closed(connection))[0] == 1009


class TestConnections:
    async def test_one_too_many_gets_503_and_a_time_to_come_back(self) -> None:
        async with Server(port=0, limits=ServerLimits(connections=2)) as server:
            async with connect(server.url), connect(server.url):
                with pytest.raises(InvalidStatus) as caught:
                    await connect(server.url)
                assert caught.value.response.status_code == 503
                assert int(caught.value.response.headers["Retry-After"]) > 0
                assert server.stats()["refused"] == {"full": 1}
            async with connect(server.url):
                pass
