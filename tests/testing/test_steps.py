"""Steps as payloads: structs, JSON objects, and what is sent as it is, in both encodings."""

from __future__ import annotations

import json

import pytest

from hftlab.errors import ArgumentError
from hftlab.protocol import Ack, Error, MarketData, decode
from hftlab.protocol.codec import JSON, MSGPACK
from hftlab.testing import Close, Drop, Silence, Wait, market_data, refuse
from hftlab.testing.steps import Step, is_reply, payload


@pytest.mark.parametrize(
    ("step", "answers"),
    [
        ({"type": "ACK", "message": "ok"}, True),
        ({"type": "MARKET_DATA", "symbols": []}, False),
        ({}, False),
        (Ack(timestamp=1.0, message="ok"), True),
        (market_data("AAPL", bid=1.0), False),
        (refuse("SERVER_ERROR"), True),
        (Silence(), True),
        (Close(), True),
        (Drop(), True),
        (Wait(1.0), False),
        ("text", False),
        (b"{", False),
    ],
)
def test_what_answers_a_request(step: Step, answers: bool) -> None:
    assert is_reply(step) is answers


def test_a_reply_gets_the_id_and_the_time_that_it_lacks() -> None:
    assert json.loads(payload(refuse("SERVER_ERROR"), JSON, 5.0, "r1"))["id"] == "r1"
    assert json.loads(payload(refuse("SERVER_ERROR") | {"id": "other", "timestamp": 9.0}, JSON, 5.0, "r1")) == {
        "timestamp": 9.0,
        "id": "other",
        "type": "ERROR",
        "errorType": "SERVER_ERROR",
        "message": "refused by the script",
        "recoverable": True,
    }
    assert decode(payload(Ack(timestamp=1.0, message="ok"), JSON, 5.0, "r1")).id == "r1"
    assert decode(payload(Ack(timestamp=1.0, message="ok", id="x"), JSON, 5.0, "r1")).id == "x"


def test_other_messages_have_none() -> None:
    quote = market_data("AAPL", bid=1.0)
    assert decode(payload(quote, JSON, 5.0, "r1")) == quote
    assert "id" not in json.loads(payload({"type": "MARKET_DATA", "symbols": []}, JSON, 5.0, "r1"))


@pytest.mark.parametrize("damaged", [b"{", "{"])
def test_bytes_and_text_are_sent_as_they_are(damaged: bytes | str) -> None:
    assert payload(damaged, JSON, 5.0, "r1") == b"{"


def test_messagepack_says_the_same() -> None:
    error = MSGPACK.decode(payload(refuse("RATE_LIMIT_EXCEEDED", retryAfter=5), MSGPACK, 7.0, "r1"))
    assert isinstance(error, Error)
    assert (error.id, error.timestamp, error.retry_after) == ("r1", 7.0, 5)
    assert isinstance(MSGPACK.decode(payload(market_data("AAPL", bid=1.0), MSGPACK, 7.0, None)), MarketData)


def test_an_unknown_type_of_error_is_refused() -> None:
    with pytest.raises(ArgumentError, match="unknown type of error 'RATE_LIMIT'"):
        refuse("RATE_LIMIT")
