"""Unknown fields are found at any depth, whatever they hold."""

from __future__ import annotations

import pytest
from hypothesis import given

from hftlab.protocol import JSON, Ack, Limits, MarketData, Message, OrderUpdate
from hftlab.session.unknown_fields import unknown_fields
from tests import strategies
from tests.protocol.conftest import level, market_data, symbol, trade
from tests.session.test_tables import ORDER

PLAIN = JSON.encode(market_data(symbol(), symbol(bids=[level(1.0), level(2.0)], last_trade=trade(1.0)), id="x"))


@given(strategies.messages())
def test_a_message_of_hftlabs_own_has_none(message: Message) -> None:
    assert unknown_fields(JSON.encode(message), type(message)) == []


@pytest.mark.parametrize(
    ("old", "new", "places"),
    [
        (b'"id":"x"', b'"id":"x","foo":1', ["foo"]),
        (b'"id":"x"', b'"id":"x","foo":null,"bar":"\xff"', ["foo", "bar"]),
        (b'"id":"x"', b'"\\u0066oo" :1e999,"id":null', ["foo"]),
        (b'"high":', b'"foo":{"symbol":1},"high":', ["symbols[0].foo", "symbols[1].foo"]),
        (b'"price":2.0,', b'"foo":[],"price":2.0,', ["symbols[1].bids[1].foo"]),
        (b'"side":', b'"Side":1,"side":', ["symbols[1].lastTrade.Side"]),
        (b'"side":', b'"\xff":1,"side":', ["symbols[1].lastTrade.?"]),
        (b'"id":"x"', b'"id":"x","":1', [""]),
    ],
)
def test_each_place_is_named(old: bytes, new: bytes, places: list[str]) -> None:
    payload = PLAIN.replace(old, new)
    JSON.decode(payload)
    assert sorted(unknown_fields(payload, MarketData)) == sorted(places)


def test_every_type_has_its_own_fields() -> None:
    """An optional object is looked into as well; null is none."""
    assert unknown_fields(JSON.encode(ORDER).replace(b"{", b'{"bids":[],'), OrderUpdate) == ["bids"]
    limits = Limits(max_message_bytes=1, max_symbols=1, min_frequency=0, max_frequency=1)
    ack = JSON.encode(Ack(timestamp=1.0, message="", limits=limits))
    assert unknown_fields(ack.replace(b'"maxSymbols"', b'"foo":0,"maxSymbols"'), Ack) == ["limits.foo"]
    assert unknown_fields(b'{"type":"ACK","limits":null}', Ack) == []
