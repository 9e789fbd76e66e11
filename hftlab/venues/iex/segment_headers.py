"""Headers of IEX-TP's segments, and where their messages are: compiled loops over datagrams."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.kernels.byte_order import load_little_u16, load_little_u32, load_little_u64
from hftlab.kernels.compiling import i64, in_place, inlined, place_of
from hftlab.venues.pcap.datagrams import Datagrams

__all__ = ["HEADER_SIZE", "LENGTH_SIZE", "SegmentHeaders", "find_messages", "segment_headers"]

Bytes = npt.NDArray[np.uint8]
IntArray = npt.NDArray[np.int64]

HEADER_SIZE: Final = 40
LENGTH_SIZE: Final = 2
"""Bytes of a message's length, which does not count them."""

_VERSION: Final = 1
_MOST_SEQUENCE: Final = 1 << 62
"""Sequence numbers from here on, and negative ones, are taken for damage."""


class SegmentHeaders(NamedTuple):
    """Headers of datagrams that are segments; `protocol`, `channel` and `session` name the stream of each."""

    is_segment: npt.NDArray[np.bool_]
    end: IntArray
    protocol: IntArray
    channel: IntArray
    session: IntArray
    sequence: IntArray
    messages: IntArray


def segment_headers(datagrams: Datagrams) -> SegmentHeaders:
    """Read the headers of datagrams. A segment is one of version 1 whose messages, by their lengths, fill it."""
    found = SegmentHeaders(np.zeros(len(datagrams), np.bool_), *np.zeros((6, len(datagrams)), np.int64))
    _read(datagrams.data, datagrams.start, datagrams.end, found)
    return found


@in_place
def _read(data: Bytes, starts: IntArray, ends: IntArray, found: SegmentHeaders) -> None:
    for row in range(len(starts)):
        start = starts[row]
        found.end[row] = ends[row]
        if not _is_segment(data, start, ends[row]):
            continue
        found.is_segment[row] = True
        found.end[row] = start + HEADER_SIZE + i64(load_little_u16(data, start + 12))
        found.protocol[row] = i64(load_little_u16(data, start + 2))
        found.channel[row] = i64(load_little_u32(data, start + 4))
        found.session[row] = i64(load_little_u32(data, start + 8))
        found.messages[row] = i64(load_little_u16(data, start + 14))
        found.sequence[row] = i64(load_little_u64(data, start + 24))


@inlined
def _is_segment(data: Bytes, start: Any, end: Any) -> bool:
    if end - start < HEADER_SIZE or data[place_of(start)] != _VERSION:
        return False
    if load_little_u64(data, start + 24) >= np.uint64(_MOST_SEQUENCE):
        return False
    stop = start + HEADER_SIZE + i64(load_little_u16(data, start + 12))
    if stop > end:
        return False
    at = start + HEADER_SIZE
    for _ in range(i64(load_little_u16(data, start + 14))):
        if at + LENGTH_SIZE > stop:
            return False
        size = i64(load_little_u16(data, at))
        if size == 0:
            return False
        at += LENGTH_SIZE + size
    return bool(at == stop)


@in_place
def find_messages(data: Bytes, starts: IntArray, headers: SegmentHeaders, found: IntArray) -> int:
    """Write where each message begins behind its length, its size, type, datagram and number into a row of `found`.

    Returns the number of messages, for which `found` has to have room.
    """
    count = 0
    for number in range(len(starts)):
        if not headers.is_segment[number]:
            continue
        at = starts[number] + HEADER_SIZE
        for place in range(headers.messages[number]):
            size = i64(load_little_u16(data, at))
            found[count, 0] = at + LENGTH_SIZE
            found[count, 1] = size
            found[count, 2] = i64(data[at + LENGTH_SIZE])
            found[count, 3] = number
            found[count, 4] = headers.sequence[number] + place
            count += 1
            at += LENGTH_SIZE + size
    return count
