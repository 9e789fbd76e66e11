"""The recovery table against the reference document's ErrorRecoveryManager."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.errors import (
    AuthenticationFailed,
    ConnectionFailed,
    MessageParseError,
    NetworkError,
    RateLimitExceeded,
    ServerError,
    SubscriptionFailed,
    WireError,
)
from hftlab.protocol import Error, ErrorType
from hftlab.protocol.subscribing.wire_error import wire_error
from hftlab.transport.backoff import Backoff
from hftlab.transport.recovery import Action, ErrorRecovery, Recovery


class TestTable:
    @pytest.mark.parametrize(
        ("error", "action", "delay"),
        [
            (ConnectionFailed("x"), "IMMEDIATE_RETRY", 1.0),
            (ConnectionFailed("x", retry_after=7.0), "IMMEDIATE_RETRY", 1.0),
            (AuthenticationFailed("x"), "REFRESH_AUTH", 0.0),
            (RateLimitExceeded("x"), "BACKOFF", 60.0),
            (RateLimitExceeded("x", retry_after=0.5), "BACKOFF", 0.5),
            (MessageParseError("x"), "LOG", 0.0),
            (SubscriptionFailed("x"), "LOG", 0.0),
            (ServerError("x"), "LOG", 0.0),
            (ServerError("x", retry_after=3.0), "BACKOFF", 3.0),
            (NetworkError("x"), "LOG", 0.0),
        ],
    )
    def test_each_error_has_its_action_and_delay(self, error: WireError, action: str, delay: float) -> None:
        assert ErrorRecovery().handle(error, 0.0) == (action, delay)

    @pytest.mark.parametrize(
        ("kind", "action"),
        [
            (ConnectionFailed, "LOG"),
            (RateLimitExceeded, "LOG"),
            (ServerError, "LOG"),
            (AuthenticationFailed, "REFRESH_AUTH"),
        ],
    )
    def test_what_is_not_recoverable_is_not_tried_again(self, kind: type[WireError], action: str) -> None:
        """But for a token, which is to be another one."""
        recovery, error = ErrorRecovery(), kind("x", retry_after=9.0)
        error.recoverable = False
        assert recovery.handle(error, 0.0) == (action, 0.0)
        assert recovery.held_for(0.0) == 0.0

    def test_the_delays_of_retries_go_with_the_interval(self) -> None:
        recovery = ErrorRecovery(retry=0.1, limit=3.0)
        assert {recovery.handle(ConnectionFailed("x"), at).delay for at in range(6)} == {0.1, 3.0}

    def test_more_than_five_failures_in_a_minute_back_off(self) -> None:
        """The sixth of the last minute does, one later than that does not."""
        recovery = ErrorRecovery()
        assert [recovery.handle(ConnectionFailed("x"), at).action for at in range(6)] == [
            *[Action.IMMEDIATE_RETRY] * 5,
            Action.EXPONENTIAL_BACKOFF,
        ]
        assert recovery.handle(ConnectionFailed("x"), 59.0) == (Action.EXPONENTIAL_BACKOFF, 30.0)
        assert recovery.handle(ConnectionFailed("x"), 64.5) == (Action.IMMEDIATE_RETRY, 1.0)

    def test_other_errors_do_not_count(self) -> None:
        recovery = ErrorRecovery()
        for _ in range(50):
            recovery.handle(MessageParseError("x"), 0.0)
        assert recovery.handle(ConnectionFailed("x"), 0.0).action is Action.IMMEDIATE_RETRY

    def test_requests_are_held_back_until_the_longest_backoff_is_over(self) -> None:
        recovery = ErrorRecovery()
        assert recovery.held_for(0.0) == 0.0
        recovery.handle(RateLimitExceeded("x", retry_after=10.0), 100.0)
        recovery.handle(RateLimitExceeded("x", retry_after=2.0), 101.0)
        assert [recovery.held_for(at) for at in (100.0, 104.0, 110.0, 111.0)] == [10.0, 6.0, 0.0, 0.0]

    @given(st.integers(0, 300))
    def test_the_history_is_bounded(self, errors: int) -> None:
        recovery = ErrorRecovery()
        for at in range(errors):
            recovery.handle(ServerError(str(at)), float(at))
        assert [failure.at for failure in recovery.history] == list(range(max(errors - 100, 0), errors))


class TestBackoffOfARecovery:
    def test_many_failures_go_straight_to_the_limit(self) -> None:
        retry, back_off = Recovery(Action.IMMEDIATE_RETRY, 1.0), Recovery(Action.EXPONENTIAL_BACKOFF, 30.0)
        assert [Backoff().ceiling(attempt, retry) for attempt in range(4)] == [0.0, 1.0, 1.5, 2.25]
        assert [Backoff().ceiling(attempt, back_off) for attempt in range(4)] == [30.0] * 4

    def test_the_delay_is_the_recoverys(self) -> None:
        retry, back_off = Recovery(Action.IMMEDIATE_RETRY, 0.5), Recovery(Action.EXPONENTIAL_BACKOFF, 3.0)
        assert [Backoff().ceiling(attempt, retry) for attempt in range(4)] == [0.0, 0.5, 0.75, 1.125]
        assert Backoff().ceiling(1, back_off) == 3.0

    @pytest.mark.parametrize(("base", "limit"), [(0.01, 0.3), (1.0, 30.0), (5.0, 30.0)])
    def test_the_limit_goes_with_the_interval(self, base: float, limit: float) -> None:
        assert Backoff.scaled(base, 10).limit == pytest.approx(limit)


def test_the_context_of_a_foreign_server_may_be_anything() -> None:
    fields: dict[str, Any] = {
        "timestamp": 1.0,
        "error_type": ErrorType.MESSAGE_PARSE_ERROR,
        "message": "no",
        "recoverable": True,
    }
    assert wire_error(Error(context="why", **fields)).context == {"field": "$"}
    fields["error_type"] = ErrorType.SERVER_ERROR
    assert wire_error(Error(context=[1], **fields)).context == {"context": [1]}
    assert wire_error(Error(**fields)).context is None
