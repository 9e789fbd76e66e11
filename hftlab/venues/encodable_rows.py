"""Rows of EventBatches as the encoders of order-level feeds take them: whole events, and what cannot be encoded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hftlab.errors import EventError
from hftlab.events import ASK, BID, CANCEL, F_LAST, F_MBP, MODIFY, EventBatch
from hftlab.kernels.compiling import inlined

__all__ = [
    "FINE",
    "REPEATED",
    "TOO_MUCH",
    "UNEQUAL",
    "UNKNOWN",
    "goes_on",
    "is_taken_off",
    "require",
    "require_orders",
    "row_error",
    "segments",
]

_CHUNK: Final = 1 << 15

FINE, UNKNOWN, REPEATED, TOO_MUCH, UNEQUAL = range(5)
"""Problems of a row that an encoder cannot express; FINE is none."""
_PROBLEMS: Final = {
    UNKNOWN: "names an order that was never added: begin with the rows that add it",
    REPEATED: "adds an order that exists already: give each order a number of its own",
    TOO_MUCH: "takes more than the order has left: take at most that",
    UNEQUAL: "is of another size than the other rows of its execution: give T, F and C one size",
}


def segments(flags: npt.NDArray[np.uint8]) -> Iterator[tuple[int, int]]:
    """Yield ranges of whole events, of so many rows that an encoder's tables stay small."""
    start = 0
    while start < len(flags):
        at = min(start + _CHUNK, len(flags)) - 1
        ends = np.flatnonzero(flags[at:] & F_LAST) if not flags[at] & F_LAST else [0]
        stop = at + 1 + int(ends[0]) if len(ends) else len(flags)
        yield start, stop
        start = stop


def row_error(batch: EventBatch, row: int, problem: int) -> EventError:
    """Make the error of a row that has a problem."""
    return EventError(
        f"row {row} of the batch, {chr(batch.action[row])} of order {batch.order_id[row]} of "
        f"{batch.instruments[batch.instrument_id[row]].symbol}, {_PROBLEMS[problem]}"
    )


def require(feed: str, name: str, values: npt.NDArray[Any], good: npt.NDArray[np.bool_], wanted: str) -> None:
    """Raise EventError for the first value of a column that is not good: the feed needs what is wanted."""
    if not good.all():
        row = int(np.argmin(good))
        raise EventError(f"column {name} has {values[row]} in row {row}: {feed} needs {wanted}")


def require_orders(feed: str, batch: EventBatch) -> None:
    """Raise EventError for the first row that names no order though its action is about one, or has no side."""
    names_order = np.isin(batch.action, list(b"ACMF"))
    is_level = names_order & (batch.flags & F_MBP != 0)
    require(feed, "flags", batch.flags, ~is_level, "orders: it has no price levels")
    require(feed, "side", batch.side, ~names_order | np.isin(batch.side, [BID, ASK]), "B or A for an order")


@inlined
def goes_on(events: Any, row: int) -> bool:
    """Tell whether the event of a row goes on with the next row."""
    return row + 1 < len(events.action) and not events.flags[row] & F_LAST


@inlined
def is_taken_off(events: Any, fill: int) -> bool:
    """Tell whether the row after an F takes the fill off the book."""
    if not goes_on(events, fill):
        return False
    action = events.action[fill + 1]
    return action in (CANCEL, MODIFY) and bool(events.order_id[fill + 1] == events.order_id[fill])
