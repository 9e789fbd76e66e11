"""Plain messages read as they decode, and what is not plain is left out without a trace."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import msgspec
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hftlab.errors import MessageParseError
from hftlab.protocol import JSON, MarketData
from hftlab.session import tables
from hftlab.session.market_data_columns import plain_columns
from hftlab.session.table_ids import TableId
from hftlab.session.tables import TABLES
from tests import strategies
from tests.protocol.conftest import level, market_data, symbol, trade
from tests.session.foreign_json import respelled
from tests.session.market_data_rows import keys_of, same, slow_rows


@pytest.fixture(scope="module", params=[0, 2**40], ids=["compiled", "few"], autouse=True)
def compiled_from(request: pytest.FixtureRequest) -> Iterator[int]:
    """Read in both ways: as the table does with many bytes, and as it does with few."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "_COMPILED_FROM", request.param)
        yield request.param


TABLE: Any = TABLES[TableId.MARKET_DATA]
RICH = market_data(
    symbol(bids=[level(1.5), level(1.25)], asks=[], last_trade=trade(2.0), trades=[trade(2.0), trade(3.0)]),
    symbol("MSFT", 20.0),
    symbol("A1", bids=None, asks=[level(9.0)], trades=[]),
    id="x",
    channel=3,
    sequence=5,
    ts_recv=1.5,
    snapshot=True,
)
PLAIN = JSON.encode(RICH)
BARE = JSON.encode(market_data(symbol("Z")))


def reads_as_it_decodes(*payloads: bytes) -> bool:
    keys = keys_of(len(payloads))
    return same(TABLE.rows(payloads, keys), slow_rows(payloads, keys))


def is_plain(payload: bytes) -> bool:
    return bool(plain_columns([payload]).is_plain.item())


class TestPlain:
    def test_every_field_is_read(self) -> None:
        assert plain_columns([PLAIN, BARE]).is_plain.all()
        assert reads_as_it_decodes(PLAIN, BARE, PLAIN)

    def test_messages_of_several_pieces_stay_in_order(self) -> None:
        """Five megabytes are more than what is read at a time; one message among them is not plain."""
        payloads = [PLAIN, BARE] * (5_000_000 // (len(PLAIN) + len(BARE)))
        payloads[len(payloads) // 2] = PLAIN.replace(b'"id":"x"', b'"id":"\\u0041"')
        assert plain_columns(payloads).is_plain.sum() == len(payloads) - 1
        assert reads_as_it_decodes(*payloads)

    def test_no_messages_are_no_rows(self) -> None:
        rows = TABLE.rows([], keys_of(0))
        assert rows.is_empty()
        assert rows.schema == TABLE.schema

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (b",", b" ,\r\n\t "),
            (b":", b" : "),
            (b"[]", b"[ \n ]"),
            (b'"id":"x"', b'"id":null'),
            (b'"channel":3', b'"channel":null'),
            (b'"sequence":5', b'"sequence":null'),
            (b'"tsRecv":1.5', b'"tsRecv":null'),
            (b'"snapshot":true', b'"snapshot":false'),
            (b'"asks":[]', b'"asks":null'),
            (b'"trades":[]', b'"trades":null'),
            (b'"price":10.0', b'"price":10'),
            (b'"price":10.0', b'"price":1E1'),
            (b'"price":10.0', b'"price":100e-1'),
            (b'"price":10.0', b'"price":10.000000000000002'),
            (b'"price":10.0', b'"price":0.00000000000012345678901234567'),
            (b'"change":1.0', b'"change":-0'),
            (b'"change":1.0', b'"change":-0.0'),
            (b'"change":1.0', b'"change":-999999999999999999'),
            (b'"change":1.0', b'"change":2.2250738585072014e-250'),
            (b'"id":"x"', b'"id":"12345678"'),
            (b'"id":"x"', b'"id":"' + bytes(range(0x23, 0x5C)) + b"]" * 40 + b'"'),
        ],
    )
    def test_a_spelling_that_is_plain_reads_as_it_decodes(self, old: bytes, new: bytes) -> None:
        payload = PLAIN.replace(old, new)
        assert payload != PLAIN
        assert is_plain(payload)
        assert reads_as_it_decodes(BARE, payload, BARE)


class TestNotPlain:
    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (b'"id":"x"', b'"id":"x","unknown":1'),
            (b'"orders":1', b'"orders":1,"unknown":1'),
            (b'"orders":1', b'"orders":9,"orders":1'),
            (b'"sequence":5', b'"sequence":4,"sequence":5'),
            (b'"symbol":"AAPL"', b'"symbol":"MSFT","symbol":"AAPL"'),
            (b'"side":"BUY"', b'"side":"SELL","side":"BUY"'),
            (b'"side":"BUY"', b'"s\\u0069de":"BUY"'),
            (b'"id":"x"', b'"id":"\\u0041"'),
            (b'"id":"x"', '"id":"行情"'.encode()),
            (b'"change":1.0', b'"change":-0e0'),
            (b'"change":1.0', b'"change":1.000000000000000000000000000001'),
            (b'"change":1.0', b'"change":1e-320'),
        ],
    )
    def test_a_spelling_that_is_not_plain_reads_as_it_decodes(self, old: bytes, new: bytes) -> None:
        payload = PLAIN.replace(old, new)
        assert payload != PLAIN
        assert not is_plain(payload)
        assert reads_as_it_decodes(BARE, payload, BARE)

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (b'"timestamp"', b'"timestamq"'),
            (b'"type":"MARKET_DATA"', b'"type":"HEARTBEAT"'),
            (b'"type":"MARKET_DATA",', b""),
            (b'"snapshot":true', b'"snapshot":null'),
            (b'"snapshot":true', b'"snapshot":tru'),
            (b'"side":"BUY"', b'"side":"BOTH"'),
            (b'"side":"BUY"', b'"side":null'),
            (b'"price":10.0', b'"price":10.'),
            (b'"price":10.0', b'"price":.5'),
            (b'"price":10.0', b'"price":010.0'),
            (b'"price":10.0', b'"price":+10.0'),
            (b'"price":10.0', b'"price":1e'),
            (b'"price":10.0', b'"price":1e999'),
            (b'"price":10.0', b'"price":-'),
            (b'"price":10.0', b'"price":null'),
            (b'"price":10.0', b'"price":"10.0"'),
            (b'"price":10.0', b'"price":10.0"'),
            (b'"price":10.0,', b""),
            (b'"orders":1', b'"orders":1.0'),
            (b'"orders":1', b'"orders":1e0'),
            (b'"orders":1', b'"orders":01'),
            (b'"orders":1', b'"orders":-1'),
            (b'"orders":1', b'"orders":9999999999999999'),
            (b'"orders":1', b'"orders":99999999999999999999'),
            (b'"id":"x"', b'"id":"\x01"'),
            (b'"id":"x"', b'"id":"\x00"'),
            (b'"id":"x"', b'"id":7'),
            (b'"bids":[', b'"bids":[,'),
            (b'"asks":[]', b'"asks":[}'),
            (b'"asks":[]', b'"asks":{}'),
            (b'"trades":[]', b'"trades":['),
            (b'"symbols":[', b'"symbols":[null,'),
            (b"}]}", b"}]}}"),
            (b"}]}", b"}]"),
            (b"}]}", b"}],}"),
            (b'{"type"', b'["type"'),
            (b'{"type"', b'\x00{"type"'),
        ],
    )
    def test_what_does_not_decode_has_no_row_and_a_reason(self, old: bytes, new: bytes) -> None:
        payload = PLAIN.replace(old, new)
        assert payload != PLAIN
        with pytest.raises(MessageParseError) as caught:
            JSON.decode(payload)
            raise MessageParseError("another type")
        frame, reasons = TABLE.read([BARE, payload, PLAIN], keys_of(3))
        assert list(reasons) == [1]
        assert str(caught.value) in {reasons[1], "another type"}
        assert frame["message"].unique(maintain_order=True).to_list() == [0, 2]


@settings(max_examples=30, deadline=None)
@given(st.lists(strategies.market_data(), min_size=1, max_size=6), st.integers(0, 2**32))
def test_any_messages_in_any_spelling_read_as_they_decode(messages: list[MarketData], seed: int) -> None:
    chance = random.Random(seed)
    payloads = [chance.choice([JSON.encode, lambda one: respelled(one, chance)])(message) for message in messages]
    assert reads_as_it_decodes(*payloads)


@given(
    st.sampled_from([PLAIN, BARE]),
    st.lists(
        st.tuples(st.integers(0, 2000), st.sampled_from(list(b'\0 \t\n"\\{}[],:.-+eE0159ntfalsu\xff\x7f'))), max_size=3
    ),
    st.integers(0, 2000),
    st.booleans(),
)
def test_damaged_text_is_never_taken_for_something_else(
    compiled_from: int, text: bytes, changes: list[tuple[int, int]], cut: int, is_cut: bool
) -> None:
    """The messages before and behind it are untouched, and whatever is read of it is what JSON says."""
    damaged = bytearray(text)
    for place, byte in changes:
        damaged[place % len(damaged)] = byte
    payload = bytes(damaged[: cut % len(damaged)] if is_cut else damaged)
    frame, reasons = TABLE.read([PLAIN, payload, BARE], keys_of(3))
    around = frame.filter(pl.col("message") != 1)
    assert same(around, slow_rows([PLAIN, BARE], keys_of(3)[[0, 2]]))
    try:
        assert isinstance(JSON.decode(payload), MarketData)
    except MessageParseError:
        if not compiled_from and is_plain(payload):  # within JSON, if not within the bounds of a field
            msgspec.json.decode(payload)
            assert json.loads(payload)["symbols"][0]["price"] == frame.filter(pl.col("message") == 1)["price"][0]
        else:
            assert reasons.keys() == {1}
    else:
        assert same(frame, slow_rows([PLAIN, payload, BARE], keys_of(3)))
