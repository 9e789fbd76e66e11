"""Signing in and staying signed in, with the clock in the test's hand."""

from __future__ import annotations

from typing import Any

import pytest

from hftlab.errors import AuthenticationFailed, NetworkError
from hftlab.protocol.subscribing.client_events import Disconnect, ErrorOccurred, Ready, Received, TokenNeeded
from tests.protocol.subscribing.driver import WELCOME, Driver

FIRST, RENEWAL = TokenNeeded(is_renewal=False), TokenNeeded(is_renewal=True)


def signing_in(*, is_optional: bool = False) -> Driver:
    """A connection that has sent its first AUTH."""
    driver = Driver(sign_in_is_optional=is_optional, heartbeat_interval=3600.0)
    driver.hear(**WELCOME)
    driver.take(driver.protocol.authenticate("t1", driver.now))
    return driver


def signed_in(lifetime: float | None = None) -> Driver:
    driver = signing_in()
    expires_at = {} if lifetime is None else {"expiresAt": 5000.0 + lifetime * 1000}
    driver.answer(type="AUTH_SUCCESS", subject="alice", **expires_at)
    driver.events.clear()
    return driver


def test_a_client_that_the_server_signs_out_has_no_account_until_it_is_signed_in_again() -> None:
    driver = signed_in()
    assert driver.protocol.account == "alice"
    driver.hear(type="ERROR", errorType="AUTHENTICATION_FAILED", message="the token has expired", recoverable=False)
    assert driver.protocol.account is None
    assert driver.all(TokenNeeded) == [RENEWAL]
    driver.take(driver.protocol.authenticate("t2", driver.now))
    driver.answer(type="AUTH_SUCCESS", subject="alice")
    assert driver.protocol.account == "alice"


class TestFirst:
    def test_the_answer_needs_no_id(self) -> None:
        """The document's replies to AUTH have none."""
        driver = signing_in()
        driver.hear(type="AUTH_SUCCESS", subject="alice")
        assert driver.all(Ready) == [Ready()]
        assert driver.protocol.account == "alice"

    def test_a_refused_token_is_renewed_once(self) -> None:
        driver = signing_in()
        driver.answer(type="AUTH_FAILED", message="old")
        assert driver.all(TokenNeeded) == [FIRST, RENEWAL]
        driver.take(driver.protocol.authenticate("t2", driver.now))
        driver.answer(type="AUTH_FAILED", message="no good")
        assert driver.all(Disconnect) == [Disconnect("no good")]
        assert isinstance(driver.protocol.failure, AuthenticationFailed)

    def test_without_need_a_refusal_is_only_noted(self) -> None:
        driver = signing_in(is_optional=True)
        driver.answer(type="AUTH_FAILED", message="who?")
        assert driver.all(Ready) == [Ready()]
        ((error, _, is_raised),) = driver.all(ErrorOccurred)
        assert (str(error), is_raised) == ("who?", True)
        assert driver.all(TokenNeeded) == [FIRST]

    @pytest.mark.parametrize(
        ("reply", "says"),
        [
            ({"type": "ERROR", "errorType": "AUTHENTICATION_FAILED", "message": "x", "recoverable": True}, "AUTH was"),
            ({"type": "ACK", "message": "ok"}, "is not an hftlab server"),
        ],
    )
    def test_another_answer_is_a_refusal(self, reply: dict[str, Any], says: str) -> None:
        driver = signing_in()
        driver.answer(**reply)
        assert says in str(driver.all(ErrorOccurred)[-1].error)
        assert driver.all(TokenNeeded) == [FIRST, RENEWAL]

    def test_no_answer_in_ten_seconds_ends_the_connection(self) -> None:
        driver = signing_in()
        driver.wait(10.1)
        ((reason,),) = driver.all(Disconnect)
        assert "has not answered AUTH for 10 s" in reason
        driver.protocol.connection_lost("cut", driver.now)
        assert isinstance(driver.protocol.end, AuthenticationFailed)
        assert driver.protocol.failure is None

    def test_too_early_is_no_refusal(self) -> None:
        driver = signing_in()
        driver.answer(type="ERROR", errorType="RATE_LIMIT_EXCEEDED", message="wait", recoverable=True, retryAfter=1)
        assert driver.all(Disconnect) == [Disconnect("AUTH came too early: wait")]
        assert driver.protocol.failure is None

    def test_a_token_that_cannot_be_had_now_ends_this_connection_only(self) -> None:
        driver = Driver(sign_in_is_optional=False)
        driver.hear(**WELCOME)
        driver.take(driver.protocol.token_failed(NetworkError("no vault"), driver.now))
        assert driver.all(Disconnect) == [Disconnect("no vault")]
        assert driver.protocol.failure is None

    def test_a_token_that_cannot_be_had_at_all_ends_the_client(self) -> None:
        driver = Driver(sign_in_is_optional=False)
        driver.hear(**WELCOME)
        driver.take(driver.protocol.token_failed(AuthenticationFailed("dismissed"), driver.now))
        assert driver.all(Disconnect) == [Disconnect("dismissed")]
        assert isinstance(driver.protocol.failure, AuthenticationFailed)

    def test_private_messages_are_resumed(self) -> None:
        driver = Driver()
        driver.subscriber.private.welcome("s1")
        driver.subscriber.private.authenticated("alice", 7)
        driver.connect("t", subject="alice", privateSequence=9)
        (request,) = driver.sent
        assert (request["session"], request["resumeFrom"]) == ("s1", 7)


class TestAccount:
    def test_a_private_message_has_the_account(self) -> None:
        driver = signed_in()
        numbers = dict.fromkeys(
            ["totalValue", "cash", "marketValue", "buyingPower", "unrealizedPnL", "realizedPnL", "dayPnL"], 0
        )
        driver.hear(type="PORTFOLIO_UPDATE", channel=0, sequence=1, **numbers)
        driver.hear(type="GAP", channel=0, sequence=3, fromSequence=2, toSequence=3, reason="log")
        assert [event.account for event in driver.all(Received)] == ["alice", None]

    def test_so_has_the_accounts_state_which_is_told_outside_of_its_channel(self) -> None:
        driver = signed_in()
        numbers = dict.fromkeys(
            ["totalValue", "cash", "marketValue", "buyingPower", "unrealizedPnL", "realizedPnL", "dayPnL"], 0
        )
        driver.hear(type="PORTFOLIO_UPDATE", snapshot=True, **numbers)
        assert [event.account for event in driver.all(Received)] == ["alice"]

    def test_a_sign_in_as_another_starts_a_sequence_anew(self) -> None:
        driver = signed_in()
        driver.hear(type="AUTH_SUCCESS", subject="bob", privateSequence=3)
        assert driver.protocol.account == "bob"
        assert driver.subscriber.private.resume_from == 3


class TestRenewal:
    @pytest.mark.parametrize(("lifetime", "after"), [(900.0, 840.0), (50.0, 40.0)])
    def test_it_comes_a_minute_or_a_fifth_before_the_expiry(self, lifetime: float, after: float) -> None:
        driver = signed_in(lifetime)
        driver.wait(after - 1.0)
        assert driver.all(TokenNeeded) == []
        driver.wait(2.0)
        assert driver.all(TokenNeeded) == [RENEWAL]

    def test_what_may_pass_is_tried_again_until_it_succeeds(self) -> None:
        driver = signed_in(50.0)
        driver.wait(41.0)
        for failures in range(1, 4):
            driver.take(driver.protocol.token_failed(NetworkError("no vault"), driver.now))
            driver.wait(30.0)
            assert len(driver.all(TokenNeeded)) == failures + 1
        driver.take(driver.protocol.authenticate("t5", driver.now))
        driver.answer(type="AUTH_SUCCESS", subject="alice")
        assert [str(event.error) for event in driver.all(ErrorOccurred)] == ["no vault"] * 3
        driver.wait(1000.0)
        assert len(driver.all(TokenNeeded)) == 4
        assert driver.all(Disconnect) == []

    def test_what_is_final_is_not_tried_again(self) -> None:
        driver = signed_in(50.0)
        driver.wait(41.0)
        driver.take(driver.protocol.token_failed(AuthenticationFailed("dismissed"), driver.now))
        driver.wait(1000.0)
        assert driver.all(TokenNeeded) == [RENEWAL]

    def test_a_rejection_renews_at_once_and_again_after_a_minute(self) -> None:
        driver = signed_in()
        rejection = {"type": "ERROR", "errorType": "AUTHENTICATION_FAILED", "message": "x", "recoverable": True}
        for _ in range(3):
            driver.hear(**rejection)
        assert driver.all(TokenNeeded) == [RENEWAL]
        driver.take(driver.protocol.authenticate("t2", driver.now))
        driver.answer(type="AUTH_SUCCESS", subject="alice")
        driver.hear(**rejection)
        assert driver.all(TokenNeeded) == [RENEWAL]
        driver.wait(61.0)
        driver.hear(**rejection)
        assert driver.all(TokenNeeded) == [RENEWAL, RENEWAL]
