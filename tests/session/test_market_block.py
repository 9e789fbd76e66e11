"""Messages that are made of columns are those that the table itself makes."""

from __future__ import annotations

import msgspec
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.protocol import JSON, MarketData
from hftlab.session.market_block import market_block
from hftlab.session.table_ids import TableId
from hftlab.session.tables import KEYS, TABLES
from tests import strategies
from tests.protocol.conftest import market_data, symbol, trade

TABLE = TABLES[TableId.MARKET_DATA]


def rows_of(messages: list[MarketData]) -> pl.DataFrame:
    keys = [(2 * number, 10 + number, None, None, None) for number in range(len(messages))]
    return TABLE.rows([JSON.encode(message) for message in messages], pl.DataFrame(keys, schema=KEYS, orient="row"))


def arrow(rows: pl.DataFrame) -> pa.Table:
    return rows.to_arrow(compat_level=pl.CompatLevel.oldest())


def with_symbols() -> st.SearchStrategy[MarketData]:
    return strategies.of(MarketData, timestamp=strategies.timestamps()).filter(lambda message: bool(message.symbols))


@given(st.lists(with_symbols(), min_size=1, max_size=6))
def test_every_bit_is_that_of_the_table(messages: list[MarketData]) -> None:
    """Compared as JSON, which tells 0.0 from -0.0, and what is empty from what is absent."""
    rows = rows_of(messages)
    block = market_block(arrow(rows))
    assert block is not None
    expected = TABLE.messages(rows)
    got = [JSON.encode(block.message(index)) for index in range(len(block.numbers))]
    assert got == [JSON.encode(decoded.message) for decoded in expected]
    assert block.numbers == [decoded.number for decoded in expected]
    assert block.times == [decoded.ts_recv for decoded in expected]


def test_a_slice_of_a_longer_table_is_read_from_its_own_beginning() -> None:
    """Arrow slices share the buffers of the whole."""
    messages = [market_data(symbol(name, 2.0, last_trade=trade(3.0), bids=[])) for name in "ABCDEF"]
    whole = arrow(rows_of(messages))
    block = market_block(whole.slice(2, 3))
    assert block is not None
    assert [block.message(index).symbols[0].symbol for index in range(3)] == ["C", "D", "E"]


def test_a_column_that_it_does_not_know_is_left_to_the_table() -> None:
    rows = rows_of([market_data(symbol())])
    assert market_block(arrow(rows.with_columns(more=pl.lit(1)))) is None
    assert market_block(arrow(rows.with_columns(more=pl.lit(None, pl.Int64)))) is not None
    assert market_block(arrow(rows.drop("trades"))) is None


@pytest.mark.parametrize("name", ["price", "symbol", "ts_out"])
def test_a_value_that_is_missing_is_left_to_the_table(name: str) -> None:
    rows = rows_of([market_data(symbol())])
    kind = rows.schema[name]
    assert market_block(arrow(rows.with_columns(pl.lit(None, kind).alias(name)))) is None


def test_a_value_out_of_bounds_does_not_become_a_message() -> None:
    block = market_block(arrow(rows_of([market_data(symbol())]).with_columns(price=float("nan"))))
    assert block is not None
    with pytest.raises(msgspec.ValidationError, match="price"):
        block.message(0)
