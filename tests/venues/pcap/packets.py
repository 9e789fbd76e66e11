"""Packets and captures written byte by byte, and hypothesis strategies for them."""

from __future__ import annotations

import struct
from collections.abc import Set
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from hftlab.venues.pcap import Flow

UDP, FRAGMENT, NOT_UDP, TRUNCATED, NOT_UNDERSTOOD = "datagrams", "fragments", "not_udp", "truncated", "not_understood"

FLOWS = (
    Flow("10.1.2.3", 4000, "233.54.12.111", 26477),
    Flow("10.1.2.3", 4000, "233.49.196.111", 26477),
    Flow("2001:db8::7", 1, "ff02::1:3", 65535),
)


@dataclass(frozen=True)
class Packet:
    """A packet as it was on the link, what it is, and how much of it was captured (all, if None)."""

    data: bytes
    is_a: str
    flow: Flow = FLOWS[0]
    payload: bytes = b""
    captured: int | None = None

    @property
    def kept(self) -> bytes:
        return self.data[: self.captured]


def udp(payload: bytes, flow: Flow = FLOWS[0], size: int | None = None) -> bytes:
    length = 8 + len(payload) if size is None else size
    return struct.pack(">HHHH", flow.source_port, flow.destination_port, length, 0) + payload


def packed(address: str) -> bytes:
    from ipaddress import ip_address

    return ip_address(address).packed


def ipv4(
    body: bytes,
    flow: Flow = FLOWS[0],
    *,
    protocol: int = 17,
    options: int = 0,
    offset: int = 0,
    size: int | None = None,
) -> bytes:
    header = 20 + 4 * options
    length = header + len(body) if size is None else size
    head = struct.pack(">BBHHHBBH", 0x45 + options, 0, length, 7, offset, 64, protocol, 0)
    return head + packed(flow.source) + packed(flow.destination) + b"\x01" * 4 * options + body


def ipv6(body: bytes, flow: Flow = FLOWS[2], *, following: int = 17, extensions: tuple[bytes, ...] = ()) -> bytes:
    """Extensions begin with their own number, which the header before them names."""
    kinds = [one[0] for one in extensions] + [following]
    middle = b"".join(bytes([after]) + one[1:] for one, after in zip(extensions, kinds[1:], strict=True))
    head = struct.pack(">IHBB", 0x6 << 28, len(middle) + len(body), kinds[0], 64)
    return head + packed(flow.source) + packed(flow.destination) + middle + body


EXTENSIONS = {
    "hop": bytes([0, 0]) + bytes(6),
    "routing": bytes([43, 1]) + bytes(14),
    "whole": bytes([44, 0]) + bytes(6),
    "options": bytes([60, 2]) + bytes(22),
    "authentication": bytes([51, 4]) + bytes(22),
}
"""Extension headers of IPv6: the first byte is their own number. `whole` is of a datagram of one fragment."""


def link_header(link: int, version: int, tags: int = 0) -> bytes:
    """A header of the link layer before IP of a version."""
    kind = {4: b"\x08\x00", 6: b"\x86\xdd", 0: b"\x08\x06"}[version]
    vlans = b"".join(
        [b"\x88\xa8\x00\x05", b"\x81\x00\x00\x8d", b"\x91\x00\x00\x01"][number % 3] for number in range(tags)
    )
    typed = vlans + kind
    match link:
        case 1:
            return bytes(12) + typed
        case 113:
            return bytes(14) + typed
        case 276:
            return typed[:2] + bytes(18) + typed[2:]
        case 0:
            return struct.pack("<I", {4: 2, 6: 30, 0: 99}[version])
        case 108:
            return struct.pack(">I", {4: 2, 6: 24, 0: 99}[version])
    return b""


LINKS = (1, 113, 276, 101, 0, 108)
TAGGED = (1, 113, 276)


@st.composite
def packets(draw: st.DrawFn, link: int, extensions_of: Set[str] = EXTENSIONS.keys()) -> Packet:
    """A packet of some link type: a datagram in one of many wrappings, mostly."""
    payload = draw(st.binary(max_size=40))
    version = draw(st.sampled_from([4, 4, 6]))
    flow = FLOWS[2] if version == 6 else draw(st.sampled_from(FLOWS[:2]))
    head = link_header(link, version, draw(st.integers(0, 3)) if link in TAGGED else 0)
    padding = bytes(draw(st.sampled_from([0, 0, 6])))
    kind = draw(st.sampled_from([UDP, UDP, UDP, FRAGMENT, NOT_UDP, TRUNCATED, "arp", "bad"]))
    inner = udp(payload, flow)
    if kind == "arp":
        other = b"\x00" + bytes(27)
        return Packet(link_header(link, 0) + other, NOT_UDP)
    if version == 6:
        names = draw(st.lists(st.sampled_from(sorted(extensions_of)), max_size=2, unique=True))
        extensions = tuple(EXTENSIONS[name] for name in names)
        if kind == FRAGMENT:
            return Packet(
                head
                + ipv6(inner, extensions=(bytes([44, 0, 0, draw(st.sampled_from([1, 8, 9]))]) + bytes(4), *extensions)),
                FRAGMENT,
            )
        if kind == NOT_UDP:
            return Packet(head + ipv6(inner, following=6, extensions=extensions), NOT_UDP)
        whole = head + ipv6(inner, extensions=extensions)
    else:
        options = draw(st.integers(0, 10))
        if kind == FRAGMENT:
            return Packet(head + ipv4(inner, flow, offset=draw(st.sampled_from([0x2000, 1, 0x2005]))), FRAGMENT)
        if kind == NOT_UDP:
            return Packet(head + ipv4(inner, flow, protocol=6, options=options), NOT_UDP)
        whole = head + ipv4(inner, flow, options=options, offset=draw(st.sampled_from([0, 0x4000])))
    if kind == TRUNCATED:
        # An IP version that cannot be read is unknown rather than cut; what is cut below the version is cut.
        return Packet(whole, TRUNCATED, captured=draw(st.integers(len(head), len(whole) - 1)))
    if kind == "bad":
        wrong = udp(payload, flow, size=draw(st.sampled_from([1, 7, 9 + len(payload), 0xFFFF])))
        return Packet(head + (ipv6(wrong, flow) if version == 6 else ipv4(wrong, flow)) + padding, NOT_UNDERSTOOD)
    return Packet(whole + padding, UDP, flow, payload)


def pcap_head(link: int, *, order: str = "<", nanoseconds: bool = True) -> bytes:
    magic = 0xA1B23C4D if nanoseconds else 0xA1B2C3D4
    return struct.pack(f"{order}IHHIIII", magic, 2, 4, 0, 0, 65_535, link)


def pcap_record(packet: Packet, time: int, *, order: str = "<", nanoseconds: bool = True) -> bytes:
    seconds, rest = divmod(time, 10**9)
    part = rest if nanoseconds else rest // 1000
    return struct.pack(f"{order}IIII", seconds, part, len(packet.kept), len(packet.data)) + packet.kept


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    body += bytes(-len(body) % 4)
    size = struct.pack(f"{order}I", 12 + len(body))
    return struct.pack(f"{order}I", kind) + size + body + size


def option(code: int, value: bytes, order: str = "<") -> bytes:
    return struct.pack(f"{order}HH", code, len(value)) + value + bytes(-len(value) % 4)


def section(order: str = "<") -> bytes:
    return block(0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def interface(link: int, order: str = "<", *options: bytes, snap: int = 0) -> bytes:
    end = option(0, b"", order) if options else b""
    return block(1, struct.pack(f"{order}HHI", link, 0, snap) + b"".join(options) + end, order)


def enhanced(packet: Packet, ticks: int, order: str = "<", number: int = 0, *options: bytes) -> bytes:
    head = struct.pack(f"{order}IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, len(packet.kept), len(packet.data))
    padded = packet.kept + bytes(-len(packet.kept) % 4)
    return block(6, head + padded + b"".join(options), order)


def old_packet(packet: Packet, ticks: int, order: str = "<", number: int = 0) -> bytes:
    head = struct.pack(f"{order}HHIIII", number, 3, ticks >> 32, ticks & 0xFFFFFFFF, len(packet.kept), len(packet.data))
    return block(2, head + packet.kept, order)


def simple(packet: Packet, order: str = "<") -> bytes:
    return block(3, struct.pack(f"{order}I", len(packet.data)) + packet.kept, order)


def tally(packets: list[Packet]) -> dict[str, Any]:
    """What the reader's stats have to say of them."""
    found = {name: sum(one.is_a == name for one in packets) for name in (UDP, FRAGMENT, NOT_UDP, TRUNCATED)}
    return {"packets": len(packets), **found}
