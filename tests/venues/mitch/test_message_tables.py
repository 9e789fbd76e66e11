from __future__ import annotations

import struct
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hftlab.venues.mitch import message_bytes, packet_bytes
from hftlab.venues.mitch.layouts import HEADER, LAYOUTS
from hftlab.venues.mitch.message_tables import MessageTables
from tests.venues.mitch.oracle import FORMATS, SIZES, message_of
from tests.venues.mitch.streams import STREAMS, datagrams, unit

ADD = message_of(
    0x41, ns=123_456_000, order=2**63 + 1, side=b"S", size=100, number=7, price=47_215_000_000, flags=16
)  # fmt: skip


def bodies(kind: int) -> st.SearchStrategy[bytes]:
    size = SIZES[kind]
    return st.binary(min_size=size - 2, max_size=size - 2).map(lambda rest: bytes([size, kind]) + rest)


UNITS = st.lists(st.lists(st.sampled_from(sorted(SIZES)).flatmap(bodies), max_size=4), max_size=6).map(
    lambda lists: [unit(*some, sequence=number) for number, some in enumerate(lists)]
)


class TestLayouts:
    def test_are_those_of_the_oracles_table(self) -> None:
        assert {int(kind, 16): layout.size for kind, layout in LAYOUTS.items()} == SIZES
        assert HEADER.size == 8

    @pytest.mark.parametrize("kind", sorted(LAYOUTS))
    def test_have_their_fields_where_the_oracle_has_them(self, kind: str) -> None:
        """Every edge between two fields of the oracle is one of the layout, and every number is as wide."""
        edges = {field.offset: field for field in LAYOUTS[kind].fields}
        at = 0
        for part in _parts(FORMATS[int(kind, 16)]):
            assert at in edges, (kind, at)
            if part in "BHIQq":
                assert edges[at].width == struct.calcsize("<" + part)
                assert edges[at].is_signed == (part == "q")
            at += struct.calcsize("<" + part)


def _parts(text: str) -> list[str]:
    parts, digits = [], ""
    for letter in text[1:]:
        if letter.isdigit():
            digits += letter
        else:
            parts.append(digits + letter)
            digits = ""
    return parts


class TestTables:
    def test_give_every_field_by_its_name(self) -> None:
        frames = MessageTables().tables(datagrams([unit(ADD, sequence=9)]))
        assert frames["0x41"].row(0, named=True) == {
            "number": 1, "packet": 1, "ts_recv": 0, "sequence": 9, "nanosecond": 123_456_000, "order_id": 2**63 + 1,
            "side": "S", "quantity": 100, "instrument_id": 7, "reserved_1": "\0", "reserved_2": "\0",
            "price": Decimal("472.15"), "flags": 16,
            "reserved_3": "\0" * 10,
        }  # fmt: skip
        assert frames["packet"].row(0, named=True) == {
            "packet": 1, "ts_recv": 0, "length": 52, "message_count": 1, "market_data_group": "A", "sequence_number": 9,
        }  # fmt: skip

    def test_have_trades_and_breaks_of_earlier_issues(self) -> None:
        trade = message_of(
            0x78, ns=5, size=1000, number=7, price=47_215_000_000, match=9, type=b"OK", time=b"08:00:01",
            date=b"08122014", currency=b"GBX", original=47_000_000_000, venue=b"XLON", flags=1,
        )  # fmt: skip
        broken = message_of(0x42, ns=6, match=9, type=b"N", number=7)
        frames = MessageTables().tables(datagrams([unit(trade, broken)]))
        row = frames["0x78"].row(0, named=True)
        assert len(trade) == 70
        assert (row["price"], row["original_price"]) == (Decimal("472.15"), Decimal(470))
        assert (row["off_book_trade_type"].rstrip("\0"), row["trade_time"]) == ("OK", "08:00:01")
        assert (row["trade_date"], row["execution_venue"].rstrip("\0"), row["flags"]) == ("08122014", "XLON", 1)
        assert frames["0x42"].select("trade_match_id", "trade_type", "instrument_id").row(0) == (9, "N", 7)

    def test_have_negative_prices(self) -> None:
        trade = message_of(0x50, price=-1)
        assert MessageTables().tables(datagrams([unit(trade)]))["0x50"]["price"].item() == Decimal("-0.00000001")

    def test_run_on_from_part_to_part(self) -> None:
        tables = MessageTables()
        first, second = (tables.tables(datagrams([unit(ADD, ADD), unit(ADD)])) for _ in range(2))
        assert first["0x41"]["number"].to_list() == [1, 2, 3]
        assert second["0x41"]["number"].to_list() == [4, 5, 6]
        assert second["0x41"]["packet"].to_list() == [3, 3, 4]

    def test_leave_out_what_is_unknown_short_or_not_a_unit(self) -> None:
        short, unknown = bytes([20]) + ADD[1:20], b"\x03\xfe\x00"
        frames = MessageTables().tables(datagrams([b"hello, world", unit(short, unknown, ADD)]))
        assert frames["0x41"].height == 1
        assert frames["0x41"]["number"].item() == 3
        assert set(frames) == {"packet", "0x41"}

    @given(UNITS)
    @example([])
    def test_give_the_same_units_when_they_are_encoded_again(self, units: list[bytes]) -> None:
        frames = MessageTables().tables(datagrams(units))
        assert (packet_bytes(frames) if frames else []) == units

    @given(STREAMS)
    def test_of_streams_have_the_known_messages(self, units: list[bytes]) -> None:
        MessageTables().tables(datagrams(units))


class TestMessageBytes:
    def test_are_those_of_the_oracles_table(self) -> None:
        made = message_bytes(
            "0x41", nanosecond=123_456_000, order_id=2**63 + 1, side="S", quantity=100, instrument_id=7,
            price=47_215_000_000, flags=16,
        )  # fmt: skip
        assert made == ADD[:23] + b"  " + ADD[25:34] + b" " * 10

    def test_of_unknown_types_and_fields_raise(self) -> None:
        with pytest.raises(KeyError):
            message_bytes("0x43x")
        with pytest.raises(KeyError, match="time has no field minutes"):
            message_bytes("0x54", minutes=1)
        with pytest.raises(OverflowError):
            message_bytes("0x54", seconds=2**32)
