"""Kraken's order books, captured line by line from its WebSocket API v1 or v2: `<seconds>: <JSON>`, gzip or plain."""

from hftlab.venues.kraken.reader import (
    KRAKEN,
    FrameReader,
    Mismatch,
    Reader,
    Stats,
    Verification,
    checksum,
    detect_instrument,
    read,
    verify,
)

__all__ = [
    "KRAKEN",
    "FrameReader",
    "Mismatch",
    "Reader",
    "Stats",
    "Verification",
    "checksum",
    "detect_instrument",
    "read",
    "verify",
]
