from __future__ import annotations

import pytest

from hftlab import protocol
from hftlab.protocol import JSON, MSGPACK, Error
from hftlab.protocol.publishing.publisher import Publisher
from tests.protocol.conftest import receive

NOW = 5_000_000_000


def answered(publisher: Publisher[str], data: bytes) -> Error:
    publisher.join("a", JSON, NOW)
    (reply,) = receive(publisher, "a", data, NOW)
    error = protocol.decode(reply)
    assert isinstance(error, Error)
    return error


@pytest.mark.parametrize(
    ("fields", "kind", "field"),
    [
        (b'"frequency": 60001', "SUBSCRIPTION_FAILED", "frequency"),
        (b'"dataTypes": ["LEVEL3"]', "SUBSCRIPTION_FAILED", "dataTypes[0]"),
        (b'"frequency": NaN', "SUBSCRIPTION_FAILED", "frequency"),
        (b'"extra": NaN', "MESSAGE_PARSE_ERROR", "extra"),
        (b'"sequence": -1', "MESSAGE_PARSE_ERROR", "sequence"),
    ],
)
def test_what_does_not_fit_a_subscription_is_told_as_its_failure(
    publisher: Publisher[str], fields: bytes, kind: str, field: str
) -> None:
    data = b'{"type": "SUBSCRIBE", "id": "q", "timestamp": 1, "symbols": ["AAPL"], %s}' % fields
    error = answered(publisher, data)
    assert (error.id, error.error_type, error.context) == ("q", kind, {"field": field})


@pytest.mark.parametrize(
    "data", [b'{"id": "\\ud800", "x": NaN}', b'{"id": 7}', b"\xff{", b"[" * 10_000, b"NaN", b'"' * 3, b"{"]
)
def test_an_id_that_cannot_be_read_is_none(publisher: Publisher[str], data: bytes) -> None:
    error = answered(publisher, data)
    assert (error.id, error.error_type) == (None, "MESSAGE_PARSE_ERROR")


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x93", b"\x81\xa2id\xa2\xff\xff"])
def test_messagepack_that_cannot_be_read_has_none_either(publisher: Publisher[str], data: bytes) -> None:
    publisher.join("a", MSGPACK, NOW)
    (reply,) = receive(publisher, "a", data, NOW)
    error = MSGPACK.decode(reply)
    assert isinstance(error, Error)
    assert error.id is None
