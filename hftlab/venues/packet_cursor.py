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
    "GAP",
    "LEFT",
    "NEXT",
    "RECEIVED",
    "SEQUENCE",
    "SKIP",
    "STREAM",
    "GapNumbers",
    "Packets",
    "ended",
    "open_packet",
    "packets_of",
]

IntArray = npt.NDArray[np.int64]

NEXT, AT, END, LEFT, SKIP, SEQUENCE, RECEIVED, STREAM, GAP = range(9)
"""Fields of a cursor: the next row; of the open packet where the next message begins, where it ends, how many messages
are left, how many of those have been delivered before, the next one's sequence number, when it was received, its
stream, and the number of the stream's last gap before it."""
FIELDS: Final = 9


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
    gap: IntArray


class GapNumbers:
    """Numbers of the gaps of all streams, in the order in which they were declared, from 1 on."""

    def __init__(self) -> None:
        self._count = 0
        self._last = np.zeros(0, np.int64)

    def before(self, ordered: Ordered) -> IntArray:
        """Return for each row of what an arbiter delivers the number of its stream's last gap before it, 0 for none."""
        if not self._count and not ordered.gaps:
            return np.zeros(len(ordered), np.int64)
        streams = np.array([gap.stream for gap in ordered.gaps], np.int64)
        room = 1 + max(int(ordered.stream.max(initial=-1)), int(streams.max(initial=-1)), len(self._last) - 1)
        self._last = np.concatenate([self._last, np.zeros(room - len(self._last), np.int64)])
        found = self._last[ordered.stream]
        numbers = self._count + 1 + np.arange(len(streams))
        for stream in np.unique(streams).tolist():
            own, is_its = np.flatnonzero(ordered.stream == stream), streams == stream
            begins = np.zeros(len(own) + 1, np.int64)
            np.maximum.at(begins, np.searchsorted(own, ordered.gap_row[is_its]), numbers[is_its])
            found[own] = np.maximum(found[own], np.maximum.accumulate(begins)[:-1])
            self._last[stream] = numbers[is_its].max()
        self._count += len(streams)
        return found


def packets_of(ordered: Ordered, gap: IntArray) -> Packets:
    """Return what an arbiter delivers as the columns that a decoder reads, with the numbers of gaps before them."""
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
        gap,
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
    cursor[GAP] = packets.gap[row]
    return True
