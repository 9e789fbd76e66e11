"""Layouts of the packets and messages of the NYSE Integrated Feed, field by field: XDP 2.1 and Pillar 2.5.

Sources: NYSE, "XDP Integrated Feed Client Specification" 2.1 and "NYSE Pillar Integrated Feed Client Specification"
2.5, sections 2 to 14; NYSE, "XDP Common Client Specification" and "Pillar Equities Common Client Specification",
sections 2 (packet header) and 4 (control messages). Integers are little-endian. Prices are integers of
10**-`price_scale_code` dollars, which message 3 gives for each symbol, so that they stay integers here. Text is padded
with spaces, but that of symbols and client ids with zeros.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import numpy as np

from hftlab.venues.binary_layouts import Layout, Layouts

__all__ = ["HEADER", "LAYOUTS", "LEAST_SIZES", "VERSIONS", "Version"]

Version = Literal["2.1", "2.5"]

VERSIONS: Final[tuple[Version, ...]] = ("2.1", "2.5")

_HEAD: Final = "msg_size:u2 msg_type:u2"

_TIME: Final = "source_time:u4 source_time_ns:u4"
_SYMBOL: Final = "symbol_index:u4 symbol_seq_num:u4"
_NANOS: Final = f"source_time_ns:u4 {_SYMBOL}"
_CLIENT: Final = "source_id:z10 product_id:u1 channel_id:u1"
_RANGE: Final = "begin_seq_num:u4 end_seq_num:u4"
_ORDER: Final = "order_id:u8 price:u4 volume:u4"
_TRADE: Final = "trade_id:u4 price:u4 volume:u4 printable_flag:u1"
_CONDITIONS: Final = "trade_cond_1:a1 trade_cond_2:a1 trade_cond_3:a1 trade_cond_4:a1"
_IMBALANCE: Final = (
    f"{_TIME} {_SYMBOL} reference_price:u4 paired_qty:u4 total_imbalance_qty:u4 market_imbalance_qty:u4 "
    "auction_time:u2 auction_type:a1 imbalance_side:a1 continuous_book_clearing_price:u4 "
    "auction_interest_clearing_price:u4 ssr_filing_price:u4 indicative_match_price:u4 upper_collar:u4 lower_collar:u4 "
    "auction_status:u1 freeze_status:u1 num_extensions:u1"
)

_COMMON: Final = (
    ("1", "sequence_number_reset", f"{_TIME} product_id:u1 channel_id:u1"),
    ("2", "source_time_reference", "id:u4 symbol_seq_num:u4 source_time:u4"),
    (
        "3",
        "symbol_index_mapping",
        "symbol_index:u4 symbol:z11 reserved_1:u1 market_id:u2 system_id:u1 exchange_code:a1 price_scale_code:u1 "
        "security_type:a1 lot_size:u2 prev_close_price:u4 prev_close_volume:u4 price_resolution:u1 round_lot:a1 "
        "mpv:u2 unit_of_trade:u2 reserved_2:u2",
    ),
    ("10", "retransmission_request", f"{_RANGE} {_CLIENT}"),
    ("11", "request_response", f"request_seq_num:u4 {_RANGE} {_CLIENT} status:a1"),
    ("12", "heartbeat_response", "source_id:z10"),
    ("13", "symbol_index_mapping_request", f"symbol_index:u4 {_CLIENT} retransmit_method:u1"),
    ("15", "refresh_request", f"symbol_index:u4 {_CLIENT}"),
    ("31", "message_unavailable", f"{_RANGE} product_id:u1 channel_id:u1"),
    ("32", "symbol_clear", f"{_TIME} symbol_index:u4 next_source_seq_num:u4"),
    (
        "34",
        "security_status",
        f"{_TIME} {_SYMBOL} security_status:a1 halt_condition:a1 reserved_4:u4 price_1:u4 price_2:u4 "
        "ssr_triggering_exchange_id:a1 ssr_triggering_volume:u4 time:u4 ssr_state:a1 market_state:a1 session_state:z1",
    ),
    (
        "35",
        "refresh_header",
        "current_refresh_pkt:u2 total_refresh_pkts:u2 last_seq_num:u4 last_symbol_seq_num:u4",
    ),
    ("111", "cross_trade", f"{_NANOS} cross_id:u4 price:u4 volume:u4 cross_type:a1"),
    ("112", "trade_cancel", f"{_NANOS} trade_id:u4"),
    ("113", "cross_correction", f"{_NANOS} cross_id:u4 volume:u4"),
    ("114", "retail_price_improvement", f"{_NANOS} rpi_indicator:a1"),
    (
        "223",
        "stock_summary",
        f"{_TIME} symbol_index:u4 high_price:u4 low_price:u4 open:u4 close:u4 total_volume:u4",
    ),
)

_REPLACE: Final = f"{_NANOS} order_id:u8 new_order_id:u8 price:u4 volume:u4"

_OF_2_1: Final = (
    ("100", "add_order", f"{_NANOS} {_ORDER} side:a1 firm_id:a5 num_parity_splits:u1"),
    (
        "101",
        "modify_order",
        f"{_NANOS} {_ORDER} position_change:u1 prev_price_parity_splits:u1 new_price_parity_splits:u1",
    ),
    ("102", "delete_order", f"{_NANOS} order_id:u8 num_parity_splits:u1"),
    ("103", "order_execution", f"{_NANOS} order_id:u8 {_TRADE} num_parity_splits:u1 db_exec_id:u4"),
    ("104", "replace_order", f"{_REPLACE} prev_price_parity_splits:u1 new_price_parity_splits:u1"),
    ("105", "imbalance", _IMBALANCE),
    ("106", "add_order_refresh", f"{_TIME} {_SYMBOL} {_ORDER} side:a1 firm_id:a5 num_parity_splits:u1"),
    ("110", "non_displayed_trade", f"{_NANOS} {_TRADE} db_exec_id:u4"),
)

_OF_2_5: Final = (
    ("100", "add_order", f"{_NANOS} {_ORDER} side:a1 firm_id:a5 reserved_1:u1"),
    ("101", "modify_order", f"{_NANOS} {_ORDER} position_change:u1 side:z1 reserved_2:u1"),
    ("102", "delete_order", f"{_NANOS} order_id:u8 reserved_1:u1"),
    ("103", "order_execution", f"{_NANOS} order_id:u8 {_TRADE} reserved_1:u1 {_CONDITIONS}"),
    ("104", "replace_order", f"{_REPLACE} side:z1 reserved_2:u1"),
    ("105", "imbalance", f"{_IMBALANCE} unpaired_qty:u4 unpaired_side:a1 significant_imbalance:a1"),
    ("106", "add_order_refresh", f"{_TIME} {_SYMBOL} {_ORDER} side:a1 firm_id:a5 reserved_1:u1"),
    ("110", "non_displayed_trade", f"{_NANOS} {_TRADE} {_CONDITIONS}"),
)

LAYOUTS: Final[Mapping[Version, Layouts]] = {
    "2.1": Layouts.described("little", _HEAD, (*_COMMON, *_OF_2_1)),
    "2.5": Layouts.described("little", _HEAD, (*_COMMON, *_OF_2_5)),
}
"""Layouts of each version by message type. In 2.5 the side of 101 and 104 is empty in feeds of before May 2022."""

HEADER: Final[Layout] = Layouts.described(
    "little",
    "",
    [
        (
            "packet",
            "packet_header",
            "pkt_size:u2 delivery_flag:u1 number_msgs:u1 seq_num:u4 send_time:u4 send_time_ns:u4",
        )
    ],
).by_type["packet"]

LEAST_SIZES: Final = np.zeros(256, np.int64)
"""Fewest bytes of a message by type in any version, 0 for types that there are not.

Messages may be longer: the specifications reserve the right to append fields."""
for _layouts in LAYOUTS.values():
    for _type, _layout in _layouts.by_type.items():
        _known = LEAST_SIZES[int(_type)]
        LEAST_SIZES[int(_type)] = min(_known, _layout.size) if _known else _layout.size
