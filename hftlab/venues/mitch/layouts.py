"""Layouts of the units and messages of LSE Level 2 MITCH 11.9, field by field.

Source: London Stock Exchange, "MIT303 - Level 2 MITCH Specification" 11.9, section 4. Integers are little-endian, text
is ASCII padded with spaces, prices are signed integers (two's complement) of 1e-8 of the instrument's currency, which
is pence for most shares. Bit 0 of a flags field is its lowest.

0x78 and 0x42 are not in 11.9: their layouts are those of earlier issues, as published decoders have them. Two agree on
0x78; 0x42 has 19 bytes in one and 15, without the instrument, in an older one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from hftlab.venues.binary_layouts import Layout, Layouts

__all__ = ["FORMAT", "HEADER", "LAYOUTS", "LEAST_SIZES"]

_HEAD: Final = "length:u1 message_type:u1"

_NANOS: Final = "nanosecond:u4"
_INSTRUMENT: Final = "instrument_id:u4 reserved_1:a1 reserved_2:a1"
_ORDER: Final = f"{_NANOS} order_id:u8 side:a1 quantity:u4 {_INSTRUMENT} price:s8.8"
_RANGE: Final = "market_data_group:a1 first_message:u4 count:u2"

FORMAT: Final = Layouts.described(
    "little",
    _HEAD,
    (
        ("0x01", "login_request", "username:a6 password:a10"),
        ("0x02", "login_response", "status:a1"),
        ("0x03", "replay_request", _RANGE),
        ("0x04", "replay_response", f"{_RANGE} status:a1"),
        ("0x05", "logout_request", ""),
        ("0x54", "time", "seconds:u4"),
        ("0x53", "system_event", f"{_NANOS} event_code:a1"),
        (
            "0x52",
            "symbol_directory",
            f"{_NANOS} {_INSTRUMENT} symbol_status:a1 isin:a12 sedol:a12 segment:a6 underlying:a6 currency:a3 "
            "reserved_3:a1 reserved_4:a4 previous_close_price:s8.8",
        ),
        (
            "0x48",
            "symbol_status",
            f"{_NANOS} {_INSTRUMENT} trading_status:a1 flags:u1 halt_reason:a4 session_change_reason:u1 "
            "new_end_time:a8 book_type:u1",
        ),
        ("0x41", "add_order", f"{_ORDER} flags:u1 reserved_3:a10"),
        ("0x46", "add_attributed_order", f"{_ORDER} attribution:a11 flags:u1"),
        ("0x44", "order_deleted", f"{_NANOS} order_id:u8 flags:u1 instrument_id:u4"),
        ("0x55", "order_modified", f"{_NANOS} order_id:u8 new_quantity:u4 new_price:s8.8 flags:u1"),
        ("0x79", "order_book_clear", f"{_NANOS} {_INSTRUMENT} flags:u1"),
        ("0x45", "order_executed", f"{_NANOS} order_id:u8 executed_quantity:u4 trade_match_id:u8"),
        (
            "0x43",
            "order_executed_with_price_size",
            f"{_NANOS} order_id:u8 executed_quantity:u4 display_quantity:u4 trade_match_id:u8 printable:a1 price:s8.8",
        ),
        (
            "0x50",
            "trade",
            f"{_NANOS} executed_quantity:u4 {_INSTRUMENT} price:s8.8 trade_match_id:u8 cross_type:u1 sub_book:u1 "
            "flags:u1",
        ),
        (
            "0x51",
            "auction_trade",
            f"{_NANOS} quantity:u4 {_INSTRUMENT} price:s8.8 trade_match_id:u8 auction_type:a1 flags:u1",
        ),
        (
            "0x78",
            "off_book_trade",
            f"{_NANOS} executed_quantity:u4 {_INSTRUMENT} price:s8.8 trade_match_id:u8 off_book_trade_type:a4 "
            "trade_time:a8 trade_date:a8 traded_currency:a4 original_price:s8.8 execution_venue:a5 flags:u1",
        ),
        ("0x42", "trade_break", f"{_NANOS} trade_match_id:u8 trade_type:a1 instrument_id:u4"),
        (
            "0x49",
            "auction_info",
            f"{_NANOS} paired_quantity:u4 reserved_3:u4 reserved_4:a1 {_INSTRUMENT} price:s8.8 auction_type:a1",
        ),
        (
            "0x77",
            "statistics",
            f"{_NANOS} {_INSTRUMENT} statistic_type:a1 price:s8.8 open_close_price_indicator:a1 reserved_3:u1",
        ),
        (
            "0x71",
            "top_of_book",
            f"{_NANOS} instrument_id:u4 buy_limit_price:s8.8 buy_limit_size:u4 sell_limit_price:s8.8 "
            "sell_limit_size:u4",
        ),
    ),
)
"""Layouts by message type, as the specification writes it: "0x41". Types up to 0x05 are those of the replay channel."""

LAYOUTS: Final[Mapping[str, Layout]] = FORMAT.by_type
"""The same by type."""

HEADER: Final[Layout] = Layouts.described(
    "little",
    "",
    [("packet", "unit_header", "length:u2 message_count:u1 market_data_group:a1 sequence_number:u4")],
).by_type["packet"]

LEAST_SIZES: Final = np.zeros(256, np.int64)
"""Fewest bytes of a message by type, 0 for types that there are not.

Messages may be longer: their length says where the next one begins."""
for _one in LAYOUTS.values():
    LEAST_SIZES[int(_one.type, 16)] = _one.size
LEAST_SIZES[0x41] = 34  # without the reserved bytes behind its flags, as before they were there
LEAST_SIZES[0x42] = 15  # without the instrument, likewise
LEAST_SIZES.flags.writeable = False
