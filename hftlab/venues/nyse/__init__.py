"""NYSE Integrated Feed, XDP 2.1 and Pillar 2.5: packet captures (pcap, pcapng) of it."""

from hftlab.venues.nyse.reader import (
    Decoder,
    Encoder,
    Listing,
    Reader,
    Stats,
    Version,
    Written,
    message_bytes,
    messages,
    packet_bytes,
    read,
    read_mapping,
    write,
)

__all__ = [
    "Decoder",
    "Encoder",
    "Listing",
    "Reader",
    "Stats",
    "Version",
    "Written",
    "message_bytes",
    "messages",
    "packet_bytes",
    "read",
    "read_mapping",
    "write",
]
