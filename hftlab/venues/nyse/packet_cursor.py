"""Walk through the messages of packets, compiled: where the decoding loop is, also between two calls."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hftlab.kernels.byte_order import load_little_u16, load_little_u32
from hftlab.kernels.compiling import i64, in_place, inlined, place_of
from hftlab.venues.nyse.decoder_state import HEARTBEATS, OTHERS, PACKETS, Packets
from hftlab.venues.pcap import Datagrams

__all__ = [
    "AT",
    "END",
    "FIELDS",
    "LEFT",
    "NEXT",
    "RECEIVED",
    "REFRESHED",
    "SENT",
    "SENT_NS",
    "SEQUENCE",
    "all_of",
    "find_messages",
    "find_packets",
    "is_packet",
    "is_refresh",
    "open_packet",
]

Bytes = npt.NDArray[np.uint8]
IntArray = npt.NDArray[np.int64]

NEXT, AT, END, LEFT, SEQUENCE, SENT, SENT_NS, RECEIVED, FLAG, REFRESHED = range(10)
"""Fields of a cursor: the next datagram; of the open packet where the next message begins, where it ends, how many
messages are left, the next one's sequence number, when it was sent and received, its delivery flag, and the symbol
sequence number of its refresh header, 0 without one."""
FIELDS: Final = 10

_HEADER: Final = 16
_HEAD: Final = 4
_TYPES: Final = 256  # there are no types from here on; what has one is another feed's
_HEARTBEAT, _FIRST_FLAG, _LAST_FLAG = 1, 10, 21
_FIRST_REFRESH, _LAST_REFRESH = 17, 20
_MOST: Final = 255  # messages of a packet


def all_of(datagrams: Datagrams) -> Packets:
    """Return all messages of datagrams as the loop reads them."""
    count = len(datagrams)
    skip, most = np.zeros(count, np.int64), np.full(count, _MOST)
    return Packets(datagrams.data, datagrams.ts_recv, datagrams.start, datagrams.end, skip, most)


@inlined
def is_packet(data: Bytes, start: Any, end: Any) -> bool:
    """Tell whether a datagram is a packet: by its size, delivery flag, and the size and type of its first message."""
    if end - start < _HEADER:
        return False
    size, flag = i64(load_little_u16(data, start)), data[place_of(start + 2)]
    is_known = flag == _HEARTBEAT or _FIRST_FLAG <= flag <= _LAST_FLAG
    if not is_known or not _HEADER <= size <= end - start:
        return False
    if data[place_of(start + 3)] == 0:
        return True
    if size < _HEADER + _HEAD:
        return False
    at = start + _HEADER
    return bool(_HEAD <= i64(load_little_u16(data, at)) <= size - _HEADER and load_little_u16(data, at + 2) < _TYPES)


@inlined
def is_refresh(cursor: IntArray) -> bool:
    """Tell whether the open packet is part of a refresh."""
    return bool(_FIRST_REFRESH <= cursor[FLAG] <= _LAST_REFRESH)


@in_place
def open_packet(packets: Packets, cursor: IntArray, tallies: IntArray) -> bool:
    """Open the next packet that has messages. Returns False if there is none."""
    data = packets.data
    while cursor[NEXT] < len(packets.start):
        number = cursor[NEXT]
        cursor[NEXT] += 1
        start, end = packets.start[number], packets.end[number]
        if not is_packet(data, start, end):
            tallies[OTHERS] += 1
            continue
        tallies[PACKETS] += 1
        count = i64(data[start + 3])
        if count == 0:
            tallies[HEARTBEATS] += 1
            continue
        cursor[AT] = start + _HEADER
        cursor[END] = start + i64(load_little_u16(data, start))
        cursor[LEFT] = count
        cursor[SEQUENCE] = i64(load_little_u32(data, start + 4))
        if packets.skip[number] > 0:
            _pass_over(data, cursor, packets.skip[number])
        cursor[LEFT] = min(cursor[LEFT], packets.most[number])
        if cursor[LEFT] == 0:
            continue
        cursor[SENT] = i64(load_little_u32(data, start + 8))
        cursor[SENT_NS] = i64(load_little_u32(data, start + 12))
        cursor[RECEIVED] = packets.ts_recv[number]
        cursor[FLAG] = i64(data[start + 2])
        cursor[REFRESHED] = 0
        return True
    return False


@in_place
def _pass_over(data: Bytes, cursor: IntArray, messages: Any) -> None:
    """Pass over the first messages of a packet, as far as they are whole."""
    for _ in range(min(messages, cursor[LEFT])):
        at = cursor[AT]
        size = i64(load_little_u16(data, at)) if at + _HEAD <= cursor[END] else 0
        if size < _HEAD:
            break
        cursor[AT] = at + size
        cursor[LEFT] -= 1
        cursor[SEQUENCE] += 1


def find_packets(packets: Packets) -> npt.NDArray[np.bool_]:
    """Tell which datagrams are packets."""
    found = np.zeros(len(packets.start), np.bool_)
    _find_packets(packets, found)
    return found


@in_place
def _find_packets(packets: Packets, found: npt.NDArray[np.bool_]) -> None:
    for number in range(len(found)):
        found[number] = is_packet(packets.data, packets.start[number], packets.end[number])


@in_place
def find_messages(packets: Packets, found: IntArray) -> int:
    """Write where each whole message begins, its size, type, datagram and sequence number into a row of `found`.

    Returns the number of messages; `found` has to have room for one in each four bytes.
    """
    data, count = packets.data, 0
    for number in range(len(packets.start)):
        start = packets.start[number]
        if not is_packet(data, start, packets.end[number]):
            continue
        at, end = start + _HEADER, start + i64(load_little_u16(data, start))
        sequence = i64(load_little_u32(data, start + 4))
        for place in range(i64(data[start + 3])):
            if at + _HEAD > end:
                break
            size = i64(load_little_u16(data, at))
            if size < _HEAD or at + size > end:
                break
            found[count, 0] = at
            found[count, 1] = size
            found[count, 2] = i64(load_little_u16(data, at + 2))
            found[count, 3] = number
            found[count, 4] = sequence + place
            count += 1
            at += size
    return count
