"""Compiled loops over packets of MoldUDP64.

Source: Nasdaq, "MoldUDP64 Protocol Specification" V 1.00, section 3.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.kernels.byte_copy import copy_bytes
from hftlab.kernels.byte_order import load_u16, load_u64, store_u16, store_u64
from hftlab.kernels.compiling import i64, in_place, inlined

__all__ = [
    "DATA",
    "ENDS",
    "HEARTBEATS",
    "KINDS",
    "MOST_SESSIONS",
    "OTHERS",
    "UNNUMBERED",
    "UNWANTED",
    "Headers",
    "SessionTable",
    "find_messages",
    "find_packets",
    "find_runs",
    "plan_packets",
    "read_headers",
    "write_packets",
]

Bytes = npt.NDArray[np.uint8]
IntArray = npt.NDArray[np.int64]

DATA, HEARTBEATS, ENDS, UNNUMBERED, UNWANTED, OTHERS = range(6)
"""Kinds of datagrams, each the index of its count."""
KINDS: Final = 6

MOST_SESSIONS: Final = 1024
"""Sessions of a capture from which on more are taken for damage: a venue has one a day and feed."""

_HEADER: Final = 20
_SESSION: Final = 10
_END: Final = 0xFFFF
_SPACE, _TILDE = 0x20, 0x7E
_MOST_SEQUENCE: Final = np.uint64(1 << 62)  # numbers from here on are taken for damage: sums of them have to fit
_APART: Final = np.uint64(1 << 16)
"""Sets unnumbered packets of a session apart from its numbered ones."""


class SessionTable(NamedTuple):
    """Sessions met so far; each is a stream of its own."""

    words: npt.NDArray[np.uint64]  # (room, 2): the first eight bytes of the name; the last two, and the mark above
    numbers: IntArray  # (room,): the next number given to a message that has none
    known: IntArray  # (1,)
    wanted: npt.NDArray[np.uint64]  # (0 or 1, 2): the only one to keep


class Headers(NamedTuple):
    """Columns of the headers of datagrams: -1 as the stream of what is not to be kept."""

    stream: npt.NDArray[np.int32]
    sequence: IntArray
    messages: IntArray


@in_place
def read_headers(
    data: Bytes, start: IntArray, end: IntArray, at: int, table: SessionTable, headers: Headers, counts: IntArray
) -> int:
    """Read the headers of datagrams from number `at` on. Returns the first one not read, for which there is no session.

    A datagram is a packet if its session is printable, and its messages take up the rest of it exactly.
    """
    for row in range(at, len(start)):
        headers.stream[row] = -1
        headers.sequence[row] = headers.messages[row] = 0
        first = start[row]
        if not _is_packet(data, first, end[row]):
            counts[OTHERS] += 1
            continue
        sequence, count = load_u64(data, first + _SESSION), i64(load_u16(data, first + 18))
        is_unnumbered = sequence == 0 and 0 < count < _END
        last = load_u16(data, first + 8)
        stream = _stream_of(table, load_u64(data, first), last | _APART if is_unnumbered else last)
        if stream == -2:
            return row
        if stream == -3:
            counts[OTHERS] += 1
            continue
        if stream == -1:
            counts[UNWANTED] += 1
            continue
        headers.stream[row] = stream
        if is_unnumbered:
            counts[UNNUMBERED] += 1
            headers.sequence[row] = table.numbers[stream]
            table.numbers[stream] += count
        else:
            headers.sequence[row] = i64(sequence)
        if count in (0, _END):
            counts[HEARTBEATS if count == 0 else ENDS] += 1
        else:
            counts[DATA] += 1
            headers.messages[row] = count
    return len(start)


@inlined
def _is_packet(data: Bytes, at: Any, end: Any) -> bool:
    if end - at < _HEADER or load_u64(data, at + _SESSION) >= _MOST_SEQUENCE:
        return False
    for place in range(_SESSION):
        letter = data[at + place]
        if letter != 0 and not _SPACE <= letter <= _TILDE:
            return False
    count = i64(load_u16(data, at + 18))
    at += _HEADER
    if count != _END:
        for _ in range(count):
            if at + 2 > end:
                return False
            at += 2 + i64(load_u16(data, at))
    return bool(at == end)


@inlined
def _stream_of(table: SessionTable, first: Any, last: Any) -> Any:
    """Return the number of a session; -1 for one not wanted, -2 if there is no room for a new one, -3 beyond all."""
    for number in range(table.known[0]):
        if table.words[number, 0] == first and table.words[number, 1] == last:
            return number
    if len(table.wanted) and (table.wanted[0, 0] != first or table.wanted[0, 1] != last & ~_APART):
        return -1
    number = table.known[0]
    if number == MOST_SESSIONS:
        return -3
    if number == len(table.words):
        return -2
    table.words[number, 0], table.words[number, 1], table.numbers[number] = first, last, 1
    table.known[0] = number + 1
    return number


@in_place
def find_runs(
    data: Bytes, start: IntArray, packet: IntArray, skip: IntArray, count: IntArray, first: IntArray, end: IntArray
) -> None:
    """Find where the messages of each packet, with their lengths, begin and end, but for those to skip."""
    for row in range(len(packet)):
        at = start[packet[row]] + _HEADER
        for _ in range(skip[row]):
            at += 2 + i64(load_u16(data, at))
        first[row] = at
        for _ in range(count[row]):
            at += 2 + i64(load_u16(data, at))
        end[row] = at


@in_place
def find_messages(data: Bytes, first: IntArray, count: IntArray, start: IntArray, end: IntArray, run: IntArray) -> None:
    """Find where each message of each run begins and ends, behind its length, and of which run it is."""
    place = 0
    for row in range(len(first)):
        at = first[row]
        for _ in range(count[row]):
            start[place] = at + 2
            at += 2 + i64(load_u16(data, at))
            end[place], run[place] = at, row
            place += 1


@in_place
def find_packets(data: Bytes, end: int, start: IntArray, stop: IntArray) -> tuple[int, int]:
    """Find the packets that follow each other in data[:end]. Returns (how many, where the last whole one ends).

    Ends early, where there is room for no more. A place that is not a packet is returned as the end as well.
    """
    at, found = i64(0), 0
    while found < len(start) and at + _HEADER <= end:
        count, place = i64(load_u16(data, at + 18)), at + _HEADER
        for _ in range(0 if count == _END else count):
            if place + 2 > end:
                return found, at
            place += 2 + i64(load_u16(data, place))
        if place > end:
            return found, at
        start[found], stop[found] = at, place
        found += 1
        at = place
    return found, at


@in_place
def plan_packets(
    data: Bytes, end: int, run_end: IntArray, most: int, start: IntArray, stop: IntArray, count: IntArray, run: IntArray
) -> int:
    """Divide the messages in data[:end], with their lengths, among packets of at most `most` bytes.

    The messages up to each of `run_end` have packets of their own. Returns the number of packets.
    """
    at, found, number = i64(0), -1, 0
    while at < end:
        after = at + 2 + i64(load_u16(data, at))
        is_new = found < 0 or count[found] == _END - 1 or _HEADER + after - start[found] > most
        while at >= run_end[number]:
            number += 1
            is_new = True
        if is_new:
            found += 1
            start[found], count[found], run[found] = at, 0, number
        stop[found] = after
        count[found] += 1
        at = after
    return found + 1


@in_place
def write_packets(
    data: Bytes, start: IntArray, stop: IntArray, count: IntArray, session: Bytes, sequence: int, out: Bytes
) -> int:
    """Write packets one behind the other. Returns the number of the next message."""
    at = i64(0)
    for row in range(len(start)):
        copy_bytes(session, 0, _SESSION, out, at)
        store_u64(out, at + _SESSION, np.uint64(sequence))
        store_u16(out, at + 18, np.uint64(count[row]))
        size = stop[row] - start[row]
        copy_bytes(data, start[row], size, out, at + _HEADER)
        at += _HEADER + size
        sequence += count[row]
    return sequence
