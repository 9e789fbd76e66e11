"""State of the loop over captured packets from call to call, and the columns that it writes."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = [
    "BAD_HEADER",
    "BAD_LENGTH",
    "COUNTS",
    "DIVISOR",
    "FIELDS",
    "FLOW_WORDS",
    "FRAGMENT",
    "LINK",
    "MULTIPLIER",
    "NOT_UDP",
    "OFFSET",
    "REASONS",
    "SHIFT",
    "SNAP",
    "TRUNCATED",
    "UDP",
    "UNKNOWN_LINK",
    "PacketRows",
    "PacketState",
    "new_state",
]

IntArray = npt.NDArray[np.int64]

UDP, FRAGMENT, NOT_UDP, TRUNCATED, UNKNOWN_LINK, BAD_HEADER, BAD_LENGTH = range(7)
"""Kinds of packets, each the index of its count in `PacketState.counts`."""
COUNTS: Final = 7
REASONS: Final = {
    UNKNOWN_LINK: "link type",
    BAD_HEADER: "IP header",
    BAD_LENGTH: "length",
}
"""Why a packet is not understood."""

LINK, MULTIPLIER, DIVISOR, SHIFT, OFFSET, SNAP = range(6)
"""Fields of an interface: link type; ns of a tick of its clock, or ticks in a ns, or, if not -1, the power of two that
is its ticks in a second; ns to add; the most bytes that it captured of a packet, 0 for all."""
FIELDS: Final = 6

FLOW_WORDS: Final = 5
_FIRST_FLOWS: Final = 64


class PacketRows(NamedTuple):
    """Columns of Datagrams that the loop writes."""

    ts_recv: IntArray
    start: IntArray
    end: IntArray
    flow: npt.NDArray[np.int32]


class PacketState(NamedTuple):
    """State that the loop keeps from call to call."""

    interfaces: IntArray  # (interfaces, FIELDS): pcap has one
    counts: IntArray  # (COUNTS,): packets by what they are
    flows: npt.NDArray[np.uint64]  # (flows, FLOW_WORDS): source and destination in 16 bytes, version and ports
    slots: npt.NDArray[np.int32]  # twice as many as there is room for flows, a power of two: 1 + the flow, 0 for none
    known: IntArray  # (1,): how many flows there are


def new_state() -> PacketState:
    """Make the state before the first packet."""
    return PacketState(
        interfaces=np.zeros((0, FIELDS), np.int64),
        counts=np.zeros(COUNTS, np.int64),
        flows=np.zeros((_FIRST_FLOWS, FLOW_WORDS), np.uint64),
        slots=np.zeros(2 * _FIRST_FLOWS, np.int32),
        known=np.zeros(1, np.int64),
    )
