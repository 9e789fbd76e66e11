"""Reports of a market in which own orders stand: what became of each, as rows of one structured array."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from hftlab.kernels.compiling import IntArray

__all__ = ["REPORT", "Cause", "ReportRow", "Reports", "Why", "new_reports"]

_FIRST_ROWS: Final = 256


class Cause(IntEnum):
    """Kind of a report."""

    ACCEPTED = 0
    REJECTED = 1
    FILLED = 2
    CANCELLED = 3
    REPLACED = 4
    REDUCED = 5  # by self-trade prevention; the order is over if nothing is left
    TRIGGERED = 6
    REFUSED = 7  # a cancellation or replacement, which leaves the order as it is


class Why(IntEnum):
    """Reason of a report: of a fill why it was made, else why the order was refused or ended."""

    NONE = 0
    QUEUE = 1  # what traded at the order's price came to its place in the queue
    CROSS = 2  # the order met the other side of the book, or the book came to the order
    TRADE_THROUGH = 3  # something traded at a worse price than the order's
    AUCTION = 4
    REQUESTED = 5
    WOULD_TAKE = 6  # a post-only order that would trade at once
    NOT_FILLABLE = 7  # a fill-or-kill order that cannot be filled
    NO_LIQUIDITY = 8  # what a market or IOC order could not fill
    SELF_TRADE = 9
    UNKNOWN_ORDER = 10
    BAD_SIZE = 11
    NOT_TRADING = 12


REPORT: Final = np.dtype(
    [
        ("time", "i8"),  # ns since 1970 UTC
        ("cause", "i8"),  # Cause
        ("number", "i8"),  # the order's
        ("lots", "i8"),  # filled, cancelled or reduced; open from now on of ACCEPTED and REPLACED
        ("price", "i8"),  # ticks: of the trade, else the order's limit
        ("why", "i8"),  # Why
        ("ahead", "i8"),  # lots that stood ahead: of a fill when the order had its place, of others now
        ("is_taker", "i8"),  # 1 of a fill that took what stood in the book
    ]
)
ReportRow: TypeAlias = tuple[int, int, int, int, int, int, int, int]
"""Row of REPORT, as Python's numbers."""


class Reports(NamedTuple):
    """Rows of REPORT, of which the first `used[0]` are filled."""

    rows: npt.NDArray[Any]
    used: IntArray


def new_reports(rows: int = _FIRST_ROWS) -> Reports:
    """Make room for so many reports."""
    return Reports(np.zeros(rows, REPORT), np.zeros(1, np.int64))
