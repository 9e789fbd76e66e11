"""A script answers each request as it was told to, else as an agreeable server does."""

from __future__ import annotations

from typing import Any

import pytest

from hftlab.errors import ArgumentError, ArgumentTypeError
from hftlab.protocol import Auth, Heartbeat, NewOrder, Ping, Subscribe
from hftlab.testing import Script, Silence, market_data, refuse
from hftlab.testing.steps import Step

QUOTE = market_data("AAPL", bid=1.0)
SUBSCRIBE = Subscribe(timestamp=1.0, symbols=["AAPL"])


def types(steps: list[Step]) -> list[Any]:
    return [step["type"] if isinstance(step, dict) else getattr(step, "type", step) for step in steps]


def test_unscripted_requests_are_granted() -> None:
    script = Script(account="bob")
    assert types(script.answer(SUBSCRIBE)) == ["ACK"]
    assert types(script.answer(Heartbeat(timestamp=1.0))) == ["ACK"]
    assert script.answer(Auth(timestamp=1.0, token="t")) == [{"type": "AUTH_SUCCESS", "subject": "bob"}]
    assert script.answer(Ping(timestamp=7.0, ping_id="p")) == [{"type": "PONG", "pingId": "p", "pingTimestamp": 7.0}]
    assert script.types == ["SUBSCRIBE", "HEARTBEAT", "AUTH", "PING"]
    assert script.received_of(Subscribe) == [SUBSCRIBE]


def test_steps_follow_the_answer_or_are_it() -> None:
    script = Script().when("SUBSCRIBE", QUOTE, QUOTE)
    assert types(script.answer(SUBSCRIBE)) == ["ACK", "MARKET_DATA", "MARKET_DATA"]
    script.when("SUBSCRIBE", refuse("SUBSCRIPTION_FAILED"), QUOTE)
    assert types(script.answer(SUBSCRIBE)) == ["ERROR", "MARKET_DATA"]
    script.when("SUBSCRIBE", Silence())
    assert script.answer(SUBSCRIBE) == [Silence()]
    script.when("SUBSCRIBE")
    assert types(script.answer(SUBSCRIBE)) == ["ACK"]


def test_once_comes_before_always_and_adds_up() -> None:
    script = Script().when("SUBSCRIBE", QUOTE)
    script.once("SUBSCRIBE", refuse("SERVER_ERROR")).once("SUBSCRIBE", Silence())
    assert [types(script.answer(SUBSCRIBE)) for _ in range(3)] == [["ERROR"], [Silence()], ["ACK", "MARKET_DATA"]]


def test_a_function_answers_what_has_come() -> None:
    def reject(order: NewOrder) -> list[Step]:
        return [refuse("SERVER_ERROR", f"no {order.symbol}")]

    script = Script().when("NEW_ORDER", reject)
    order = NewOrder(
        timestamp=1.0, client_order_id="1", symbol="MSFT", side="BUY", order_type="LIMIT", quantity=1.0, price=2.0
    )
    (step,) = script.answer(order)
    assert isinstance(step, dict)
    assert step["message"] == "no MSFT"


def test_it_greets_as_it_was_told_to() -> None:
    welcome = {"type": "ACK", "message": "welcome", "session": "s1", "version": "1.0"}
    assert Script().greet() == [welcome]
    assert Script(["AAPL"], version=None).greet() == [
        {"type": "ACK", "message": "welcome", "session": "s1", "symbols": ["AAPL"]}
    ]
    assert Script(session=None).greet() == []


@pytest.mark.parametrize("request_type", ["SUBSCIBE", "subscribe", "MARKET_DATA", ""])
def test_what_a_client_never_asks_is_refused(request_type: str) -> None:
    """A test would wait for its answer in vain, or pass without it."""
    with pytest.raises(ArgumentError, match="unknown request"):
        Script().when(request_type, QUOTE)
    with pytest.raises(ArgumentError, match="unknown request"):
        Script().once(request_type, QUOTE)


@pytest.mark.parametrize("answer", [3, None, Silence, [QUOTE]])
def test_what_is_not_an_answer_is_refused(answer: Any) -> None:
    with pytest.raises(ArgumentTypeError, match="a server answers with a message"):
        Script().when("SUBSCRIBE", answer)


def test_one_symbol_is_not_its_letters() -> None:
    assert Script("AAPL").welcome["symbols"] == ["AAPL"]
    assert Script(iter(["AAPL", "MSFT"])).welcome["symbols"] == ["AAPL", "MSFT"]
