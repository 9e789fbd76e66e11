"""State of the decoding loop of IEX's feeds from call to call."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.kernels.integer_map import IntegerMap
from hftlab.venues.live_orders import LiveOrders

__all__ = [
    "BAD_SYMBOL",
    "EXCESS",
    "MALFORMED",
    "MESSAGES",
    "REPEATED",
    "TALLIES",
    "TOP_FIELDS",
    "UNWANTED",
    "DecoderState",
]

IntArray = npt.NDArray[np.int64]

MESSAGES, MALFORMED, REPEATED, EXCESS = range(4)
TALLIES: Final = 4

UNWANTED: Final = -1
BAD_SYMBOL: Final = -2
"""Numbers that stand for instruments without rows: not among the wanted ones, and of a symbol that cannot be."""

TOP_FIELDS: Final = 4
"""Columns of the last quote of a slot: bid price and size, ask price and size."""


class DecoderState(NamedTuple):
    """State that the kernel keeps from call to call."""

    orders: LiveOrders
    slots: IntegerMap  # from a symbol's eight bytes, as a little-endian integer, to its slot
    instruments: npt.NDArray[np.int32]  # by slot: the number of the instrument
    tops: IntArray  # (slots, TOP_FIELDS)
    session: IntArray  # by slot: 1 + the session of its last message, 0 before the first
    day: IntArray  # by slot: the day on which that session began
    sound: IntArray  # by slot: the number of the last gap behind which its book is right again
    sessions: IntArray  # by stream: the number of its session, in the order in which they are met
    cursor: IntArray  # where the loop is, see hftlab.venues.packet_cursor
    wanted: npt.NDArray[np.uint64]  # (1,): a symbol that has no slot
    counts: IntArray  # (256,): messages by type
    unknown: IntArray  # (256,): messages by type about an order that is not there
    tallies: IntArray
