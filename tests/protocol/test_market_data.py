"""Market data on the wire, field by field."""

from __future__ import annotations

import json

import pytest

from hftlab.errors import MessageParseError
from hftlab.protocol import Arbitrage, ArbitrageState, BookDelta, MarketData, decode, encode
from tests.protocol.conftest import level, market_data, symbol, trade


def test_names_are_camel_case_and_defaults_are_left_out() -> None:
    wire = json.loads(encode(market_data(symbol(last_trade=trade(1.0)))))
    (state,) = wire["symbols"]
    assert {"bidSize", "askSize", "changePercent", "previousClose", "lastTrade"} <= state.keys()
    assert "trades" not in state
    assert "snapshot" not in wire


def test_events_come_back_as_they_were() -> None:
    delta = BookDelta(
        timestamp=1.0, symbol="A", exchange="X", bids=[level(1.0, 0.0)], asks=[], checksum=2**32 - 1, ts_event=2.0
    )
    opportunity = Arbitrage(
        timestamp=1.0,
        symbol="A",
        state=ArbitrageState.OPEN,
        buy_venue="X",
        sell_venue="Y",
        ask=1.0,
        bid=2.0,
        size=3.0,
        edge=4.0,
        peak_edge=4.0,
        currency="USD",
        opened=1.0,
    )
    for message in (delta, opportunity):
        assert decode(encode(message)) == message


@pytest.mark.parametrize(
    ("field", "value"),
    [("price", 0), ("bid", -1), ("bidSize", "1"), ("timestamp", 0), ("symbol", "A B "), ("low", None)],
)
def test_a_state_that_cannot_be_is_refused(field: str, value: object) -> None:
    wire = json.loads(encode(market_data(symbol())))
    wire["symbols"][0][field] = value
    with pytest.raises(MessageParseError) as raised:
        decode(json.dumps(wire))
    assert raised.value.field == f"symbols[0].{field}"


def test_a_symbol_with_trades_alone_is_market_data_too() -> None:
    message = market_data(symbol(bids=None, asks=None, trades=[trade(1.0), trade(2.0)]))
    back = decode(encode(message))
    assert isinstance(back, MarketData)
    assert [each.price for each in back.symbols[0].trades or []] == [1.0, 2.0]
