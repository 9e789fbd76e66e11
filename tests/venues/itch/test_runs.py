"""Messages of captures as tables with all fields: real packets against the specification, and encoded again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from hftlab.venues import itch, pcap
from hftlab.venues.itch.message_layouts import FORMAT, LAYOUTS
from hftlab.venues.message_columns import encode_frame
from hftlab.venues.moldudp64 import packet
from tests.shared_data import shared_data
from tests.venues.itch.packets import framed, mold_packets
from tests.venues.look_alikes import ITCH_50

HEAD = {"number": 1, "tracking_number": 0}


def rows_of(path: Path) -> list[tuple[str, dict[str, Any]]]:
    """(type, fields) of every message, in order."""
    found = [
        (letter, row) for part in itch.messages(path) for letter, frame in part.items() for row in frame.to_dicts()
    ]
    return sorted(found, key=lambda one: one[1]["number"])


def encoded(path: Path) -> dict[int, bytes]:
    """Every message encoded again from the tables, by its number."""
    found = {}
    for part in itch.messages(path):
        for letter, frame in part.items():
            rows = encode_frame(LAYOUTS[letter], FORMAT.order, frame.with_columns(message_type=pl.lit(letter)))
            found |= dict(zip(frame["number"].to_list(), map(bytes, rows), strict=True))
    return found


@pytest.mark.parametrize(
    ("name", "letter", "fields"),
    [
        # Worked out by hand from the bytes, by the offsets of the specification.
        (
            "nasdaq/AddOrderNoMpidAttributionMessage.pcap",
            "A",
            {
                "sequence": 0x00E12F59, "ts_recv": 0x64E4B858 * 10**9 + 0xE6D6, "stock_locate": 0x1598,
                "timestamp": 0x1F1ACED85306, "order_reference_number": 0x0166B53E, "buy_sell_indicator": "B",
                "shares": 0x640, "stock": "IVOO", "price": 87.39,
            },
        ),
        (
            "nasdaq/OrderReplaceMessage.pcap",
            "U",
            {
                "sequence": 0x00E12F45, "ts_recv": 0x64E4B858 * 10**9 + 0x0526, "stock_locate": 0x1DB3,
                "timestamp": 0x1F1ACED771E9, "original_order_reference_number": 0x00E6897F,
                "new_order_reference_number": 0x0145F2C7, "shares": 0x64, "price": 106.26,
            },
        ),
        (
            "nasdaq/StockTradingActionMessage.pcap",
            "H",
            {
                "sequence": 0x02090E79, "ts_recv": 0x64E4BA8B * 10**9 + 0x133AF446, "stock_locate": 0x1D0,
                "timestamp": 0x1F9DF77C9E20, "stock": "AMC", "trading_state": "T", "reserved": "", "reason": "",
            },
        ),
        (
            "nasdaq/20230822/SystemEvent.pcap",
            "S",
            {
                "sequence": 1, "ts_recv": 0x64E4B858 * 10**9 + 0x3A5BE, "stock_locate": 0,
                "timestamp": 0x1F1ACEDB02F0, "event_code": "Q",
            },
        ),
    ],
)  # fmt: skip
def test_real_messages_have_the_fields_that_the_specification_gives_them(
    name: str, letter: str, fields: dict[str, Any]
) -> None:
    assert rows_of(shared_data(name))[0] == (letter, HEAD | fields)


def test_every_real_packet_is_decoded_and_encoded_again() -> None:
    for file in sorted(shared_data("nasdaq").rglob("*.pcap")):
        payloads = [datagrams.payload(row) for datagrams in pcap.read(file) for row in range(len(datagrams))]
        messages = [message for payload in payloads for message in framed(payload[20:])]
        assert encoded(file) == dict(enumerate(messages, 1))
        assert messages


def test_messages_of_no_bytes_have_no_row(tmp_path: Path) -> None:
    path = tmp_path / "packets"
    path.write_bytes(b"".join(mold_packets(ITCH_50)) + packet("S1", 22, [b"", b""]))
    assert sum(len(frame) for part in itch.messages(path) for frame in part.values()) == 21
