"""Layouts of IEX-TP's segments and of the messages of DEEP+ 1.0.2, DEEP 1.0 and TOPS 1.6, field by field.

Sources: Investors Exchange, "IEX Transport Protocol", "DEEP+ Specification" 1.02, "DEEP Specification" 1.0 and "TOPS
Specification" 1.6. Integers are little-endian, text is ASCII padded with spaces, prices are signed integers of 1e-4
dollars, times are ns since 1970 UTC. Types that two feeds share are the same in both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import numpy as np

from hftlab.venues.binary_layouts import Layout, Layouts

__all__ = ["FORMAT", "HEADER", "LAYOUTS", "LEAST_SIZES", "PROTOCOLS", "Protocol"]

Protocol = Literal["deep+", "deep", "tops"]

PROTOCOLS: Final[Mapping[Protocol, int]] = {"deep+": 0x8005, "deep": 0x8004, "tops": 0x8003}
"""Feeds by the protocol ID in their segments' headers."""

_OF_SYMBOL: Final = "timestamp:i8 symbol:a8"
_TRADE: Final = f"sale_condition_flags:u1 {_OF_SYMBOL} size:u4 price:s8.4 trade_id:u8"
_LEVEL: Final = f"event_flags:u1 {_OF_SYMBOL} size:u4 price:s8.4"

FORMAT: Final = Layouts.described(
    "little",
    "message_type:a1",
    (
        ("S", "system_event", "system_event:a1 timestamp:i8"),
        ("D", "security_directory", f"flags:u1 {_OF_SYMBOL} round_lot_size:u4 adjusted_poc_price:s8.4 luld_tier:u1"),
        ("H", "trading_status", f"trading_status:a1 {_OF_SYMBOL} reason:a4"),
        ("I", "retail_liquidity_indicator", f"retail_liquidity_indicator:a1 {_OF_SYMBOL}"),
        ("O", "operational_halt_status", f"operational_halt_status:a1 {_OF_SYMBOL}"),
        ("P", "short_sale_price_test_status", f"short_sale_price_test_status:u1 {_OF_SYMBOL} detail:a1"),
        ("E", "security_event", f"security_event:a1 {_OF_SYMBOL}"),
        ("a", "add_order", f"side:a1 {_OF_SYMBOL} order_id:u8 size:u4 price:s8.4"),
        ("M", "order_modify", f"modify_flags:u1 {_OF_SYMBOL} order_id_reference:u8 size:u4 price:s8.4"),
        ("R", "order_delete", f"reserved:a1 {_OF_SYMBOL} order_id_reference:u8"),
        (
            "L",
            "order_executed",
            f"sale_condition_flags:u1 {_OF_SYMBOL} order_id_reference:u8 size:u4 price:s8.4 trade_id:u8",
        ),
        ("T", "trade", _TRADE),
        ("B", "trade_break", _TRADE),
        ("C", "clear_book", f"reserved:a1 {_OF_SYMBOL}"),
        ("8", "price_level_buy_update", _LEVEL),
        ("5", "price_level_sell_update", _LEVEL),
        ("Q", "quote_update", f"flags:u1 {_OF_SYMBOL} bid_size:u4 bid_price:s8.4 ask_price:s8.4 ask_size:u4"),
        ("X", "official_price", f"price_type:a1 {_OF_SYMBOL} official_price:s8.4"),
        (
            "A",
            "auction_information",
            f"auction_type:a1 {_OF_SYMBOL} paired_shares:u4 reference_price:s8.4 indicative_clearing_price:s8.4 "
            "imbalance_shares:u4 imbalance_side:a1 extension_number:u1 scheduled_auction_time:u4 "
            "auction_book_clearing_price:s8.4 collar_reference_price:s8.4 lower_auction_collar:s8.4 "
            "upper_auction_collar:s8.4",
        ),
    ),
)
"""Layouts by message type."""

LAYOUTS: Final[Mapping[str, Layout]] = FORMAT.by_type
"""The same by letter."""

HEADER: Final[Layout] = Layouts.described(
    "little",
    "",
    [
        (
            "packet",
            "segment_header",
            "version:u1 reserved:a1 message_protocol_id:u2 channel_id:u4 session_id:u4 payload_length:u2 "
            "message_count:u2 stream_offset:i8 first_message_sequence_number:i8 send_time:i8",
        )
    ],
).by_type["packet"]

LEAST_SIZES: Final = np.zeros(256, np.int64)
"""Fewest bytes of a message by type, 0 for types that there are not. Messages may be longer, as later versions are."""
for _one in LAYOUTS.values():
    LEAST_SIZES[ord(_one.type)] = _one.size
LEAST_SIZES.flags.writeable = False
