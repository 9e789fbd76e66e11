"""Blocks of a pcapng file that describe others: section headers and interfaces.

Source: IETF draft "PCAP Now Generic (pcapng) Capture File Format" (draft-ietf-opsawg-pcapng), sections 4.1, 4.2, 3.5.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from hftlab.venues.pcap.packet_state import DIVISOR, FIELDS, LINK, MULTIPLIER, OFFSET, SHIFT, SNAP

__all__ = ["SECTION", "interface_of", "section_order"]

Order = Literal["big", "little"]

SECTION: Final = b"\x0a\x0d\x0d\x0a"
"""First bytes of a section header, in both byte orders."""

_MAGIC: Final = 0x1A2B3C4D
_RESOLUTION, _OFFSET = 9, 14  # options of an interface
_NANOSECONDS: Final = 9
_SECOND: Final = 1_000_000_000
_MOST_POWER: Final = 63
_MOST_DECIMALS: Final = 18
_MICROSECONDS: Final = 6


def section_order(block: bytes) -> Order | None:
    """Return the byte order that a section header's first 12 bytes give, None if they are not one."""
    if block.startswith(SECTION):
        if int.from_bytes(block[8:12], "little") == _MAGIC:
            return "little"
        if int.from_bytes(block[8:12], "big") == _MAGIC:
            return "big"
    return None


def interface_of(block: bytes, order: Order) -> list[int]:
    """Return the fields of the interface that a block describes, as packet_state has them.

    Raises ValueError for a block that is too short, or a clock whose times int64 does not hold.
    """
    if len(block) < 20:
        raise ValueError(f"describes an interface in {len(block)} bytes, of which it needs 20")
    fields = [0] * FIELDS
    fields[LINK] = int.from_bytes(block[8:10], order)
    fields[SNAP] = int.from_bytes(block[12:16], order)
    power, is_binary = _MICROSECONDS, False
    for code, value in _options(block[16:-4], order):
        if code == _RESOLUTION and value:
            power, is_binary = value[0] & 0x7F, value[0] > 0x7F
        elif code == _OFFSET and len(value) == 8:
            fields[OFFSET] = int.from_bytes(value, order, signed=True) * _SECOND
    if power > (_MOST_POWER if is_binary else _NANOSECONDS + _MOST_DECIMALS):
        raise ValueError(f"describes a clock of {2 if is_binary else 10}^-{power} s, finer than hftlab reads")
    if abs(fields[OFFSET]) >= 1 << 63:
        raise ValueError(f"describes a clock that begins {fields[OFFSET] // _SECOND} s from 1970, beyond int64 in ns")
    fields[SHIFT] = power if is_binary else -1
    fields[MULTIPLIER] = 1 if is_binary else 10 ** max(0, _NANOSECONDS - power)
    fields[DIVISOR] = 1 if is_binary else 10 ** max(0, power - _NANOSECONDS)
    return fields


def _options(data: bytes, order: Order) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(data) and (code := int.from_bytes(data[at : at + 2], order)):
        size = int.from_bytes(data[at + 2 : at + 4], order)
        yield code, data[at + 4 : at + 4 + size]
        at += 4 + size + -size % 4
