"""Input of the matching engine: orders and commands, as rows of one structured array."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt

__all__ = [
    "ENTRY",
    "Action",
    "EntryType",
    "InForce",
    "Prevention",
    "Reason",
    "Status",
    "TradingPhase",
    "Trigger",
    "new_entries",
]


class Action(IntEnum):
    """Action that a row asks for. Those from CALL on are the venue's own: they change the phase or the price band."""

    NEW = 0
    CANCEL = 1
    REPLACE = 2
    CALL = 3  # collect orders without matching them
    UNCROSS = 4  # end the call with an auction; continuous trading follows
    RESUME = 5  # continuous trading without an auction; refused while the book is crossed
    HALT = 6  # only cancels are taken
    CLOSE = 7  # as HALT, and DAY orders expire
    BAND = 8  # trade only between price - size and price + size; size 0 ends that


class EntryType(IntEnum):
    """Order type of a row."""

    LIMIT = 0
    MARKET = 1
    STOP = 2  # becomes MARKET when the market reaches `stop`, as `trigger` says
    STOP_LIMIT = 3  # becomes LIMIT then
    ICEBERG = 4  # a limit order that shows `display` lots at a time


class InForce(IntEnum):
    """Time in force of a row."""

    DAY = 0
    GTC = 1
    IOC = 2
    FOK = 3


class Trigger(IntEnum):
    """Price that releases a stop: a buy stop when it is at or above `stop`, a sell stop when it is at or below.

    Of quotes that is the best ask for buy stops and the best bid for sell stops.
    """

    TRADE = 0
    QUOTE = 1
    EITHER = 2


class Prevention(IntEnum):
    """Self-trade prevention: what happens instead of a trade between two orders of one owner.

    That of the incoming order applies.
    """

    NONE = 0
    CANCEL_NEWEST = 1
    CANCEL_OLDEST = 2
    CANCEL_BOTH = 3
    DECREMENT = 4  # both lose the lots that they would have traded


class TradingPhase(IntEnum):
    """Phase of an instrument's trading."""

    CONTINUOUS = 0
    CALL = 1
    HALTED = 2
    CLOSED = 3


class Status(IntEnum):
    """Status that an update row reports. Trades are rows of the fills instead."""

    ACCEPTED = 0
    REJECTED = 1
    CANCELLED = 2
    REPLACED = 3
    REDUCED = 4  # by self-trade prevention
    TRIGGERED = 5
    PHASE = 6  # the instrument's phase is now `phase`
    BAND = 7  # the band is now price - size to price + size


class Reason(IntEnum):
    """Reason of an update, such as why an order was refused or cancelled."""

    NONE = 0
    REQUESTED = 1
    UNKNOWN_INSTRUMENT = 2
    UNKNOWN_ORDER = 3  # or another owner's
    BAD_ACTION = 4
    BAD_SIDE = 5
    BAD_TYPE = 6  # no such type or time in force, or a combination without sense
    BAD_SIZE = 7
    BAD_PRICE = 8
    BAD_DISPLAY = 9
    WRONG_PHASE = 10
    WOULD_TAKE = 11  # a post-only order that would trade at once
    NOT_FILLABLE = 12  # a fill-or-kill order that cannot be filled
    NO_LIQUIDITY = 13  # what a market or IOC order could not fill
    SELF_TRADE = 14
    OUT_OF_BAND = 15
    CROSSED = 16
    EXPIRED = 17
    BAD_TRAIL = 18
    NO_REFERENCE = 19  # a trailing stop without `stop` where there is no price yet to trail


ENTRY: Final = np.dtype(
    [
        ("time", np.int64),  # ns since 1970 UTC
        ("action", np.int64),  # Action
        ("instrument", np.int64),  # index into the engine's; not read of CANCEL and REPLACE
        ("id", np.int64),  # of the order to cancel or replace
        ("owner", np.int64),  # an account's number; 0 for none, and for the venue in CANCEL and REPLACE
        ("side", np.int64),  # events.BID or events.ASK
        ("type", np.int64),  # EntryType
        ("in_force", np.int64),  # InForce
        ("price", np.int64),  # ticks
        ("size", np.int64),  # lots; of REPLACE what shall be open from now on
        ("stop", np.int64),  # ticks
        ("display", np.int64),  # lots
        ("post_only", np.int64),  # 1 if the order must not trade at once
        ("prevention", np.int64),  # Prevention
        ("trigger", np.int64),  # Trigger of a stop
        ("trail", np.int64),  # ticks between a trailing stop and the best price since its entry; 0: it does not trail
        ("trail_step", np.int64),  # ticks by which a trailing stop moves at least; 0 for one
        ("all_or_none", np.int64),  # 1 if the order must trade as a whole, now or later
    ]
)
"""One row of `MatchingEngine.submit()`. Zero is each field's default.

NEW reads all but `id`; the n-th NEW row of an engine's life gets the id n, be it accepted or not. CANCEL reads id and
owner; REPLACE id, owner, price, size and stop (of a trailing stop 0 leaves it where it is). CALL, RESUME, HALT and
CLOSE read the instrument; UNCROSS the reference price in `price` (0: the last trade's, else the band's; where prices
may be 0 or below, `size` 1 says that a `price` of 0 is meant), BAND price and size.

A trailing stop (type STOP or STOP_LIMIT) follows the market at `trail` ticks and never goes back; a limit moves along.
It begins at `stop`, or where that is 0, `trail` ticks from the last trade, or the quote, by its `trigger`.
"""


def new_entries(rows: int, **fields: int | npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """Make an array of ENTRY, zero but for the fields given: each a value for all rows or an array of `rows` values."""
    entries = np.zeros(rows, ENTRY)
    for name, values in fields.items():
        entries[name] = values
    return entries
