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
from hftlab.session.json_lines import Header, decoded_lines, exact_columns, read_headers, read_type
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


def json_columns(payloads: list[bytes]) -> pl.DataFrame:
    """Read the payloads in the faster way if it is exact, in the other one if not; both have the same values."""
    decoded = decoded_lines(payloads, MarketData)
    assert decoded.places == list(range(len(payloads)))
    frame = pl.read_ndjson(b"\n".join(decoded.lines), schema=SCHEMA)
    exact = exact_columns(payloads, SCHEMA, MarketData)
    assert exact is None or exact.equals(frame)
    return frame


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
        assert json_columns([PLAIN, foreign, PLAIN]).equals(expected(PLAIN, foreign, PLAIN))

    def test_one_foreign_spelling_far_behind_the_first_messages_is_found(self) -> None:
        payloads = [PLAIN] * 500
        payloads[400] = PLAIN.replace(b'"sequence":5', b'"sequence":4,"sequence":5')
        assert json_columns(payloads)["sequence"].to_list() == [5] * 500

        assert exact_columns(payloads, SCHEMA, MarketData) is None

    def test_hftlabs_own_spelling_needs_no_decoding(self) -> None:
        """A spelling that differs by line breaks, or by spaces after colons, needs none either."""
        payloads = [PLAIN, PLAIN.replace(b",", b",\n"), PLAIN.replace(b":", b": ")]
        exact = exact_columns(payloads, SCHEMA, MarketData)
        assert exact is not None
        assert exact.equals(expected(*payloads))


class TestReasons:
    def test_what_a_row_does_not_say_is_named(self) -> None:
        unknown = PLAIN.replace(b'"id":"x"', b'"id":"x","foo":1e999').replace(b'"orders":1', b'"orders":1,"bar":{}')
        decoded = decoded_lines([PLAIN, unknown, b"{", PLAIN, JSON.encode(Heartbeat(timestamp=1.0))], MarketData)
        assert decoded.places == [0, 1, 3]
        assert decoded.lines == [PLAIN] * 3
        assert decoded.reasons.keys() == {1, 2, 4}
        assert decoded.reasons[1] == "unknown fields: foo, symbols[0].bids[0].bar"
        assert "not valid JSON" in decoded.reasons[2]
        assert "HEARTBEAT" in decoded.reasons[4]

    def test_many_unknown_fields_are_counted(self) -> None:
        fields = b"".join(b'"f%d":0,' % number for number in range(1021))
        decoded = decoded_lines([PLAIN.replace(b'"id"', fields + b'"id"')], MarketData)
        assert decoded.reasons[0].endswith("f18, f19 and 1,001 more")


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b'{"x":1,"type":"FOO"}', "FOO"),
        (b'{"type":7}', None),
        (b'{"type":"A\\u0000"}', None),
        (b'{"type":"FOO"', None),
        (b"[" * 5000, None),
        (b'{"type":"\xff"}', None),
        (b"[]", None),
        (b"", None),
    ],
)
def test_the_type_of_what_does_not_decode_is_read_where_it_can_be(payload: bytes, expected: str | None) -> None:
    assert read_type(payload) == expected


class TestHeaders:
    def test_type_and_symbol_are_read(self) -> None:
        payloads = [b'{"type":\n"A","symbol":"B","x":{"type":1}}', b'{"x":true,"type":"C"}']
        assert read_headers(payloads) == [Header("A", "B"), Header("C", None)]

    def test_a_field_of_that_name_in_a_type_without_it_may_hold_anything(self) -> None:
        payload = JSON.encode(Heartbeat(timestamp=1.0)).replace(b"1.0", b'1.0,"symbol":"\xff"')
        assert read_headers([payload]) == [Header("HEARTBEAT", None)]


@settings(max_examples=30)
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
