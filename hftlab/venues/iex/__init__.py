"""Investors Exchange (IEX): packet captures (pcap, pcapng) of DEEP+ 1.0.2, DEEP 1.0 and TOPS 1.6."""

from hftlab.venues.iex.reader import (
    Decoder,
    Protocol,
    Reader,
    Stats,
    message_bytes,
    messages,
    packet_bytes,
    read,
)

__all__ = ["Decoder", "Protocol", "Reader", "Stats", "message_bytes", "messages", "packet_bytes", "read"]
