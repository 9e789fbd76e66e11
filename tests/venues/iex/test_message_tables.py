from __future__ import annotations

import struct
from collections import Counter
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hftlab.venues.iex import message_bytes, packet_bytes
from hftlab.venues.iex.layouts import HEADER, LAYOUTS
from hftlab.venues.iex.message_tables import MessageTables
from tests.venues.iex.captures import CAPTURES, real_segments
from tests.venues.iex.oracle import FORMATS, SIZES, message_of, segment
from tests.venues.iex.streams import STREAMS, datagrams


def bodies(kind: str) -> st.SearchStrategy[bytes]:
    size = SIZES[kind]
    return st.binary(min_size=size - 1, max_size=size - 1).map(lambda rest: kind.encode() + rest)


SEGMENTS = st.lists(st.lists(st.sampled_from(sorted(SIZES)).flatmap(bodies), max_size=4), max_size=6).map(
    lambda lists: [segment(*some, sequence=number) for number, some in enumerate(lists)]
)


def tables_of(name: str) -> dict[str, pl.DataFrame]:
    return MessageTables().tables(datagrams(real_segments(name)))


class TestLayouts:
    def test_are_those_of_the_oracles_table(self) -> None:
        assert {letter: layout.size for letter, layout in LAYOUTS.items()} == SIZES
        assert HEADER.size == 40

    @pytest.mark.parametrize("kind", sorted(LAYOUTS))
    def test_have_their_fields_where_the_oracle_has_them(self, kind: str) -> None:
        widths = [struct.calcsize("<" + letter) for letter in FORMATS[kind][1:].replace("8s", "d").replace("4s", "f")]
        assert [field.width for field in LAYOUTS[kind].fields] == widths


# What the bytes of the captures say at the offsets of the specification's tables, read by hand. A time such as
# 1e 77 11 15 61 55 fa 17 is written from its highest byte on.
HEADERS = {
    "iex/DeepPlus/a_AddOrder.pcap": (1, 0x8005, 1, 0x4E1D0000, 0x28, 1, 0xF49CD, 0xB82E, 0x17FA5561169E28DB),
    "iex/DeepPlus/D_SecurityDirectory.pcap": (1, 0x8005, 1, 0x4E1D0000, 0x589, 66, 0xF329E, 0xB718, 0x17FA45BA7BC9A16A),
    "iex/DeepPlus/H_TradingStatus.pcap": (1, 0x8005, 1, 0x4E1D0000, 0x585, 67, 0, 1, 0x17FA45B7DE584A74),
    "iex/DeepPlus/L_OrderExecuted.pcap": (1, 0x8005, 1, 0x4E1D0000, 0x90, 3, 0xF4BF1, 0xB83C, 0x17FA5568804F909B),
    "iex/Tops.v1.6/QuoteUpdateMessage.pcap": (
        1, 0x8003, 1, 0x44960000, 0x2C, 1, 0x1905DE, 0xC29D, 0x150DB3379CF7F143,
    ),
}  # fmt: skip
ROWS: list[tuple[str, str, int, dict[str, Any]]] = [
    (
        "DeepPlus/a_AddOrder", "a", 0,
        {"side": "5", "timestamp": 0x17FA55611511771E, "symbol": "IBKR", "order_id": 0x0063_0000_0000_000A,
         "size": 0x64, "price": Decimal("136.50")},
    ),
    (
        "DeepPlus/M_OrderModify", "M", 0,
        {"modify_flags": 0, "timestamp": 0x17FA55A436848BCE, "symbol": "IBKR",
         "order_id_reference": 0x0063_0000_0000_00AE, "size": 0xC8, "price": Decimal("138.33")},
    ),
    (
        "DeepPlus/R_OrderDelete", "R", 0,
        {"reserved": "", "timestamp": 0x17FA5561C2FE974A, "symbol": "IBKR",
         "order_id_reference": 0x0063_0000_0000_000A},
    ),
    (
        "DeepPlus/L_OrderExecuted", "L", 0,
        {"sale_condition_flags": 0x40, "timestamp": 0x17FA55687C8E379C, "symbol": "IBKR",
         "order_id_reference": 0x0063_0000_0000_000D, "size": 0x64, "price": Decimal("138.00"),
         "trade_id": 0x0063_0000_0000_0018},
    ),
    (
        "DeepPlus/L_OrderExecuted", "L", 1,
        {"timestamp": 0x17FA55687D178B92, "order_id_reference": 0x0063_0000_0000_000E,
         "trade_id": 0x0063_0000_0000_001A},
    ),
    (
        "DeepPlus/L_OrderExecuted", "L", 2,
        {"timestamp": 0x17FA55687DA0D8E5, "order_id_reference": 0x0063_0000_0000_000F,
         "trade_id": 0x0063_0000_0000_001C},
    ),
    (
        "DeepPlus/T_Trade", "T", 0,
        {"sale_condition_flags": 0x40, "timestamp": 0x17FA558ABA4FFDEC, "symbol": "IBKR", "size": 0x64,
         "price": Decimal("137.33"), "trade_id": 0x0063_0000_0000_0090},
    ),
    ("DeepPlus/T_Trade", "T", 1, {"timestamp": 0x17FA558ABAF7DBAE, "trade_id": 0x0063_0000_0000_0092}),
    ("DeepPlus/T_Trade", "T", 2, {"timestamp": 0x17FA558ABBBE34D8, "trade_id": 0x0063_0000_0000_0094}),
    ("DeepPlus/T_Trade", "T", 3, {"timestamp": 0x17FA558ABC479007, "trade_id": 0x0063_0000_0000_0096}),
    (
        "DeepPlus/B_TradeBreak", "B", 0,
        {"sale_condition_flags": 0, "timestamp": 0x17FA5828DDE42827, "symbol": "TFC", "size": 0x64,
         "price": Decimal("42.20"), "trade_id": 0x0063_0000_0000_01EE},
    ),
    ("DeepPlus/S_SystemEvent", "S", 0, {"system_event": "O", "timestamp": 0x17FA45B7DE583665}),
    (
        "DeepPlus/D_SecurityDirectory", "D", 0,
        {"flags": 0x80, "timestamp": 0x17FA45BA7BC99CEC, "symbol": "ZEXIT", "round_lot_size": 100,
         "adjusted_poc_price": Decimal("10"), "luld_tier": 1},
    ),
    (
        "DeepPlus/H_TradingStatus", "H", 0,
        {"trading_status": "T", "timestamp": 0x17FA45B7DE583665, "symbol": "A", "reason": ""},
    ),
    ("DeepPlus/H_TradingStatus", "H", 15, {"timestamp": 0x17FA45B7DE5849E5, "symbol": "AAIC-C"}),
    (
        "DeepPlus/I_RetailLiquidityIndicator", "I", 0,
        {"retail_liquidity_indicator": "", "timestamp": 0x17FA45B7DE583665, "symbol": "A"},
    ),
    (
        "DeepPlus/O_OperationalHaltStatus", "O", 16,
        {"operational_halt_status": "N", "timestamp": 0x17FA45B7DE584A74, "symbol": "AAIN"},
    ),
    (
        "DeepPlus/P_ShortSalePriceTestStatus", "P", 0,
        {"short_sale_price_test_status": 0, "timestamp": 0x17FA45B7DE583665, "symbol": "A", "detail": ""},
    ),
    ("DeepPlus/E_SecurityEvent", "E", 0, {"security_event": "O", "timestamp": 0x17FA574E1ECA7F30, "symbol": "A"}),
    ("DeepPlus/E_SecurityEvent", "E", 34, {"timestamp": 0x17FA574E1ECA7F30, "symbol": "ACOR"}),
    (
        "Tops.v1.6/QuoteUpdateMessage", "Q", 0,
        {"flags": 0, "timestamp": 0x150DB3379CE348C0, "symbol": "ATSG", "bid_size": 18_773,
         "bid_price": Decimal("24.19"), "ask_price": Decimal("24.25"), "ask_size": 60_677},
    ),
]  # fmt: skip


class TestRealPackets:
    @pytest.mark.parametrize("name", HEADERS)
    def test_have_the_headers_that_their_bytes_say(self, name: str) -> None:
        row = tables_of(name)["packet"].row(0, named=True)
        names = (
            "version", "message_protocol_id", "channel_id", "session_id", "payload_length", "message_count",
            "stream_offset", "first_message_sequence_number", "send_time",
        )  # fmt: skip
        assert tuple(row[one] for one in names) == HEADERS[name]

    @pytest.mark.parametrize(("name", "letter", "number", "fields"), ROWS)
    def test_have_the_fields_that_their_bytes_say(
        self, name: str, letter: str, number: int, fields: dict[str, Any]
    ) -> None:
        row = tables_of(f"iex/{name}.pcap")[letter].row(number, named=True)
        assert {one: row[one] for one in fields} == fields

    def test_of_every_type_are_all_there(self) -> None:
        tables = tables_of("iex/DeepPlus/all_message_types.pcap")
        assert {letter: frame.height for letter, frame in tables.items()} == {
            "packet": 13, "B": 1, "D": 1, "E": 35, "H": 97, "I": 96, "L": 3, "M": 1, "O": 101, "P": 101, "R": 1, "S": 5,
            "T": 4, "a": 1,
        }  # fmt: skip

    @pytest.mark.parametrize("name", CAPTURES)
    def test_are_the_same_when_they_are_encoded_again(self, name: str) -> None:
        segments = real_segments(name)
        assert packet_bytes(MessageTables().tables(datagrams(segments))) == segments

    @pytest.mark.parametrize("name", CAPTURES)
    def test_have_the_messages_that_a_walk_finds(self, name: str) -> None:
        found: Counter[str] = Counter()
        for one in real_segments(name):
            at = 40
            while at < len(one):
                found[chr(one[at + 2])] += 1
                at += 2 + int.from_bytes(one[at : at + 2], "little")
        tables = tables_of(name)
        assert {letter: frame.height for letter, frame in tables.items() if letter != "packet"} == found


class TestTables:
    @given(SEGMENTS)
    @example([])
    def test_give_the_same_segments_when_they_are_encoded_again(self, segments: list[bytes]) -> None:
        frames = MessageTables().tables(datagrams(segments))
        assert (packet_bytes(frames) if frames else []) == segments

    @given(STREAMS)
    def test_of_streams_have_the_known_messages(self, segments: list[bytes]) -> None:
        MessageTables().tables(datagrams(segments))

    def test_run_on_from_part_to_part(self) -> None:
        tables, add = MessageTables(), message_of("a", symbol=b"IBKR    ")
        first, second = (tables.tables(datagrams([segment(add, add), segment(add)])) for _ in range(2))
        assert first["a"]["number"].to_list() == [1, 2, 3]
        assert second["a"]["number"].to_list() == [4, 5, 6]
        assert second["a"]["packet"].to_list() == [3, 3, 4]

    def test_leave_out_what_is_unknown_short_or_not_a_segment(self) -> None:
        add = message_of("a", symbol=b"IBKR    ")
        frames = MessageTables().tables(datagrams([b"hello, world", segment(add[:-1], b"z", add)]))
        assert frames["a"]["number"].to_list() == [3]
        assert set(frames) == {"packet", "a"}


class TestMessageBytes:
    def test_are_little_endian_and_padded(self) -> None:
        made = message_bytes(
            "a", side="8", timestamp=0x0102030405060708, symbol="ABC", order_id=0x1112131415161718, size=0x21222324,
            price=0x3132333435363738,
        )  # fmt: skip
        assert made.hex(" ") == (
            "26 00 61 38 08 07 06 05 04 03 02 01 41 42 43 20 20 20 20 20 18 17 16 15 14 13 12 11 24 23 22 21 "
            "38 37 36 35 34 33 32 31"
        )

    def test_of_unknown_types_and_fields_raise(self) -> None:
        with pytest.raises(KeyError):
            message_bytes("z")
        with pytest.raises(KeyError, match="system_event has no field symbol"):
            message_bytes("S", symbol="A")
