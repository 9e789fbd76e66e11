"""Numbers of the message types that make rows, or change what later ones mean."""

from __future__ import annotations

from typing import Final

__all__ = [
    "ADD_TYPE",
    "CLEAR_TYPE",
    "CROSS_CORRECTION_TYPE",
    "CROSS_TYPE",
    "DELETE_TYPE",
    "EXECUTION_TYPE",
    "IMBALANCE_TYPE",
    "MAPPING_TYPE",
    "MODIFY_TYPE",
    "NON_DISPLAYED_TYPE",
    "REFRESH_HEADER_TYPE",
    "REFRESH_TYPE",
    "REPLACE_TYPE",
    "RESET_TYPE",
    "RETAIL_TYPE",
    "STATUS_TYPE",
    "TIME_REFERENCE_TYPE",
    "TRADE_CANCEL_TYPE",
]

RESET_TYPE: Final = 1
TIME_REFERENCE_TYPE: Final = 2
MAPPING_TYPE: Final = 3
CLEAR_TYPE: Final = 32
STATUS_TYPE: Final = 34
REFRESH_HEADER_TYPE: Final = 35
ADD_TYPE: Final = 100
MODIFY_TYPE: Final = 101
DELETE_TYPE: Final = 102
EXECUTION_TYPE: Final = 103
REPLACE_TYPE: Final = 104
IMBALANCE_TYPE: Final = 105
REFRESH_TYPE: Final = 106
NON_DISPLAYED_TYPE: Final = 110
CROSS_TYPE: Final = 111
TRADE_CANCEL_TYPE: Final = 112
CROSS_CORRECTION_TYPE: Final = 113
RETAIL_TYPE: Final = 114
