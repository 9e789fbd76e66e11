"""MARKET_DATA whose symbols are JSON already."""

from __future__ import annotations

import msgspec
from hypothesis import given

from hftlab.protocol import JSON, MarketData
from hftlab.protocol.encoded_market_data import Parts, RawMarketData, parts_of
from tests import strategies
from tests.protocol.conftest import encoded, level, market_data, symbol, trade

STATE = market_data(symbol("AAPL", last_trade=trade(2.0)), symbol("MSFT", bids=None), id="md_1")
TRADED = market_data(symbol("AAPL", trades=[trade(2.0)]), symbol("MSFT", trades=[]))


@given(strategies.market_data())
def test_raw_market_data_is_the_same_on_the_wire(message: MarketData) -> None:
    """Field by field, and in their order."""
    fields = {name: getattr(message, name) for name in MarketData.__struct_fields__}
    raw = RawMarketData(**fields | {"symbols": msgspec.Raw(msgspec.json.encode(message.symbols))})
    assert JSON.encode(raw) == JSON.encode(message)
    assert JSON.encode(raw.decoded()) == JSON.encode(message)


def test_it_is_decoded_once() -> None:
    one = encoded(STATE)
    assert one.decoded() == STATE
    assert one.decoded() is one.decoded()
    assert one.symbol("MSFT") is one.decoded().symbols[1]


def test_a_symbol_is_found_without_a_look_at_the_others() -> None:
    """A paced channel asks for all of them, one by one."""
    compared = 0

    class Name(str):
        __slots__ = ()
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            nonlocal compared
            compared += 1
            return str(self) == other

    one = encoded(market_data(*(symbol(f"S{number}", 2.0 + number) for number in range(1000))))
    assert one.symbol(Name("S999")).price == 1001.0
    assert compared < 10


def test_the_time_of_capture_is_that_of_the_first_recording() -> None:
    assert encoded(STATE).received(5.0).decoded() == msgspec.structs.replace(STATE, ts_recv=5.0)
    recorded = encoded(market_data(symbol(), ts_recv=3.0))
    assert recorded.received(5.0) is recorded


def test_empty_trades_are_left_out_of_what_is_sent() -> None:
    assert not encoded(STATE).has_trades
    assert encoded(STATE).traded == msgspec.json.encode(STATE.symbols)
    one = encoded(TRADED)
    assert one.has_trades
    sent = msgspec.json.decode(one.traded)
    assert [symbol.get("trades") for symbol in sent] == [[msgspec.to_builtins(trade(2.0))], None]
    assert "trades" not in sent[1]


def test_parts_are_what_a_symbol_has() -> None:
    assert parts_of(symbol()) == Parts.BIDS | Parts.ASKS
    assert parts_of(symbol(bids=None, asks=[level(1.0)], last_trade=trade(1.0))) == Parts.ASKS | Parts.LAST_TRADE
    assert parts_of(symbol(bids=[], asks=None)) == Parts.BIDS
