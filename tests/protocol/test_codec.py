"""Bad input: each refusal names the field."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from hftlab import protocol
from hftlab.errors import MessageParseError
from hftlab.protocol import JSON, MSGPACK

SYMBOL: dict[str, Any] = {
    "symbol": "AAPL",
    "exchange": "NASDAQ",
    **dict.fromkeys(["price", "bid", "ask", "bidSize", "askSize", "volume", "change", "changePercent"], 1.0),
    **dict.fromkeys(["high", "low", "open", "previousClose"], 1.0),
    "timestamp": 1.0,
}


def market_data(**changes: Any) -> bytes:
    return json.dumps({"type": "MARKET_DATA", "timestamp": 1, "symbols": [SYMBOL | changes]}).encode()


def subscribe(**changes: Any) -> bytes:
    return json.dumps({"type": "SUBSCRIBE", "timestamp": 1, "symbols": ["AAPL"]} | changes).encode()


@pytest.mark.parametrize(
    ("data", "field"),
    [
        (b"", "$"),
        (b"{", "$"),
        (b"[]", "$"),
        (b"null", "$"),
        (b'"MARKET_DATA"', "$"),
        (b"{}", "type"),
        (b'{"timestamp": 1}', "type"),
        (b'{"type": 1, "timestamp": 1}', "type"),
        (b'{"type": "FOO", "timestamp": 1}', "type"),
        (b'{"type": "market_data", "timestamp": 1}', "type"),
        (b'{"type": "HEARTBEAT"}', "timestamp"),
        (b'{"type": "HEARTBEAT", "timestamp": 0}', "timestamp"),
        (b'{"type": "HEARTBEAT", "timestamp": -1}', "timestamp"),
        (b'{"type": "HEARTBEAT", "timestamp": 1e400}', "timestamp"),
        (b'{"type": "HEARTBEAT", "timestamp": 9223372036854775808}', "timestamp"),
        (b'{"type": "HEARTBEAT", "timestamp": "1"}', "timestamp"),
        (b'{"type": "HEARTBEAT", "timestamp": true}', "timestamp"),
        (b'{"type": "HEARTBEAT", "timestamp": null}', "timestamp"),
        (b'{"type": "HEARTBEAT", "timestamp": 1, "id": 7}', "id"),
        (b'{"type": "HEARTBEAT", "timestamp": NaN}', "timestamp"),
        (b'{"type": "HEARTBEAT", "timestamp": Infinity}', "timestamp"),
        (b'{"type": "HEARTBEAT", "timestamp": 1, "id": "\\ud800"}', "$"),
        (b'{"type": "HEARTBEAT", "timestamp": 1, "id": "\xff"}', "$"),
        (subscribe(symbols=[]), "symbols"),
        (subscribe(symbols="AAPL"), "symbols"),
        (subscribe(symbols=["A "]), "symbols[0]"),
        (subscribe(symbols=["AAPL", ""]), "symbols[1]"),
        (subscribe(symbols=["AAPL\n"]), "symbols[0]"),
        (subscribe(symbols=["A" * 129]), "symbols[0]"),
        (subscribe(symbols=["AAPL", 3]), "symbols[1]"),
        (subscribe(symbols=["\x1b[2J"]), "symbols[0]"),
        (subscribe(frequency=-1), "frequency"),
        (subscribe(frequency=60_001), "frequency"),
        (subscribe(frequency=0.5), "frequency"),
        (subscribe(dataTypes=["QUOTES", "LEVEL3"]), "dataTypes[1]"),
        (subscribe(dataTypes=[]), "dataTypes"),
        (market_data(price=0), "symbols[0].price"),
        (market_data(price=-1), "symbols[0].price"),
        (market_data(price="1"), "symbols[0].price"),
        (market_data(symbol=""), "symbols[0].symbol"),
        (market_data(bids=[{"price": 1, "size": -1, "orders": 1}]), "symbols[0].bids[0].size"),
        (market_data(bids=[{"price": 1, "size": 1}]), "symbols[0].bids[0].orders"),
        (market_data(asks=[{"price": 1, "size": 1, "orders": 1.5}]), "symbols[0].asks[0].orders"),
        (market_data(lastTrade={"price": 1, "size": 1, "timestamp": 1, "side": "B"}), "symbols[0].lastTrade.side"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_fields_name(data: bytes, field: str) -> None:
    with pytest.raises(MessageParseError) as caught:
        JSON.decode(data)
    assert caught.value.field == field
    assert field == "$" or f"`{field}`" in str(caught.value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_messagepack_cannot_smuggle_numbers_that_json_has_not(value: float) -> None:
    """NaN and the infinities exist in MessagePack; the bounds of each field keep them out."""
    for field in ("price", "bid", "change", "volume", "timestamp"):
        data = json.loads(market_data())
        data["symbols"][0][field] = value
        with pytest.raises(MessageParseError) as caught:
            MSGPACK.decode(msgspec.msgpack.encode(data))
        assert caught.value.field == f"symbols[0].{field}"


def test_deep_nesting_is_refused() -> None:
    """10,000 brackets in an unknown field end in an error and not in the interpreter's stack."""
    deep = b'{"type": "HEARTBEAT", "timestamp": 1, "extra": ' + b"[" * 10_000 + b"]" * 10_000 + b"}"
    with pytest.raises(MessageParseError, match="nested too deeply"):
        JSON.decode(deep)


def test_unknown_fields_of_a_known_type_are_ignored() -> None:
    data = json.dumps(json.loads(market_data(extra={"a": [1]})) | {"other": 1}).encode()
    assert JSON.decode(data) == JSON.decode(market_data())


@pytest.mark.parametrize("kind", ["MARKET_DATA", "ACK", "ERROR", "PONG", "GAP", "REPLAY_STATUS"])
def test_a_client_may_not_send_what_only_servers_send(kind: str) -> None:
    with pytest.raises(MessageParseError) as caught:
        JSON.decode_request(json.dumps({"type": kind, "timestamp": 1}).encode())
    assert caught.value.field == "type"


def test_optional_fields_are_left_out_when_they_are_not_there() -> None:
    """The document's optional fields are absent, not null: its TypeScript tests for undefined."""
    message = protocol.decode(market_data())
    assert "null" not in protocol.encode(message).decode()
    assert "bids" not in protocol.encode(message).decode()
