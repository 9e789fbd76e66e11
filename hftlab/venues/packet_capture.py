"""Packet captures (pcap and pcapng), as far as is needed to name the feed in them.

Sources: IETF drafts "PCAP Capture File Format" and "PCAP Next Generation Capture File Format".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, Literal

__all__ = ["PCAPNG_MAGIC", "PCAP_MAGICS", "describe_packets", "find_payload"]

Order = Literal["big", "little"]

PCAP_MAGICS: Final[dict[bytes, Order]] = {
    b"\xd4\xc3\xb2\xa1": "little",
    b"\x4d\x3c\xb2\xa1": "little",
    b"\xa1\xb2\xc3\xd4": "big",
    b"\xa1\xb2\x3c\x4d": "big",
}
PCAPNG_MAGIC: Final = b"\x0a\x0d\x0d\x0a"

_LITTLE: Final = b"\x4d\x3c\x2b\x1a"  # pcapng's byte-order magic
_PACKETS: Final = 50
_VLANS: Final = (b"\x81\x00", b"\x88\xa8")
_IPV4: Final = b"\x08\x00"
_UDP: Final = 17
_ENHANCED_PACKET: Final = 6


def describe_packets(head: bytes, describe_payload: Callable[[bytes], str]) -> str:
    """Return what a packet capture is, with the feed that `describe_payload` names for its first known packet."""
    is_ng = head.startswith(PCAPNG_MAGIC)
    packets = _pcapng_packets(head) if is_ng else _pcap_packets(head)
    feed = next((feed for packet in packets if (feed := describe_payload(find_payload(packet)))), "")
    return f"a {'pcapng' if is_ng else 'pcap'} capture" + (f" of {feed}" if feed else "")


def find_payload(packet: bytes) -> bytes:
    """Return the UDP payload of an Ethernet packet, empty if it has none."""
    at = 12
    while packet[at : at + 2] in _VLANS:
        at += 4
    if packet[at : at + 2] != _IPV4:
        return b""
    ip = at + 2
    if len(packet) <= ip + 9 or packet[ip + 9] != _UDP:
        return b""
    udp = ip + (packet[ip] & 15) * 4
    return packet[udp + 8 : udp + int.from_bytes(packet[udp + 4 : udp + 6], "big")]


def _pcap_packets(head: bytes) -> Iterator[bytes]:
    order, at = PCAP_MAGICS[head[:4]], 24
    for _ in range(_PACKETS):
        size = int.from_bytes(head[at + 8 : at + 12], order)
        if not size:
            return
        yield head[at + 16 : at + 16 + size]
        at += 16 + size


def _pcapng_packets(head: bytes) -> Iterator[bytes]:
    order: Order = "little" if head[8:12] == _LITTLE else "big"
    at = 0
    for _ in range(_PACKETS):
        size = int.from_bytes(head[at + 4 : at + 8], order)
        if not size:
            return
        if int.from_bytes(head[at : at + 4], order) == _ENHANCED_PACKET:
            captured = int.from_bytes(head[at + 20 : at + 24], order)
            yield head[at + 28 : at + 28 + captured]
        at += size
