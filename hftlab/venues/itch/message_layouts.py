"""Layouts of the messages of Nasdaq TotalView-ITCH 5.0, field by field.

Source: Nasdaq, "Nasdaq TotalView-ITCH 5.0", section 1 (Message Formats). Integers are big-endian, text is ASCII padded
with spaces on the right, prices are integers of 1e-4 dollars (those of the market-wide circuit breaker 1e-8), times are
nanoseconds since the midnight of the venue's zone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from hftlab.venues.binary_layouts import Layout, Layouts

__all__ = ["FORMAT", "LAYOUTS", "SIZES"]

_HEAD: Final = "message_type:a1 stock_locate:u2 tracking_number:u2 timestamp:u6"

_ADD = "order_reference_number:u8 buy_sell_indicator:a1 shares:u4 stock:a8 price:p4.4"

FORMAT: Final = Layouts.described(
    "big",
    _HEAD,
    (
        ("S", "system_event", "event_code:a1"),
        (
            "R",
            "stock_directory",
            "stock:a8 market_category:a1 financial_status_indicator:a1 round_lot_size:u4 round_lots_only:a1 "
            "issue_classification:a1 issue_sub_type:a2 authenticity:a1 short_sale_threshold_indicator:a1 ipo_flag:a1 "
            "luld_reference_price_tier:a1 etp_flag:a1 etp_leverage_factor:u4 inverse_indicator:a1",
        ),
        ("H", "stock_trading_action", "stock:a8 trading_state:a1 reserved:a1 reason:a4"),
        ("Y", "reg_sho_restriction", "stock:a8 reg_sho_action:a1"),
        (
            "L",
            "market_participant_position",
            "mpid:a4 stock:a8 primary_market_maker:a1 market_maker_mode:a1 market_participant_state:a1",
        ),
        ("V", "mwcb_decline_level", "level_1:p8.8 level_2:p8.8 level_3:p8.8"),
        ("W", "mwcb_status", "breached_level:a1"),
        (
            "K",
            "ipo_quoting_period_update",
            "stock:a8 ipo_quotation_release_time:u4 ipo_quotation_release_qualifier:a1 ipo_price:p4.4",
        ),
        (
            "J",
            "luld_auction_collar",
            "stock:a8 auction_collar_reference_price:p4.4 upper_auction_collar_price:p4.4 "
            "lower_auction_collar_price:p4.4 auction_collar_extension:u4",
        ),
        ("h", "operational_halt", "stock:a8 market_code:a1 operational_halt_action:a1"),
        ("A", "add_order", _ADD),
        ("F", "add_order_mpid_attribution", f"{_ADD} attribution:a4"),
        ("E", "order_executed", "order_reference_number:u8 executed_shares:u4 match_number:u8"),
        (
            "C",
            "order_executed_with_price",
            "order_reference_number:u8 executed_shares:u4 match_number:u8 printable:a1 execution_price:p4.4",
        ),
        ("X", "order_cancel", "order_reference_number:u8 cancelled_shares:u4"),
        ("D", "order_delete", "order_reference_number:u8"),
        (
            "U",
            "order_replace",
            "original_order_reference_number:u8 new_order_reference_number:u8 shares:u4 price:p4.4",
        ),
        (
            "P",
            "trade",
            "order_reference_number:u8 buy_sell_indicator:a1 shares:u4 stock:a8 price:p4.4 match_number:u8",
        ),
        ("Q", "cross_trade", "shares:u8 stock:a8 cross_price:p4.4 match_number:u8 cross_type:a1"),
        ("B", "broken_trade", "match_number:u8"),
        (
            "I",
            "net_order_imbalance",
            "paired_shares:u8 imbalance_shares:u8 imbalance_direction:a1 stock:a8 far_price:p4.4 near_price:p4.4 "
            "current_reference_price:p4.4 cross_type:a1 price_variation_indicator:a1",
        ),
        ("N", "retail_price_improvement", "stock:a8 interest_flag:a1"),
        (
            "O",
            "direct_listing_price_discovery",
            "stock:a8 open_eligibility_status:a1 minimum_allowable_price:p4.4 maximum_allowable_price:p4.4 "
            "near_execution_price:p4.4 near_execution_time:u8 lower_price_range_collar:p4.4 "
            "upper_price_range_collar:p4.4",
        ),
    ),
)
"""Layouts of version 5.0."""

LAYOUTS: Final[Mapping[str, Layout]] = FORMAT.by_type
"""The same by letter."""

SIZES: Final = np.zeros(256, np.int64)
"""Message sizes in bytes by letter, 0 for letters that the specification does not have."""
for _one in LAYOUTS.values():
    SIZES[ord(_one.type)] = _one.size
SIZES.flags.writeable = False
