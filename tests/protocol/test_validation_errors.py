from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.errors import MessageParseError
from hftlab.protocol import JSON
from hftlab.protocol.validation_errors import lenient


def refused(data: bytes) -> MessageParseError:
    with pytest.raises(MessageParseError) as caught:
        JSON.decode_request(data)
    return caught.value


def subscribe(**fields: object) -> bytes:
    return json.dumps({"type": "SUBSCRIBE", "timestamp": 1, "symbols": ["AAPL"]} | fields).encode()


def test_a_word_that_is_none_of_the_list_is_told_the_list() -> None:
    assert "QUOTES, TRADES, ORDER_BOOK" in str(refused(subscribe(dataTypes=["LEVEL3"])))
    assert "CONFLATE, GAP, DISCONNECT" in str(refused(subscribe(slowConsumer="NONE")))


def test_a_symbol_that_is_none_is_told_what_one_is() -> None:
    error = str(refused(subscribe(symbols=[" A"])))
    assert "a symbol is 1 to 128 printable" in error
    assert "regex" not in error


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_json_has_not_is_named(value: float) -> None:
    assert refused(subscribe(frequency=value)).field == "frequency"
    assert refused(subscribe(symbols=["A", value])).field == "symbols[1]"
    assert refused(json.dumps(value).encode()).field == "$"


@pytest.mark.parametrize("key", ["\\ud800", "\\u0000", "k" * 101, "a b"])
def test_keys_that_nobody_has_checked_are_not_repeated(key: str) -> None:
    assert refused(b'{"%s": NaN}' % key.encode()).field == "$"


@given(st.binary() | st.text())
def test_lenient_raises_nothing(data: bytes | str) -> None:
    lenient(data)


def test_lenient_json_has_no_half_characters() -> None:
    assert lenient(b'{"id": "\\uD83d"}') is None
    assert lenient('{"id": "\ud83d"}') is None
    assert lenient(b'{"id": "\xed\xa0\x80"}') is None
    assert lenient(b"[" * 100_000) is None
    assert lenient(b'{"id": "q", "x": [NaN]}')["id"] == "q"
