"""Headers of MITCH's units, and where their messages are: compiled loops over datagrams."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.kernels.byte_order import load_little_u16, load_little_u32
from hftlab.kernels.compiling import i64, in_place, inlined, place_of
from hftlab.venues.pcap.datagrams import Datagrams

__all__ = ["HEADER_SIZE", "MOST_MESSAGES", "UnitHeaders", "find_messages", "find_units", "unit_headers"]

Bytes = npt.NDArray[np.uint8]
IntArray = npt.NDArray[np.int64]

HEADER_SIZE: Final = 8
MOST_MESSAGES: Final = 255
_HEAD: Final = 2  # bytes of the shortest message: length and type


class UnitHeaders(NamedTuple):
    """Headers of datagrams that are units; `group` is -1 for the others, and for units that are not numbered."""

    is_unit: npt.NDArray[np.bool_]
    end: IntArray
    group: npt.NDArray[np.int32]
    sequence: IntArray
    messages: IntArray


def unit_headers(datagrams: Datagrams) -> UnitHeaders:
    """Read the headers of datagrams. A unit is one whose messages, by their lengths, fill it."""
    count = len(datagrams)
    found = UnitHeaders(
        np.zeros(count, np.bool_),
        np.empty(count, np.int64),
        np.empty(count, np.int32),
        np.empty(count, np.int64),
        np.empty(count, np.int64),
    )
    _read(datagrams.data, datagrams.start, datagrams.end, found)
    return found


@in_place
def _read(data: Bytes, starts: IntArray, ends: IntArray, found: UnitHeaders) -> None:
    for row in range(len(starts)):
        start = starts[row]
        is_unit = _is_unit(data, start, ends[row])
        found.is_unit[row] = is_unit
        found.end[row], found.group[row], found.sequence[row], found.messages[row] = ends[row], -1, 0, 0
        if not is_unit:
            continue
        found.end[row] = start + i64(load_little_u16(data, start))
        found.messages[row] = data[start + 2]
        found.sequence[row] = i64(load_little_u32(data, start + 4))
        if found.sequence[row] > 0:
            found.group[row] = data[start + 3]


@inlined
def _is_unit(data: Bytes, start: Any, end: Any) -> bool:
    """Tell whether a payload is a unit: by its length, and by those of its messages."""
    if end - start < HEADER_SIZE:
        return False
    stop = start + i64(load_little_u16(data, start))
    if stop > end:
        return False
    at = start + HEADER_SIZE
    for _ in range(i64(data[place_of(start + 2)])):
        if at + _HEAD > stop:
            return False
        size = i64(data[place_of(at)])
        if size < _HEAD:
            return False
        at += size
    return bool(at == stop)


@in_place
def find_messages(data: Bytes, starts: IntArray, headers: UnitHeaders, found: IntArray) -> int:
    """Write where each message begins, its size, type, datagram and sequence number into a row of `found`.

    Returns the number of messages, for which `found` has to have room.
    """
    count = 0
    for number in range(len(starts)):
        if not headers.is_unit[number]:
            continue
        at = starts[number] + HEADER_SIZE
        for place in range(headers.messages[number]):
            size = i64(data[at])
            found[count, 0] = at
            found[count, 1] = size
            found[count, 2] = i64(data[at + 1])
            found[count, 3] = number
            found[count, 4] = headers.sequence[number] + place
            count += 1
            at += size
    return count


@in_place
def find_units(data: Bytes, end: int, starts: IntArray, ends: IntArray) -> tuple[int, int, bool]:
    """Find the units that follow each other in data[:end], as in a file of nothing else.

    Returns (where the rest begins, how many units, whether what follows is not a unit); stops when `starts` is full.
    """
    at = count = 0
    while at + HEADER_SIZE <= end and count < len(starts):
        stop = at + i64(load_little_u16(data, at))
        if stop > end:
            break
        if not _is_unit(data, at, stop):
            return at, count, True
        starts[count], ends[count] = at, stop
        count += 1
        at = stop
    return at, count, False
