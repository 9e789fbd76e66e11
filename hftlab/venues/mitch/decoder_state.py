"""State of the decoding loop of MITCH from call to call."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.kernels.integer_map import IntegerMap
from hftlab.venues.live_orders import LiveOrders

__all__ = [
    "BEGUN",
    "CAME_ON",
    "CORRECTIONS",
    "DAY_FIELDS",
    "EXCESS",
    "GROUPS",
    "HAS_ENDED",
    "HEARD",
    "MALFORMED",
    "MESSAGES",
    "NO_DAY",
    "NO_TIME",
    "NUMBER",
    "OTHER_BOOKS",
    "REPEATED",
    "TALLIES",
    "UNTIMED",
    "DecoderState",
]

IntArray = npt.NDArray[np.int64]

MESSAGES, MALFORMED, REPEATED, EXCESS, UNTIMED, OTHER_BOOKS, CORRECTIONS = range(7)
TALLIES: Final = 7

GROUPS: Final = 256
"""Market data groups: any byte names one."""

NO_TIME: Final = -1
NO_DAY: Final = -1

BEGUN, CAME_ON, NUMBER, HEARD, HAS_ENDED = range(5)
DAY_FIELDS: Final = 5
"""Fields of a group's days: how many have begun, when the present one was first received, the number of the last
message that makes rows and when it was received, and whether the end of the day was told."""


class DecoderState(NamedTuple):
    """State that the kernel keeps from call to call."""

    orders: LiveOrders
    slots: IntegerMap  # from an instrument's id to its slot
    instruments: npt.NDArray[np.int32]  # by slot: the number of the instrument, -1 for one that is not wanted
    day: IntArray  # by slot: the day of its group, as `days` counts, of which its book is; NO_DAY before the first
    sound: IntArray  # by slot: the number of the last gap behind which its book is right again
    days: IntArray  # (GROUPS, DAY_FIELDS)
    seconds: IntArray  # (GROUPS,): ns since 1970 of each group's last time message, NO_TIME before the first
    cursor: IntArray  # where the loop is, see hftlab.venues.packet_cursor
    wanted: IntArray  # (1,): the id of an instrument that has no slot, or where a directory message begins
    counts: IntArray  # (256,): messages by type
    unknown: IntArray  # (256,): messages by type about an order that is not there
    tallies: IntArray
