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
    "MALFORMED",
    "MESSAGES",
    "NO_DAY",
    "NO_TIME",
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

BEGUN, CAME_ON, HAS_ENDED = range(3)
DAY_FIELDS: Final = 3
"""Fields of a group's days."""


class DecoderState(NamedTuple):
    """State that the kernel keeps from call to call."""

    orders: LiveOrders
    slots: IntegerMap  # from an instrument's id to its slot
    instruments: npt.NDArray[np.int32]  # by slot: the number of the instrument, -1 for one that is not wanted
    day: IntArray  # by slot: the day of its group, as `days` counts, of which its book is; NO_DAY before the first
    sound: IntArray  # by slot: the number of the last gap behind which its book is right again
    days: IntArray  # (GROUPS, DAY_FIELDS): days that have begun, when the last packet came, whether the day has ended
    seconds: IntArray  # (GROUPS,): ns since 1970 of each group's last time message, NO_TIME before the first
    cursor: IntArray  # where the loop is, see hftlab.venues.packet_cursor
    wanted: IntArray  # (1,): the id of an instrument that has no slot, or where a directory message begins
    counts: IntArray  # (256,): messages by type
    unknown: IntArray  # (256,): messages by type about an order that is not there
    tallies: IntArray
