"""Subscriptions that are asked for until they are granted or refused."""

from __future__ import annotations

from typing import Any

import pytest

from hftlab.errors import SubscriptionFailed
from hftlab.protocol import DataType
from hftlab.protocol.subscribing.client_events import Disconnect, ErrorOccurred, Ready
from hftlab.protocol.subscribing.subscriber import Subscriber
from tests.protocol.subscribing.driver import WELCOME, Driver

LIMITS = {"maxMessageBytes": 1000, "maxSymbols": 2, "minFrequency": 0, "maxFrequency": 60_000}


def restoring(*symbols: str, **welcome: Any) -> Driver:
    subscriber = Subscriber()
    subscriber.wanted.add(symbols, [DataType.QUOTES], 0)
    driver = Driver(subscriber=subscriber, heartbeat_interval=3600.0)
    driver.hear(**WELCOME | welcome)
    driver.take(driver.protocol.authenticate(None, driver.now))
    return driver


def asked(driver: Driver) -> list[list[str]]:
    return [request["symbols"] for request in driver.sent]


def refuse(driver: Driver, error_type: str = "SUBSCRIPTION_FAILED", **more: Any) -> None:
    driver.answer(type="ERROR", errorType=error_type, message="no", recoverable=True, **more)


def test_requests_follow_one_another_and_keep_to_the_limit() -> None:
    driver = restoring("A", "B", "C", limits=LIMITS)
    assert asked(driver) == [["A", "B"]]
    driver.answer(type="ACK", message="ok")
    assert asked(driver) == [["A", "B"], ["C"]]
    assert driver.all(Ready) == []
    driver.answer(type="ACK", message="ok")
    assert driver.all(Ready) == [Ready()]


def test_symbols_that_are_gone_do_not_take_the_others_with_them() -> None:
    driver = restoring("A", "B", "C")
    refuse(driver, context={"unknown": ["B"]})
    assert asked(driver) == [["A", "B", "C"], ["A", "C"]]
    driver.answer(type="ACK", message="ok")
    assert driver.all(Ready) == [Ready()]
    assert [type(event.error) for event in driver.all(ErrorOccurred)] == [SubscriptionFailed]


@pytest.mark.parametrize("context", [None, {}, {"unknown": "A"}, {"unknown": [7]}, {"unknown": ["Z"]}])
def test_a_refusal_that_names_nothing_is_taken_as_it_is(context: Any) -> None:
    driver = restoring("A")
    refuse(driver, context=context)
    assert asked(driver) == [["A"]]
    assert driver.all(Ready) == [Ready()]


def test_a_limit_is_waited_for() -> None:
    driver = restoring("A")
    for _ in range(2):
        refuse(driver, "RATE_LIMIT_EXCEEDED", retryAfter=5.0)
        sent = len(driver.sent)
        driver.wait(4.9)
        assert len(driver.sent) == sent
        driver.wait(0.2)
        assert len(driver.sent) == sent + 1
    driver.answer(type="ACK", message="ok")
    assert driver.all(Ready) == [Ready()]


def test_a_server_that_does_not_answer_is_left() -> None:
    """What has been subscribed to would be missing in silence."""
    driver = restoring("A")
    driver.wait(10.1)
    ((reason,),) = driver.all(Disconnect)
    assert "has not answered SUBSCRIBE" in reason
