"""Packets in the order of an arbiter, as compiled decoders walk through them, also between two calls."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.kernels.compiling import inlined
from hftlab.venues.arbitration import Ordered
from hftlab.venues.pcap.datagrams import Datagrams

__all__ = [
    "AT",
    "END",
    "FIELDS",
    "LEFT",
    "NEXT",
    "RECEIVED",
    "SEQUENCE",
    "SKIP",
    "STREAM",
    "Packets",
    "ended",
    "open_packet",
    "packets_of",
]

IntArray = npt.NDArray[np.int64]

NEXT, AT, END, LEFT, SKIP, SEQUENCE, RECEIVED, STREAM = range(8)
"""Fields of a cursor: the next row; of the open packet where the next message begins, where it ends, how many messages
are left, how many of those have been delivered before, the next one's sequence number, when it was received, and its
stream."""
FIELDS: Final = 8


class Packets(NamedTuple):
    """Packets that a decoder reads: datagrams, and a row for each packet of which messages are new."""

    data: npt.NDArray[np.uint8]
    start: IntArray
    end: IntArray
    ts_recv: IntArray
    packet: IntArray
    skip: IntArray
    messages: IntArray
    sequence: IntArray
    stream: npt.NDArray[np.int32]


def packets_of(ordered: Ordered) -> Packets:
    """Return what an arbiter delivers as the columns that a decoder reads."""
    datagrams = ordered.datagrams
    return Packets(
        datagrams.data,
        datagrams.start,
        datagrams.end,
        datagrams.ts_recv,
        ordered.packet,
        ordered.skip,
        ordered.count,
        ordered.sequence,
        ordered.stream,
    )


def ended(datagrams: Datagrams, end: IntArray) -> Datagrams:
    """Return datagrams whose payloads end where their packets do."""
    return replace(datagrams, end=end)


@inlined
def open_packet(packets: Packets, cursor: IntArray, header: Any) -> bool:
    """Open the next packet, behind a header of so many bytes. Returns False if there is none."""
    row = cursor[NEXT]
    if row >= len(packets.packet):
        return False
    number = packets.packet[row]
    cursor[NEXT] = row + 1
    cursor[AT] = packets.start[number] + header
    cursor[END] = packets.end[number]
    cursor[SKIP] = packets.skip[row]
    cursor[LEFT] = packets.skip[row] + packets.messages[row]
    cursor[SEQUENCE] = packets.sequence[row] - packets.skip[row]
    cursor[RECEIVED] = packets.ts_recv[number]
    cursor[STREAM] = packets.stream[row]
    return True
