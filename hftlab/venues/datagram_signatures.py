"""Signs by which the feeds in a packet capture are told apart, from the payload of one datagram.

Sources: Nasdaq, "MoldUDP64"; IEX, "Transport Protocol"; NYSE, "XDP Common Client Specification"; LSE, "MIT303".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from hftlab.venues.binary_signatures import ITCH_IN_MOLD, Found, is_itch_in_mold

__all__ = ["describe_payload", "describe_units"]

_MITCH: Final = "LSE's MITCH"
_XDP: Final = 16  # bytes of XDP's packet header
_UNIT: Final = 8  # bytes of a MITCH unit's header
_IEX: Final = {  # by IEX-TP's message protocols
    0x8002: (None, "IEX's TOPS 1.5"),
    0x8003: ("iex", "IEX's TOPS"),
    0x8004: ("iex", "IEX's DEEP"),
    0x8005: ("iex", "IEX's DEEP+"),
}
_UNITS: Final = 100  # of a file that are looked at


def describe_payload(payload: bytes) -> Found | None:
    """Return (the format that reads it, or None; what it is) for the payload of a datagram, None if it is not known."""
    if payload[:2] == b"\x01\x00" and (feed := _IEX.get(int.from_bytes(payload[2:4], "little"))) is not None:
        return feed
    if is_itch_in_mold(payload):
        return "itch", ITCH_IN_MOLD
    if _is_mitch_unit(payload):
        return "mitch", _MITCH
    return _xdp(payload)


def describe_units(head: bytes) -> Found | None:
    """Return what the head of a file of MITCH's units alone is, None if it is another file."""
    at = units = 0
    while at + 2 <= len(head) and units < _UNITS:
        unit = head[at : at + int.from_bytes(head[at : at + 2], "little")]
        is_heartbeat = len(unit) == _UNIT and unit[2] == 0
        if not is_heartbeat and not _is_mitch_unit(unit):
            break
        at, units = at + len(unit), units + (not is_heartbeat)
    is_all = units == _UNITS or len(head) - at < int.from_bytes(head[at : at + 2].ljust(2, b"\xff"), "little")
    return ("mitch", f"a file of the units of {_MITCH}") if units and is_all else None


def _is_mitch_unit(payload: bytes) -> bool:
    """Tell whether a payload is a unit of messages that are known to MITCH, each with its length."""
    # Here, because the readers import the recognition, which imports this module.
    from hftlab.venues.mitch.layouts import LEAST_SIZES

    if len(payload) <= _UNIT or int.from_bytes(payload[:2], "little") != len(payload):
        return False
    at, messages = _UNIT, 0
    while at + 1 < len(payload):
        size, kind = payload[at], payload[at + 1]
        if size < max(LEAST_SIZES[kind], 2) or not LEAST_SIZES[kind]:
            return False
        at, messages = at + size, messages + 1
    return at == len(payload) and messages == payload[2]


def _xdp(payload: bytes) -> Found | None:
    if len(payload) < _XDP or int.from_bytes(payload[:2], "little") != len(payload):
        return None
    # Here for the same reason.
    from hftlab.venues.nyse.layouts import LEAST_SIZES

    kinds = list(_xdp_types(payload))
    if kinds and all(kind < len(LEAST_SIZES) and LEAST_SIZES[kind] for kind in kinds):
        return "nyse", "NYSE's Integrated Feed"
    return None, "NYSE's XDP packets"


def _xdp_types(payload: bytes) -> Iterator[int]:
    at = _XDP
    while at + 4 <= len(payload):
        size = int.from_bytes(payload[at : at + 2], "little")
        yield int.from_bytes(payload[at + 2 : at + 4], "little")
        at += max(size, 4)
