"""Feeds in packet captures, named from their first datagrams."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from hftlab.venues.pcap.packet_parser import PCAP_MAGICS, PCAPNG_MAGIC, BadCapture, PacketParser

__all__ = ["describe_packets", "is_capture"]

_DATAGRAMS: Final = 50


def is_capture(head: bytes) -> bool:
    """Tell whether a file begins as pcap or pcapng does."""
    return head[:4] in PCAP_MAGICS or head.startswith(PCAPNG_MAGIC)


def describe_packets(head: bytes, describe_payload: Callable[[bytes], str]) -> str:
    """Return what a packet capture is, with the feed that `describe_payload` names for its first known datagram."""
    feed = next((feed for payload in _payloads(head) if (feed := describe_payload(payload))), "")
    kind = "pcapng" if head.startswith(PCAPNG_MAGIC) else "pcap"
    return f"a {kind} capture" + (f" of {feed}" if feed else "")


def _payloads(head: bytes) -> list[bytes]:
    data = np.frombuffer(bytearray(head), np.uint8)
    try:
        datagrams, _ = PacketParser().feed(data, len(data))
    except BadCapture:
        return []
    return [datagrams.payload(number) for number in range(min(len(datagrams), _DATAGRAMS))]
