"""Market data that is encoded by the column is what its messages are one by one."""

from __future__ import annotations

import os
import signal
from typing import Any

import msgspec
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.protocol import JSON, MarketData
from hftlab.protocol.encoded_market_data import parts_of
from hftlab.session.encoded_block import encoded_block
from hftlab.session.market_block import market_block
from tests.protocol.conftest import level, market_data, symbol, trade
from tests.session.test_market_block import arrow, rows_of, with_symbols

DECODER: Any = msgspec.json.Decoder(list[Any])


def once_each(messages: list[MarketData]) -> bool:
    return all(len({one.symbol for one in message.symbols}) == len(message.symbols) for message in messages)


@given(st.lists(with_symbols(), min_size=1, max_size=6), st.data())
def test_every_bit_is_that_of_the_structs(messages: list[MarketData], data: st.DataObject) -> None:
    """Any values, from the beginning and out of the middle; compared as JSON, which tells 0.0 from -0.0."""
    whole = arrow(rows_of(messages))
    first = data.draw(st.integers(0, len(messages) - 1))
    passed = sum(len(message.symbols) for message in messages[:first])
    rows, messages = whole.slice(passed), messages[first:]
    block, plain = encoded_block(rows), market_block(rows)
    assert plain is not None
    if not once_each(messages):
        assert block is None
        return
    assert block is not None
    assert (block.numbers, block.times) == (plain.numbers, plain.times)
    for index in range(len(block.numbers)):
        one, expected = block.message(index), plain.message(index)
        assert JSON.encode(one.decoded()) == JSON.encode(expected)
        assert one.parts == {symbol.symbol: parts_of(symbol) for symbol in expected.symbols}
        assert one.has_trades == any(symbol.trades is not None for symbol in expected.symbols)
        without = [msgspec.structs.replace(symbol, trades=None) for symbol in expected.symbols]
        assert DECODER.decode(one.state) == msgspec.to_builtins(without)
        assert DECODER.decode(one.text) == msgspec.to_builtins(expected.symbols)


def test_messages_alike_share_their_parts() -> None:
    """A server compares the parts of most messages by looking whether they are one object."""
    messages = [market_data(symbol("A", 2.0 + number), symbol("B")) for number in range(3)]
    messages.append(market_data(symbol("A", bids=None), symbol("B")))
    block = encoded_block(arrow(rows_of(messages)))
    assert block is not None
    first, second, third, other = (block.message(index).parts for index in range(4))
    assert first is second is third
    assert other == first | {"A": 2}
    assert all(size > 0 for size in block.sizes)


def test_a_symbol_that_comes_twice_is_left_to_the_structs() -> None:
    """The second one is to be merged with the first."""
    assert encoded_block(arrow(rows_of([market_data(symbol("A"), symbol("A", bids=None))]))) is None


def test_texts_that_look_like_an_absent_field_stay() -> None:
    odd = [',"bids":null', '","bids":null,"x":"', '\\","bids":null', '"trades":[]', 'a\n{"symbol":"B"}']
    messages = [market_data(symbol(exchange=text, bids=None), id=text) for text in odd]
    messages.append(market_data(symbol()))
    block = encoded_block(arrow(rows_of(messages)))
    assert block is not None
    assert [block.message(index).decoded() for index in range(len(messages))] == messages


def changed(**columns: Any) -> pa.Table:
    full = symbol(last_trade=trade(3.0), bids=[level(1.0), level(2.0)], trades=[trade(2.0)])
    return arrow(rows_of([market_data(full), market_data(full)]).with_columns(**columns))


def nested(name: str, field: str, value: Any) -> dict[str, Any]:
    """Put a value into the structs of a column."""
    replaced = pl.lit(value).alias(field)
    if name == "last_trade":
        return {name: pl.col(name).struct.with_fields(replaced)}
    return {name: pl.col(name).list.eval(pl.element().struct.with_fields(replaced))}


FORBIDDEN: list[dict[str, Any]] = [
    {"price": 0.0}, {"price": float("nan")}, {"price": float("inf")}, {"price": 2e15}, {"bid": -1.0},
    {"volume": -1.0}, {"volume": float("-inf")}, {"change": float("nan")}, {"change": 2e18}, {"change": -2e18},
    {"symbol": pl.lit("")}, {"symbol": pl.lit("a\nb")}, {"ts_event": pl.lit(0)}, {"ts_event": pl.lit(-5_000_000)},
    {"ts_out": pl.lit(0)}, {"channel": pl.lit(-1)}, {"sequence": pl.lit(2**60)}, {"ts_capture": pl.lit(-1)},
    nested("bids", "price", -1.0), nested("bids", "price", float("nan")), nested("asks", "size", float("inf")),
    nested("asks", "orders", -1), nested("asks", "orders", 2**60), nested("last_trade", "price", 0.0),
    nested("last_trade", "timestamp", 0.0), nested("last_trade", "size", float("nan")),
    nested("trades", "price", 0.0), nested("trades", "timestamp", float("nan")),
]  # fmt: skip


@pytest.mark.parametrize("columns", FORBIDDEN, ids=" ".join)
def test_what_the_protocol_does_not_allow_is_not_encoded(columns: dict[str, Any]) -> None:
    """The structs refuse the same."""
    assert encoded_block(changed()) is not None
    rows = changed(**columns)
    assert encoded_block(rows) is None
    block = market_block(rows)
    assert block is not None
    with pytest.raises(msgspec.ValidationError):
        block.message(0)


ODD: list[dict[str, Any]] = [
    {"price": pl.lit(None, pl.Float64)}, {"symbol": pl.lit(None, pl.String)}, {"exchange": pl.lit(None, pl.String)},
    {"bids": pl.lit(None)}, {"trades": pl.lit(None)}, {"last_trade": pl.lit(None)},
    {"price": pl.lit(1, pl.Int64)}, {"price": pl.lit(1.0, pl.Float32)}, {"more": pl.lit(1)},
    nested("bids", "venue", "X"), nested("trades", "venue", "X"), nested("last_trade", "venue", None),
    nested("last_trade", "side", "NEITHER"), nested("trades", "side", None), nested("bids", "price", None),
]  # fmt: skip


@pytest.mark.parametrize("columns", ODD, ids=" ".join)
def test_values_that_it_does_not_know_are_left_to_others(columns: dict[str, Any]) -> None:
    assert encoded_block(changed(**columns)) is None


def test_a_text_that_is_not_utf_8_is_not_encoded() -> None:
    rows = changed()
    broken = pa.array([b"\xff", b"\xfe"]).view(pa.string())
    at = rows.column_names.index("exchange")
    assert encoded_block(rows.set_column(at, "exchange", broken)) is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_encodes_nothing() -> None:
    """The threads of polars are not there, and it would wait for them for ever."""
    rows = changed()
    assert encoded_block(rows) is not None
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(60)
        os._exit(0 if encoded_block(rows) is None and market_block(rows) is not None else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
