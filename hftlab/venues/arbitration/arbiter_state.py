"""State of the loop that puts lines together, from call to call, and the columns that it reads and writes."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = [
    "DELIVERED",
    "DONE",
    "DUPLICATES",
    "END",
    "EPOCH",
    "EXPECTED",
    "GAPS",
    "GAP_FIELDS",
    "GAP_FROM",
    "GAP_TO",
    "HEAD",
    "HEARD",
    "HELD_EPOCH",
    "HELD_FIELDS",
    "HIGHEST",
    "INDEX",
    "LATE",
    "LINE_EPOCH",
    "LINE_FIELDS",
    "LINE_STREAM",
    "MISSING",
    "NOTICED",
    "NO_GAPS",
    "NO_ROOM",
    "PACKETS",
    "RESTARTS",
    "ROWS",
    "SEQUENCE",
    "SINCE",
    "STREAM_FIELDS",
    "TAIL",
    "TALLIES",
    "ArbiterState",
    "Arrivals",
    "Order",
    "new_state",
    "with_more_room",
]

IntArray = npt.NDArray[np.int64]

DONE, NO_ROOM, NO_GAPS = range(3)
"""Reasons why the loop returned: all is done, or more room is needed, to hold packets or to write gaps."""

EXPECTED, EPOCH, NOTICED, SINCE, HEAD, TAIL, GAP_FROM, GAP_TO = range(8)
"""Fields of a stream: the next number, -1 before the first; how often its numbers have begun anew; when the first of
the packets that are held came, and how many came since; where those begin and end; its youngest gap, to the number
behind."""
STREAM_FIELDS: Final = 8

HELD_EPOCH, SEQUENCE, END, INDEX = range(4)
"""Fields of a packet that is held: restarts before it, its first number, the one behind its last, its datagram."""
HELD_FIELDS: Final = 4

LINE_STREAM, LINE_EPOCH, HIGHEST, HEARD = range(4)
"""Fields of a line: 1 + its stream, 0 before its first packet; its restarts; the number behind the highest since; when
its last packet came."""
LINE_FIELDS: Final = 4

GAP_FIELDS: Final = 6
"""Fields of a gap: stream, first and last number, when noticed, when given up, rows of the order before it."""

PACKETS, DELIVERED, DUPLICATES, LATE, MISSING, RESTARTS = range(6)
TALLIES: Final = 6

ROWS, GAPS = range(2)
"""Places of `Order.counts`."""

_FIRST_HELD: Final = 64


class ArbiterState(NamedTuple):
    """State that the loop keeps from call to call."""

    streams: IntArray  # (streams, STREAM_FIELDS)
    held: IntArray  # (streams, room, HELD_FIELDS): sorted by restarts and first number
    lines: IntArray  # (lines, LINE_FIELDS)
    tallies: IntArray  # (TALLIES,)


class Arrivals(NamedTuple):
    """Packets in the order of their arrival."""

    stream: npt.NDArray[np.int32]  # -1 for what is not a packet of any
    sequence: IntArray
    messages: IntArray
    restart: npt.NDArray[np.bool_]
    line: npt.NDArray[np.int32]
    ts_recv: IntArray


class Order(NamedTuple):
    """Messages that the loop delivers."""

    packet: IntArray
    skip: IntArray
    messages: IntArray
    sequence: IntArray
    stream: npt.NDArray[np.int32]
    gaps: IntArray  # (gaps, GAP_FIELDS)
    counts: IntArray  # rows, gaps


def new_state() -> ArbiterState:
    """Make the state before the first packet."""
    return ArbiterState(
        streams=np.zeros((0, STREAM_FIELDS), np.int64),
        held=np.zeros((0, _FIRST_HELD, HELD_FIELDS), np.int64),
        lines=np.zeros((0, LINE_FIELDS), np.int64),
        tallies=np.zeros(TALLIES, np.int64),
    )


def with_more_room(state: ArbiterState, *, streams: int = 0, lines: int = 0, held: int = 0) -> ArbiterState:
    """Return the state with room for at least so many streams and lines, and packets that a stream holds."""
    known, room, _ = state.held.shape
    if streams <= known and lines <= len(state.lines) and held <= room:
        return state
    new = max(0, streams - known)
    fresh = np.zeros((new, STREAM_FIELDS), np.int64)
    fresh[:, EXPECTED] = -1
    table = np.zeros((known + new, max(room, held), HELD_FIELDS), np.int64)
    table[:known, :room] = state.held
    more = np.zeros((max(0, lines - len(state.lines)), LINE_FIELDS), np.int64)
    return state._replace(
        streams=np.concatenate([state.streams, fresh]),
        held=table,
        lines=np.concatenate([state.lines, more]),
    )
