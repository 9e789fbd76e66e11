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


def describe_packets(
    head: bytes, describe_payload: Callable[[bytes], tuple[str | None, str] | None]
) -> tuple[str | None, str]:
    """Return (the format that reads it, or None; what it is) for a packet capture.

    The feed is the first that hftlab reads of those that `describe_payload` tells for its first datagrams, else the
    first that is known.
    """
    feeds = [feed for payload in _payloads(head) if (feed := describe_payload(payload)) is not None]
    kind = "a pcapng capture" if head.startswith(PCAPNG_MAGIC) else "a pcap capture"
    if not feeds:
        return None, kind
    name, what = next((feed for feed in feeds if feed[0] is not None), feeds[0])
    return name, f"{kind} of {what}"


def _payloads(head: bytes) -> list[bytes]:
    data = np.frombuffer(bytearray(head), np.uint8)
    try:
        datagrams, _ = PacketParser().feed(data, len(data))
    except BadCapture:
        return []
    return [datagrams.payload(number) for number in range(min(len(datagrams), _DATAGRAMS))]
