"""Nasdaq TotalView-ITCH 5.0: files of messages after their lengths, and packets of them in captures."""

from hftlab.venues.itch.reader import (
    Decoder,
    Encoder,
    Reader,
    Stats,
    Written,
    file_bytes,
    message_bytes,
    messages,
    read,
    write,
)

__all__ = [
    "Decoder",
    "Encoder",
    "Reader",
    "Stats",
    "Written",
    "file_bytes",
    "message_bytes",
    "messages",
    "read",
    "write",
]
