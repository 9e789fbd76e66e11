from __future__ import annotations

import struct
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.errors import ArgumentError
from hftlab.venues.nyse import Listing, Version, message_bytes, packet_bytes
from hftlab.venues.nyse.layouts import HEADER, LAYOUTS, VERSIONS
from hftlab.venues.nyse.message_tables import MessageTables, find_version
from tests.venues.nyse.captures import PACKETS, PILLAR, XDP, real_packet
from tests.venues.nyse.oracle import SIZES
from tests.venues.nyse.streams import datagrams, packet

TEXT = st.text(st.characters(codec="ascii", exclude_categories=["C"]), max_size=11)
VERSION_OF: dict[str, Version] = {XDP: "2.1", PILLAR: "2.5"}


def tables(*payloads: bytes, version: Version | None = None) -> dict[str, pl.DataFrame]:
    return MessageTables(version, {}).tables(datagrams(list(payloads)))


def test_layouts_have_the_sizes_of_the_specification() -> None:
    sizes = {version: {int(kind): one.size for kind, one in LAYOUTS[version].by_type.items()} for version in VERSIONS}
    assert sizes == {"2.1": SIZES, "2.5": SIZES | {105: 73}}
    assert HEADER.size == 16


# Values as they stand in the captures, byte by byte, at the offsets of the specification's tables.
REAL: list[tuple[str, str, str, dict[str, Any]]] = [
    (PILLAR, "AddOrder", "packet", {
        "pkt_size": 0x37, "delivery_flag": 0x0B, "number_msgs": 0x01, "seq_num": 0x0000CFB5, "send_time": 0x621684AF,
        "send_time_ns": 0x0A939E00,
    }),
    (PILLAR, "AddOrder", "100", {
        "source_time_ns": 0x0A936400, "symbol_index": 0x1366, "symbol_seq_num": 0x06, "order_id": 0x000101000000A6E9,
        "price": 0x0098BD90, "volume": 0x04B0, "side": "\x42", "firm_id": "", "reserved_1": 0x00,
    }),
    (PILLAR, "CrossTrade", "111", {
        "source_time_ns": 0x220EB700, "symbol_index": 0x6205, "symbol_seq_num": 0x06, "cross_id": 0x0002D1DC,
        "price": 0x00986F70, "volume": 0x64, "cross_type": "\x36",
    }),
    (PILLAR, "CrossTrade", "110", {
        "number": 2, "packet": 1, "sequence": 0x0000D186 + 1,
        "source_time_ns": 0x220EB700, "symbol_index": 0x6205, "symbol_seq_num": 0x07, "trade_id": 0x00016539,
        "price": 0x00986F70, "volume": 0x64, "printable_flag": 0x00, "trade_cond_1": "\x40", "trade_cond_2": "\x36",
        "trade_cond_3": "", "trade_cond_4": "",
    }),
    (PILLAR, "DeleteOrder", "102", {
        "source_time_ns": 0x3AF5EC00, "symbol_index": 0xBEE5, "symbol_seq_num": 0x11, "order_id": 0x000101000000A6AA,
        "reserved_1": 0x00,
    }),
    (PILLAR, "Imbalance", "105", {
        "source_time": 0x62168490, "source_time_ns": 0x0C3C0600, "symbol_index": 0xE6CB, "symbol_seq_num": 0x0E,
        "reference_price": 0x00989680, "paired_qty": 0x0384, "total_imbalance_qty": 0x044C, "market_imbalance_qty": 0,
        "auction_time": 0x057E, "auction_type": "\x43", "imbalance_side": "\x42", "continuous_book_clearing_price": 0,
        "auction_interest_clearing_price": 0, "upper_collar": 0, "lower_collar": 0, "auction_status": 0x00,
        "freeze_status": 0x01, "num_extensions": 0x00, "unpaired_qty": 0x044C, "unpaired_side": "\x42",
        "significant_imbalance": "",
    }),
    (PILLAR, "OrderExecution", "103", {
        "source_time_ns": 0x0CB83900, "symbol_index": 0x159A, "symbol_seq_num": 0x0B, "order_id": 0x000101000000B28C,
        "trade_id": 0x00010C8B, "price": 0x0098BD90, "volume": 0x64, "printable_flag": 0x01, "reserved_1": 0x00,
        "trade_cond_1": "\x40", "trade_cond_2": "", "trade_cond_3": "", "trade_cond_4": "",
    }),
    (PILLAR, "ReplaceOrder", "104", {
        "source_time_ns": 0x1D476D00, "symbol_index": 0xE9AF, "symbol_seq_num": 0x3F, "order_id": 0x000101000000E985,
        "new_order_id": 0x000101000000E9D6, "price": 0x2710, "volume": 0xC8, "side": "", "reserved_2": 0x00,
    }),
    (PILLAR, "SecurityStatus", "34", {
        "source_time": 0x62168491, "source_time_ns": 0x08F4E500, "symbol_index": 0x24A4, "symbol_seq_num": 0x08,
        "security_status": "\x35", "halt_condition": "\x7e", "reserved_4": 0, "price_1": 0, "price_2": 0,
        "ssr_triggering_exchange_id": "", "ssr_triggering_volume": 0, "time": 0, "ssr_state": "\x7e",
        "market_state": "\x50", "session_state": "",
    }),
    (PILLAR, "SourceTimeReference", "2", {"id": 0x01, "symbol_seq_num": 0, "source_time": 0x6216848F}),
    (PILLAR, "StockSummary", "223", {
        "source_time": 0x62166BF5, "source_time_ns": 0x0DA5F500, "symbol_index": 0xE7BF, "high_price": 0x0098E4A0,
        "low_price": 0x00989680, "open": 0x0098E4A0, "close": 0, "total_volume": 0x0384,
    }),
    (XDP, "AddOrder", "100", {
        "source_time_ns": 0x2B4D9240, "symbol_index": 0x09CF, "symbol_seq_num": 0x1A1B, "order_id": 0x0015390B,
        "price": 0x000774FC, "volume": 0x3D, "side": "\x42", "firm_id": "", "num_parity_splits": 0x00,
    }),
    (XDP, "Imbalance", "105", {
        "source_time": 0x59A71940, "source_time_ns": 0x042B6200, "symbol_index": 0x056B, "symbol_seq_num": 0x364E,
        "reference_price": 0x0003DBE4, "paired_qty": 0x3CF0, "total_imbalance_qty": 0x01F4, "auction_time": 0x0640,
        "auction_type": "\x43", "imbalance_side": "\x42", "continuous_book_clearing_price": 0x0003DBE4,
        "num_extensions": 0x00,
    }),
    (XDP, "OrderExecution", "103", {
        "source_time_ns": 0x3B8EE320, "symbol_index": 0x0A91, "symbol_seq_num": 0x000211E7, "order_id": 0x00267D87,
        "trade_id": 0x00017893, "price": 0x0001EDC0, "volume": 0x64, "printable_flag": 0x01, "num_parity_splits": 0x00,
        "db_exec_id": 0x0AA8,
    }),
    (XDP, "ReplaceOrder", "104", {
        "source_time_ns": 0x1A7FC0A0, "symbol_index": 0x1E6A, "symbol_seq_num": 0x97A4, "order_id": 0x002763AA,
        "new_order_id": 0x00276403, "price": 0x000382D4, "volume": 0x64, "prev_price_parity_splits": 0x00,
        "new_price_parity_splits": 0x00,
    }),
    (XDP, "SecurityStatus", "34", {
        "source_time": 0x59B0D319, "source_time_ns": 0x02515A70, "symbol_index": 0xA8F6, "symbol_seq_num": 0x01,
        "security_status": "\x50", "halt_condition": "", "ssr_triggering_exchange_id": "\x00", "ssr_state": "\x7e",
        "market_state": "\x50", "session_state": "\x20",
    }),
    (XDP, "SequenceReset", "packet", {"delivery_flag": 0x0C, "seq_num": 0x01, "send_time_ns": 0x0538B4A1}),
    (XDP, "SequenceReset", "1", {
        "source_time": 0x59CAA181, "source_time_ns": 0x0BEDC082, "product_id": 0x0B, "channel_id": 0x01,
    }),
    (XDP, "SourceTimeReference", "2", {"id": 0x07, "symbol_seq_num": 0, "source_time": 0x59A6A1BA}),
    (XDP, "SymbolIndexMapping", "3", {
        "symbol_index": 0x0491, "symbol": "\x41\x42\x47", "reserved_1": 0x41, "market_id": 0x01, "system_id": 0x07,
        "exchange_code": "\x4e", "price_scale_code": 0x04, "security_type": "\x41", "lot_size": 0x64,
        "prev_close_price": 0x0007C254, "prev_close_volume": 0, "price_resolution": 0x00, "round_lot": "\x4e",
        "mpv": 0x01F4, "unit_of_trade": 0x01, "reserved_2": 0,
    }),
]  # fmt: skip


class TestRealPackets:
    @pytest.mark.parametrize(("feed", "name", "kind", "values"), REAL, ids=[f"{x[0][-4:]}-{x[1]}-{x[2]}" for x in REAL])
    def test_have_the_values_of_their_bytes(self, feed: str, name: str, kind: str, values: dict[str, Any]) -> None:
        row = tables(real_packet(feed, name))[kind].row(0, named=True)
        assert {field: row[field] for field in values} == values

    @pytest.mark.parametrize(("feed", "name"), PACKETS)
    def test_come_back_bit_by_bit(self, feed: str, name: str) -> None:
        payload = real_packet(feed, name)
        assert packet_bytes(tables(payload), VERSION_OF[feed]) == [payload]

    @pytest.mark.parametrize("feed", [XDP, PILLAR])
    def test_of_one_capture_come_back_in_their_order(self, feed: str) -> None:
        payloads = [real_packet(one, name) for one, name in PACKETS if one == feed]
        found = tables(*payloads)
        assert packet_bytes(found, VERSION_OF[feed]) == payloads
        assert sorted(number for kind in found.keys() - {"packet"} for number in found[kind]["number"]) == list(
            range(1, len(payloads) + 1 + (feed == PILLAR))
        )

    @pytest.mark.parametrize(("feed", "name"), PACKETS)
    def test_tell_their_version(self, feed: str, name: str) -> None:
        assert find_version(datagrams([real_packet(feed, name)])) == VERSION_OF[feed]


@st.composite
def some_messages(draw: st.DrawFn) -> tuple[Version, list[bytes]]:
    """Messages of a version with any values in all fields."""
    version: Version = draw(st.sampled_from(VERSIONS))
    messages = []
    for kind in draw(st.lists(st.sampled_from(sorted(LAYOUTS[version].by_type)), max_size=8)):
        fields = LAYOUTS[version].by_type[kind].fields[2:]
        values: dict[str, int | str] = {
            field.name: draw(TEXT)[: field.width] if field.is_text else draw(st.integers(0, 2 ** (8 * field.width) - 1))
            for field in fields
        }
        messages.append(message_bytes(kind, version, **values))
    return version, messages


class TestTables:
    @given(st.lists(some_messages(), min_size=1, max_size=3))
    def test_give_back_every_bit_of_every_type(self, drawn: list[tuple[Version, list[bytes]]]) -> None:
        version = drawn[0][0]
        payloads = [packet(*messages, sequence=9) for one, messages in drawn if one == version]
        assert packet_bytes(tables(*payloads, version=version), version) == payloads

    def test_leave_out_what_is_no_message(self) -> None:
        good = message_bytes("102", order_id=5)
        long = struct.pack("<HH", 27, 102) + good[4:] + b"\1\2"
        short, strange = struct.pack("<HHI", 8, 102, 0), struct.pack("<HHI", 8, 999, 0)
        found = tables(packet(good, short, strange, long), packet(good)[:-1], b"nothing at all, but long enough")
        assert found["102"]["number"].to_list() == [1, 4]
        assert found["102"]["order_id"].to_list() == [5, 5]
        assert found["packet"]["packet"].to_list() == [1]

    def test_run_on_from_part_to_part(self) -> None:
        reader = MessageTables(None, {9: Listing("MINE", 3)})
        one = packet(message_bytes("3", symbol_index=7, symbol="BRK A", price_scale_code=4), sequence=8)
        two = packet(message_bytes("102", symbol_index=7), message_bytes("102", symbol_index=9), sequence=9)
        first, second = reader.tables(datagrams([one])), reader.tables(datagrams([b"", two], first=50))
        assert first["3"].select("number", "packet", "ts_recv", "sequence", "symbol").rows() == [(1, 1, 0, 8, "BRK A")]
        assert second["102"].select("number", "packet", "ts_recv", "sequence", "symbol", "price_scale").rows() == [
            (2, 2, 51, 9, "BRK.A", 4),
            (3, 2, 51, 10, "MINE", 3),
        ]
        assert second["packet"]["packet"].to_list() == [2]

    def test_of_nothing_are_none(self) -> None:
        assert tables() == {}
        assert tables(b"short") == {}


class TestVersions:
    @pytest.mark.parametrize(
        ("message", "sent", "version"),
        [
            (message_bytes("105", "2.1"), 1_700_000_000, "2.1"),
            (message_bytes("105", "2.5") + message_bytes("103", "2.1"), 1_700_000_000, "2.1"),
            (message_bytes("105", "2.5"), 1_500_000_000, "2.5"),
            (message_bytes("103", "2.1", db_exec_id=0x2020_2041), 1_700_000_000, "2.1"),
            (message_bytes("110", "2.5", trade_cond_1="@"), 1_500_000_000, "2.5"),
            (message_bytes("101", "2.5", side="S"), 1_500_000_000, "2.5"),
            (message_bytes("104", "2.5", side="B"), 1_500_000_000, "2.5"),
            (message_bytes("102"), 1_640_995_199, "2.1"),
            (message_bytes("102"), 1_640_995_200, "2.5"),
        ],
    )
    def test_are_told_by_what_differs_else_by_the_year(self, message: bytes, sent: int, version: str) -> None:
        payload = bytearray(packet(message, sent=sent * 1_000_000_000))
        payload[3] = 2  # messages at most
        assert find_version(datagrams([bytes(payload)])) == version

    def test_that_do_not_exist_raise(self) -> None:
        with pytest.raises(ArgumentError, match=r"version is '3.0': give one of 2.1, 2.5"):
            message_bytes("100", "3.0")  # type: ignore[arg-type]


class TestOneMessage:
    def test_of_a_type_or_field_that_is_none_raises(self) -> None:
        with pytest.raises(KeyError, match="99"):
            message_bytes("99")
        with pytest.raises(KeyError, match="delete_order has no field price"):
            message_bytes("102", price=1)

    def test_with_a_value_that_does_not_fit_raises(self) -> None:
        with pytest.raises(OverflowError):
            message_bytes("102", order_id=2**64)
        with pytest.raises(ValueError, match="firm_id is b'ABCDEF', longer than 5 bytes"):
            message_bytes("100", firm_id="ABCDEF")
