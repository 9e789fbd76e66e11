"""Compiled loops over the records of a pcap file and the blocks of a pcapng file.

Sources: IETF drafts "PCAP Capture File Format" (draft-ietf-opsawg-pcap), sections 4 and 5, and "PCAP Now Generic
(pcapng) Capture File Format" (draft-ietf-opsawg-pcapng), section 4.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hftlab.kernels.byte_order import load_little_u16, load_little_u32, load_u16, load_u32
from hftlab.kernels.compiling import i64, in_place, inlined
from hftlab.venues.pcap.ip_kernel import NO_ROOM, take_packet
from hftlab.venues.pcap.packet_state import DIVISOR, LINK, MULTIPLIER, OFFSET, SHIFT, SNAP, PacketRows, PacketState

__all__ = [
    "BLOCK",
    "FLOWS",
    "INPUT",
    "LARGEST",
    "LENGTH",
    "SMALLEST",
    "TRAILER",
    "WRONG_INTERFACE",
    "find_in_blocks",
    "find_in_records",
]

Bytes = npt.NDArray[np.uint8]

INPUT, FLOWS, BLOCK, LENGTH, TRAILER, WRONG_INTERFACE = range(6)
"""Reasons why a loop returned: it needs more bytes, room for more flows, somebody who reads a block or the header of
another file behind the first; and damage: a length that cannot be, a block's two lengths that differ, a packet of an
interface that was not described."""

LARGEST: Final = 1 << 24
"""Bytes of a record or block above which its length is taken for damage."""

SMALLEST: Final = 16 + 20 + 8
"""Bytes in the file of the smallest record with a datagram."""

SECTION: Final = 0x0A0D0D0A
_MAGICS: Final = (0xA1B2C3D4, 0xA1B23C4D, 0xD4C3B2A1, 0x4D3CB2A1)
_VERSIONS: Final = (0x00020004, 0x02000400)
"""Version 2.4, in both byte orders."""
_INTERFACE, _PACKET, _SIMPLE, _ENHANCED = 1, 2, 3, 6
_SECOND: Final = 1_000_000_000
_LATEST: Final = 9.2233720368e18  # in 2262
_HALF: Final = np.uint64(32)
_LOW: Final = np.uint64((1 << 32) - 1)


@inlined
def _u32(data: Bytes, at: Any, is_little: bool) -> Any:
    return i64(load_little_u32(data, at) if is_little else load_u32(data, at))


@in_place
def find_in_records(
    data: Bytes, at: int, end: int, is_little: bool, state: PacketState, rows: PacketRows, row: int
) -> tuple[int, int, int]:
    """Take the packets of the records in data[at:end], and write rows from `row` on.

    Returns (where the first record not taken begins, the next free row, why); BLOCK at the header of another file.
    """
    interface = state.interfaces[0]
    link, multiplier = interface[LINK], interface[MULTIPLIER]
    while at + 16 <= end:
        size, original = _u32(data, at + 8, is_little), _u32(data, at + 12, is_little)
        if size > LARGEST:
            return at, row, LENGTH
        if size == 0 and original == 0 and _is_header(data, at):
            return at, row, BLOCK
        start = at + 16
        if start + size > end:
            break
        time = _u32(data, at, is_little) * _SECOND + _u32(data, at + 4, is_little) * multiplier
        what = take_packet(data, start, start + size, size < original, link, time, state, rows, row)
        if what == NO_ROOM:
            return at, row, FLOWS
        state.counts[what] += 1
        row += what == 0
        at = start + size
    return at, row, INPUT


@inlined
def _is_header(data: Bytes, at: Any) -> bool:
    """Tell whether a pcap file begins here, the zeros of whose header would be the lengths of a record."""
    return i64(load_u32(data, at)) in _MAGICS and i64(load_u32(data, at + 4)) in _VERSIONS


@in_place
def find_in_blocks(
    data: Bytes, at: int, end: int, is_little: bool, state: PacketState, rows: PacketRows, row: int
) -> tuple[int, int, int]:
    """Take the packets of the blocks in data[at:end], as `find_in_records()`; BLOCK at one that describes others."""
    while at + 12 <= end:
        kind = _u32(data, at, is_little)
        if kind == SECTION:
            return at, row, BLOCK
        size = _u32(data, at + 4, is_little)
        if size < 12 or size % 4 != 0 or size > LARGEST:
            return at, row, LENGTH
        if at + size > end:
            break
        if _u32(data, at + size - 4, is_little) != size:
            return at, row, TRAILER
        if kind == _INTERFACE:
            return at, row, BLOCK
        if kind in (_ENHANCED, _SIMPLE, _PACKET):
            head = 28 if kind != _SIMPLE else 12
            if size < head + 4:
                return at, row, LENGTH
            number = i64(0)
            if kind == _ENHANCED:
                number = _u32(data, at + 8, is_little)
            elif kind == _PACKET:
                number = i64(load_little_u16(data, at + 8) if is_little else load_u16(data, at + 8))
            if number >= len(state.interfaces):
                return at, row, WRONG_INTERFACE
            interface = state.interfaces[number]
            original = _u32(data, at + head - 4, is_little)
            room = size - head - 4
            if kind == _SIMPLE:
                captured, time = min(original, room), i64(0)
                if interface[SNAP] > 0:
                    captured = min(captured, interface[SNAP])
            else:
                captured = _u32(data, at + 20, is_little)
                high, low = _u32(data, at + 12, is_little), _u32(data, at + 16, is_little)
                time = _in_ns((np.uint64(high) << _HALF) | np.uint64(low), interface)
            if captured > room:
                return at, row, LENGTH
            start = at + head
            what = take_packet(
                data, start, start + captured, captured < original, interface[LINK], time, state, rows, row
            )
            if what == NO_ROOM:
                return at, row, FLOWS
            state.counts[what] += 1
            row += what == 0
        at += size
    return at, row, INPUT


@inlined
def _in_ns(ticks: Any, interface: Any) -> Any:
    """Convert ticks of an interface's clock to ns since 1970, down; 0 for a time that int64 does not hold."""
    shift = interface[SHIFT]
    unit = _SECOND / 2.0**shift if shift >= 0 else interface[MULTIPLIER] / interface[DIVISOR]
    if abs(np.float64(ticks) * unit + interface[OFFSET]) > _LATEST:
        return i64(0)
    if shift < 0:
        if interface[DIVISOR] > 1:
            return i64(ticks // np.uint64(interface[DIVISOR])) + interface[OFFSET]
        return i64(ticks) * interface[MULTIPLIER] + interface[OFFSET]
    power = np.uint64(shift)
    seconds = i64(ticks >> power)
    part = ticks & ((np.uint64(1) << power) - np.uint64(1))
    # In two halves: the whole product needs 94 bits.
    high, low = (part >> _HALF) * np.uint64(_SECOND), (part & _LOW) * np.uint64(_SECOND)
    fraction = i64(low >> power) if shift < 32 else i64((high + (low >> _HALF)) >> (power - _HALF))
    return seconds * _SECOND + fraction + interface[OFFSET]
