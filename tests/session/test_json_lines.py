"""Recorded JSON is read as msgspec decodes it, however another implementation has written it."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hftlab.protocol import JSON, Heartbeat, MarketData, Message
from hftlab.session import SessionWriter, open_session
from hftlab.session.json_lines import Header, json_columns, read_headers
from hftlab.session.schema import wire_schema
from tests import strategies
from tests.protocol.conftest import level, market_data, symbol
from tests.session.foreign_json import respelled
from tests.session.sessions import replayed

MESSAGE = market_data(symbol(bids=[level(1.0)], asks=None), id="x", sequence=5)
PLAIN = JSON.encode(MESSAGE)
SCHEMA = wire_schema(MarketData)


def expected(*payloads: bytes) -> pl.DataFrame:
    """Decode the payloads, encode them in hftlab's own spelling, and read that as columns."""
    return pl.read_ndjson(b"\n".join(JSON.encode(JSON.decode(payload)) for payload in payloads), schema=SCHEMA)


class TestColumns:
    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (b",", b",\n"),
            (b":", b" : "),
            (b'"sequence":5', b'"sequence":4,"sequence":5'),
            (b'"sequence":5', b'"sequence" :4,"sequence":5'),
            (b'"sequence":5', b'"sequence":\t4,"sequence"\t:5'),
            (b'"symbol":"AAPL"', b'"symbol":"MSFT","symbol":"AAPL"'),
            (b'"orders":1', b'"orders":9,"orders":1'),
            (b'"symbols":[', b'"symbols":[],"symbols":['),
            (b'"id":"x"', b'"id":"x","unknown":1e999'),
            (b'"id":"x"', b'"id":"x","unknown":"\xff"'),
            (b'"id":"x"', b'"id":"\\":\\u00e9"'),
            (b'"id":"x"', b'"id":null,"channel":null'),
            (b'"price":10.0', b'"price":10'),
            (b'"change":1.0', b'"change":-0'),
            (b'"change":1.0', b'"change":-0.0'),
            (b'"change":1.0', b'"change":-999999999999999999'),
            (b'"price":10.0', b'"price":1.0000000000000000000000001e+1'),
        ],
    )
    def test_a_foreign_spelling_reads_as_it_decodes(self, old: bytes, new: bytes) -> None:
        """Each spelling stands between two messages in hftlab's own."""
        foreign = PLAIN.replace(old, new)
        assert foreign != PLAIN
        assert json_columns([PLAIN, foreign, PLAIN], SCHEMA).equals(expected(PLAIN, foreign, PLAIN))

    def test_one_foreign_spelling_far_behind_the_first_messages_is_found(self) -> None:
        payloads = [PLAIN] * 500
        payloads[400] = PLAIN.replace(b'"sequence":5', b'"sequence":4,"sequence":5')
        assert json_columns(payloads, SCHEMA)["sequence"].to_list() == [5] * 500

    def test_hftlabs_own_spelling_is_not_decoded_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A spelling that differs by line breaks, or by spaces after colons, is not decoded either."""
        payloads = [PLAIN, PLAIN.replace(b",", b",\n"), PLAIN.replace(b":", b": ")]
        frame = expected(*payloads)
        monkeypatch.setattr(JSON, "decode", None)
        assert json_columns(payloads, SCHEMA).equals(frame)


class TestHeaders:
    def test_type_and_symbol_are_read(self) -> None:
        payloads = [b'{"type":\n"A","symbol":"B","x":{"type":1}}', b'{"x":true,"type":"C"}']
        assert read_headers(payloads) == [Header("A", "B"), Header("C", None)]

    def test_a_field_of_that_name_in_a_type_without_it_may_hold_anything(self) -> None:
        payload = JSON.encode(Heartbeat(timestamp=1.0)).replace(b"1.0", b'1.0,"symbol":"\xff"')
        assert read_headers([payload]) == [Header("HEARTBEAT", None)]


@settings(max_examples=60)
@given(st.lists(strategies.streamed_messages(), min_size=1, max_size=4), st.integers(0, 2**32))
def test_a_recording_of_foreign_json_replays_as_the_messages_that_it_decoded_to(
    messages: list[Message], seed: int
) -> None:
    """Every bit survives the journal and Parquet."""
    payloads = [respelled(message, random.Random(seed + number)) for number, message in enumerate(messages)]
    received = [JSON.decode(payload) for payload in payloads]
    assert [JSON.encode(one) for one in received] == [JSON.encode(one) for one in messages]
    with tempfile.TemporaryDirectory() as folder:
        writer = SessionWriter(Path(folder) / "session", source={})
        for at, (message, payload) in enumerate(zip(received, payloads, strict=True)):
            writer.append(message, at, payload=payload)
        writer.close()
        got = replayed(open_session(writer.folder))
    assert [(at, JSON.encode(message)) for at, message in got] == list(enumerate(map(JSON.encode, messages)))
