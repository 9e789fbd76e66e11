"""Headers of one captured packet: link layer, VLAN tags, IP, UDP; compiled.

Sources: tcpdump.org, "Link-Layer Header Types" (numbers and headers of Ethernet, Linux cooked, raw IP and loopback);
IEEE 802.1Q; RFC 791 (IPv4); RFC 8200 (IPv6 and its extension headers), RFC 4302 (authentication header); RFC 768 (UDP).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hftlab.kernels.byte_order import load_little_u32, load_u16, load_u32, load_u64
from hftlab.kernels.compiling import i64, inlined
from hftlab.venues.pcap.flow_table import IPV4, IPV6, find_flow
from hftlab.venues.pcap.packet_state import (
    BAD_HEADER,
    BAD_LENGTH,
    FRAGMENT,
    NOT_UDP,
    TRUNCATED,
    UDP,
    UNKNOWN_LINK,
    PacketRows,
    PacketState,
)

__all__ = ["ETHERNET", "LINK_TYPES", "NO_ROOM", "take_packet"]

Bytes = npt.NDArray[np.uint8]

NO_ROOM: Final = -1
"""There is no room for the packet's flow."""

_NULL, ETHERNET, _RAW_12, _RAW_14, _RAW, _LOOP, _COOKED, _ONLY_IPV4, _ONLY_IPV6, _COOKED_2 = (
    0, 1, 12, 14, 101, 108, 113, 228, 229, 276,
)  # fmt: skip
LINK_TYPES: Final = {
    _NULL: "BSD loopback",
    ETHERNET: "Ethernet",
    _RAW_12: "raw IP",
    _RAW_14: "raw IP",
    _RAW: "raw IP",
    _LOOP: "OpenBSD loopback",
    _COOKED: "Linux cooked",
    _ONLY_IPV4: "raw IPv4",
    _ONLY_IPV6: "raw IPv6",
    _COOKED_2: "Linux cooked 2",
}
"""Link types that are understood."""

_TYPE_IPV4, _TYPE_IPV6 = 0x0800, 0x86DD
_TAGS: Final = (0x8100, 0x88A8, 0x9100, 0x9200, 0x9300)  # 802.1Q, 802.1ad, and what was used before it
_AF_INET: Final = 2
_AF_INET6: Final = (10, 24, 28, 30)  # Linux, NetBSD and OpenBSD, FreeBSD, macOS
_UDP_PROTOCOL: Final = 17
_HOP_BY_HOP, _ROUTING, _FRAGMENT, _AUTHENTICATION, _DESTINATION, _MOBILITY = 0, 43, 44, 51, 60, 135
_MOST_HEADERS: Final = 16
_NOTHING: Final = np.uint64(0)


@inlined
def take_packet(
    data: Bytes, at: Any, end: Any, is_cut: bool, link: int, time: Any, state: PacketState, rows: PacketRows, row: int
) -> int:
    """Write row `row` if data[at:end] is a packet with a whole UDP datagram. Returns what the packet is.

    `is_cut` says that less of the packet was captured than there was.
    """
    missing = TRUNCATED if is_cut else BAD_LENGTH
    version, at = _find_ip(data, at, end, link)
    if version < 0:
        return missing if version == -2 else UNKNOWN_LINK
    if version == 0:
        return NOT_UDP
    if at + 1 > end:
        return missing
    if data[at] >> 4 != version:
        return BAD_HEADER
    if version == IPV4:
        if at + 20 > end:
            return missing
        header = (i64(data[at]) & 15) * 4
        length = i64(load_u16(data, at + 2))
        if header < 20 or (length != 0 and length < header):
            return BAD_HEADER
        if load_u16(data, at + 6) & 0x3FFF:
            return FRAGMENT
        if data[at + 9] != _UDP_PROTOCOL:
            return NOT_UDP
        udp = at + header
        # A card that cuts large packets into small ones leaves the length to be filled in.
        last = at + length if length != 0 else end
        source_high, source = _NOTHING, load_u32(data, at + 12)
        destination_high, destination = _NOTHING, load_u32(data, at + 16)
    else:
        if at + 40 > end:
            return missing
        length = i64(load_u16(data, at + 4))
        last = at + 40 + length if length != 0 else end
        udp, what = _skip_extensions(data, at, min(end, last))
        if what != UDP:
            return missing if what == BAD_LENGTH else what
        source_high, source = load_u64(data, at + 8), load_u64(data, at + 16)
        destination_high, destination = load_u64(data, at + 24), load_u64(data, at + 32)
    if udp + 8 > last:
        return BAD_LENGTH
    if udp + 8 > end:
        return missing
    size = i64(load_u16(data, udp + 4))
    stop = udp + size if size != 0 else last
    if stop < udp + 8 or stop > last:
        return BAD_LENGTH
    if stop > end:
        return missing
    ports = np.uint64(version << 32) | load_u32(data, udp)
    flow = find_flow(state, (source_high, source, destination_high, destination, ports))
    if flow < 0:
        return NO_ROOM
    rows.ts_recv[row] = time
    rows.start[row] = udp + 8
    rows.end[row] = stop
    rows.flow[row] = flow
    return UDP


@inlined
def _find_ip(data: Bytes, at: Any, end: Any, link: int) -> Any:
    """Return (version of IP, where it begins); 0 for another protocol, -1 for an unknown link type, -2 for no room."""
    if link == ETHERNET:
        return _find_by_type(data, at + 12, at + 14, end)
    if link == _COOKED:
        return _find_by_type(data, at + 14, at + 16, end)
    if link == _COOKED_2:
        return _find_by_type(data, at, at + 20, end)
    if link in (_RAW, _RAW_12, _RAW_14):
        if at + 1 > end:
            return -2, at
        version = i64(data[at]) >> 4
        return (version if version in (IPV4, IPV6) else 0), at
    if link == _ONLY_IPV4:
        return IPV4, at
    if link == _ONLY_IPV6:
        return IPV6, at
    if link in (_NULL, _LOOP):
        if at + 4 > end:
            return -2, at
        # In the byte order of the machine that captured, which need not be that of the file.
        family = min(i64(load_u32(data, at)), i64(load_little_u32(data, at)))
        return (IPV4 if family == _AF_INET else IPV6 if family in _AF_INET6 else 0), at + 4
    return -1, at


@inlined
def _find_by_type(data: Bytes, place: Any, at: Any, end: Any) -> Any:
    """Read the EtherType at `place`, behind any number of VLAN tags; its protocol begins at `at` without them."""
    if at > end:
        return -2, at
    kind = i64(load_u16(data, place))
    while kind in _TAGS:
        at += 4
        if at > end:
            return -2, at
        kind = i64(load_u16(data, at - 2))
    return (IPV4 if kind == _TYPE_IPV4 else IPV6 if kind == _TYPE_IPV6 else 0), at


@inlined
def _skip_extensions(data: Bytes, at: Any, end: Any) -> Any:
    """Return (where UDP begins behind IPv6's header at `at`, UDP); or (any place, what the packet is instead)."""
    kind, at = data[at + 6], at + 40
    for _ in range(_MOST_HEADERS):
        if kind == _UDP_PROTOCOL:
            return at, UDP
        is_option = kind in (_HOP_BY_HOP, _ROUTING, _DESTINATION, _MOBILITY)
        if not is_option and kind != _FRAGMENT and kind != _AUTHENTICATION:
            return at, NOT_UDP
        if at + 8 > end:
            return at, BAD_LENGTH
        if kind == _FRAGMENT:
            if load_u16(data, at + 2) & 0xFFF9:
                return at, FRAGMENT
            size = i64(8)
        elif kind == _AUTHENTICATION:
            size = (i64(data[at + 1]) + 2) * 4
        else:
            size = (i64(data[at + 1]) + 1) * 8
        kind = data[at]
        at += size
    return at, BAD_HEADER
