"""LSE Level 2 MITCH 11.9: packet captures (pcap, pcapng) of it, and files of its units."""

from hftlab.venues.mitch.reader import (
    Decoder,
    Encoder,
    Reader,
    Stats,
    Written,
    message_bytes,
    messages,
    packet_bytes,
    read,
    write,
)

__all__ = [
    "Decoder",
    "Encoder",
    "Reader",
    "Stats",
    "Written",
    "message_bytes",
    "messages",
    "packet_bytes",
    "read",
    "write",
]
