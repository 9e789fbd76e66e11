"""Columns of an EventBatch that a compiled decoder writes row by row."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.events import COLUMNS, EventBatch
from hftlab.instruments import Instrument
from hftlab.kernels.compiling import inlined, place_of

__all__ = ["CHUNK", "EventRows", "new_rows", "packed", "put_row", "whole_events"]

CHUNK: Final = 3 << 14
"""Rows of a batch: so many that its own cost is small, so few that its columns stay in the processor's cache."""

_GAP: Final = 7 * 64  # bytes


class EventRows(NamedTuple):
    """Columns of a batch, not all of whose rows need be written."""

    ts_event: npt.NDArray[np.int64]
    ts_recv: npt.NDArray[np.int64]
    sequence: npt.NDArray[np.int64]
    instrument_id: npt.NDArray[np.int32]
    order_id: npt.NDArray[np.uint64]
    action: npt.NDArray[np.uint8]
    side: npt.NDArray[np.uint8]
    price: npt.NDArray[np.int64]
    size: npt.NDArray[np.int64]
    flags: npt.NDArray[np.uint8]


def new_rows(count: int) -> EventRows:
    """Make the columns of a batch in one block, none of them at a distance of 4 KB from another.

    A decoder writes all of them in turn; at such distances they would fall into the same set of the first cache.
    """
    starts, size = {}, 0
    for name in EventRows._fields:
        starts[name] = size
        size += -(-count * np.dtype(COLUMNS[name]).itemsize // 64) * 64 + _GAP
    block = np.empty(size, np.uint8)
    columns: dict[str, Any] = {
        name: block[start : start + count * np.dtype(COLUMNS[name]).itemsize].view(COLUMNS[name])
        for name, start in starts.items()
    }
    return EventRows(**columns)


def packed(rows: EventRows, count: int, instruments: tuple[Instrument, ...]) -> EventBatch:
    """Return the first rows as a batch, which takes over their memory."""
    return EventBatch._trusted({name: values[:count] for name, values in rows._asdict().items()}, instruments)


def whole_events(
    rows: EventRows, done: int, count: int, room: int, instruments: tuple[Instrument, ...]
) -> tuple[EventBatch, EventRows, int]:
    """Return the first `done` of `count` rows as a batch, new columns that begin with the others, and their number.

    The new columns have room for `room` rows, and for twice those that they begin with.
    """
    left = count - done
    fresh = new_rows(room + 2 * left)
    for name in EventRows._fields:
        getattr(fresh, name)[:left] = getattr(rows, name)[done:count]
    return packed(rows, done, instruments), fresh, left


@inlined
def put_row(
    rows: EventRows,
    row: int,
    time: Any,
    received: Any,
    sequence: Any,
    instrument: Any,
    order: Any,
    action: Any,
    side: Any,
    price: Any,
    size: Any,
    flags: Any,
) -> None:
    """Write a row."""
    place = place_of(row)
    rows.ts_event[place] = time
    rows.ts_recv[place] = received
    rows.sequence[place] = sequence
    rows.instrument_id[place] = instrument
    rows.order_id[place] = order
    rows.action[place] = action
    rows.side[place] = side
    rows.price[place] = price
    rows.size[place] = size
    rows.flags[place] = flags
