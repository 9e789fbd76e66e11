"""Compiled loop that puts Ethernet, IP and UDP headers and a pcap record around payloads."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.kernels.byte_copy import copy_bytes
from hftlab.kernels.byte_order import load_u16, load_u32, store_little_u32, store_u16
from hftlab.kernels.compiling import i64, in_place, inlined
from hftlab.venues.pcap.datagrams import Flow

__all__ = ["LARGEST_PAYLOAD", "FlowHeaders", "flow_headers", "frame_sizes", "write_frames"]

Bytes = npt.NDArray[np.uint8]
IntArray = npt.NDArray[np.int64]
Address = IPv4Address | IPv6Address

LARGEST_PAYLOAD: Final = 0xFFFF - 20 - 8
"""Bytes that a datagram of IPv4 can hold."""

_RECORD: Final = 16
_ETHERNET: Final = 14
_UDP: Final = 8
_ROOM: Final = _ETHERNET + 40 + _UDP
_SECOND: Final = 1_000_000_000
_PROTOCOL: Final = 17
_HOPS: Final = 64
_WORD: Final = np.uint64(0xFFFF)
_SIXTEEN: Final = np.uint64(16)
_EIGHT: Final = np.uint64(8)


class FlowHeaders(NamedTuple):
    """Headers of the datagrams of each flow, without lengths and checksums."""

    heads: Bytes  # _ROOM bytes a flow
    sizes: IntArray  # bytes of the headers
    sums: npt.NDArray[np.uint64]  # (flows, 2): of IPv4's header, and of UDP's and its pseudo-header


def flow_headers(flows: tuple[Flow, ...]) -> FlowHeaders:
    """Make the headers of some flows. Raises ValueError for addresses and ports that cannot be."""
    heads = [_head(flow) for flow in flows]
    return FlowHeaders(
        heads=np.frombuffer(bytearray(b"".join(head.ljust(_ROOM, b"\0") for head, _, _ in heads)), np.uint8),
        sizes=np.array([len(head) for head, _, _ in heads], np.int64),
        sums=np.array([sums for _, *sums in heads], np.uint64).reshape(-1, 2),
    )


def frame_sizes(headers: FlowHeaders, sizes: IntArray, flow: npt.NDArray[np.int32]) -> int:
    """Return the bytes of the records of payloads of these sizes."""
    return int(sizes.sum() + headers.sizes[flow].sum() + _RECORD * len(sizes))


def _head(flow: Flow) -> tuple[bytes, int, int]:
    """Return (the headers, the sum of IPv4's, the sum of UDP's and its pseudo-header), without lengths."""
    source, destination = ip_address(flow.source), ip_address(flow.destination)
    if source.version != destination.version:
        raise ValueError(f"{source} and {destination} are addresses of two versions of IP: give a flow one")
    ends = source.packed + destination.packed
    ports = flow.source_port.to_bytes(2, "big") + flow.destination_port.to_bytes(2, "big")
    if source.version == 4:
        # No fragments (the flag), and the number of a packet is then free.
        ip = b"\x45\0\0\0\0\0\x40\0" + bytes([_HOPS, _PROTOCOL, 0, 0]) + ends
    else:
        ip = b"\x60\0\0\0\0\0" + bytes([_PROTOCOL, _HOPS]) + ends
    ethernet = _mac(destination) + _mac(source) + (b"\x08\0" if source.version == 4 else b"\x86\xdd")
    return ethernet + ip + ports + bytes(4), _sum(ip), _sum(ends + ports) + _PROTOCOL


def _mac(address: Address) -> bytes:
    """Return the address on Ethernet: a group's by RFC 1112 or 2464, else one that is administered locally."""
    if not address.is_multicast:
        return b"\x02\0" + address.packed[-4:]
    if address.version == 6:
        return b"\x33\x33" + address.packed[-4:]
    return b"\x01\0\x5e" + bytes([address.packed[1] & 0x7F]) + address.packed[2:]


def _sum(data: bytes) -> int:
    return sum(int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2))


@in_place
def write_frames(
    data: Bytes,
    start: IntArray,
    end: IntArray,
    ts_recv: IntArray,
    flow: npt.NDArray[np.int32],
    headers: FlowHeaders,
    out: Bytes,
) -> int:
    """Write a record for each payload data[start:end]. Returns the bytes written."""
    at: int = i64(0)
    heads = headers.heads
    for row in range(len(start)):
        number, first, size = i64(flow[row]), start[row], end[row] - start[row]
        head = headers.sizes[number]
        length = head + size
        store_little_u32(out, at, np.uint64(ts_recv[row] // _SECOND))
        store_little_u32(out, at + 4, np.uint64(ts_recv[row] % _SECOND))
        store_little_u32(out, at + 8, np.uint64(length))
        store_little_u32(out, at + 12, np.uint64(length))
        at += _RECORD
        copy_bytes(heads, number * _ROOM, head, out, at)
        payload = at + head
        copy_bytes(data, first, size, out, payload)
        udp = payload - _UDP
        datagram = np.uint64(size + _UDP)
        if head == _ETHERNET + 20 + _UDP:
            store_u16(out, at + 16, np.uint64(length - _ETHERNET))
            store_u16(out, at + 24, _folded(headers.sums[number, 0] + np.uint64(length - _ETHERNET)) ^ _WORD)
        else:
            store_u16(out, at + 18, datagram)
        store_u16(out, udp + 4, datagram)
        # Its own length is in the header and in the pseudo-header.
        total = headers.sums[number, 1] + datagram + datagram + _sum_of(out, payload, size)
        checksum = _folded(total) ^ _WORD
        store_u16(out, udp + 6, checksum if checksum != 0 else _WORD)
        at = payload + size
    return at


@inlined
def _sum_of(data: Bytes, at: Any, size: Any) -> Any:
    """Sum up 16-bit words; an odd byte at the end is the high one of a word (RFC 1071)."""
    total, place = np.uint64(0), i64(0)
    while place + 4 <= size:
        total += load_u32(data, at + place)
        place += 4
    total = (total >> _SIXTEEN) + (total & _WORD)
    if place + 2 <= size:
        total += load_u16(data, at + place)
        place += 2
    if place < size:
        total += np.uint64(data[at + place]) << _EIGHT
    return total


@inlined
def _folded(total: Any) -> Any:
    while total >> _SIXTEEN:
        total = (total >> _SIXTEEN) + (total & _WORD)
    return total
