"""Token buckets, and what cannot be a limit."""

from __future__ import annotations

import math
from typing import Any

import pytest

from hftlab.protocol import JSON, DataType, Subscribe
from hftlab.protocol.publishing.limits import TokenBucket
from hftlab.server import Rate, ServerLimits


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


class TestSymbols:
    def test_one_request_may_ask_for_all_that_a_server_has(self) -> None:
        names = [f"测试 {number:05}" for number in range(8900)]
        limits = ServerLimits().for_symbols(names)
        request = Subscribe(timestamp=1.0, symbols=names, data_types=list(DataType), frequency=0)
        assert limits.symbols == len(names)
        assert limits.message_bytes >= len(JSON.encode(request))
        assert limits.subscribed == len(names) * len(DataType)
        assert limits.queue_messages > len(names)  # snapshots of BOOK_DELTA are one message a symbol

    def test_a_few_symbols_and_any_symbols_leave_the_defaults(self) -> None:
        assert ServerLimits().for_symbols(["AAPL"]) == ServerLimits().for_symbols(None) == ServerLimits()

    def test_a_limit_that_somebody_has_chosen_stays(self) -> None:
        limits = ServerLimits(symbols=10, subscribed=20, message_bytes=1000).for_symbols([str(n) for n in range(5000)])
        assert (limits.symbols, limits.subscribed, limits.message_bytes) == (10, 20, 1000)
