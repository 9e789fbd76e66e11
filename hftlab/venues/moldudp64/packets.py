"""Single packets of MoldUDP64 as bytes.

Source: Nasdaq, "MoldUDP64 Protocol Specification" V 1.00: sections 3 (downstream packet), 4 (request packet).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

from hftlab.errors import ArgumentError

__all__ = [
    "END_OF_SESSION",
    "HEADER",
    "MOST_MESSAGES",
    "SESSION",
    "end_of_session",
    "heartbeat",
    "packet",
    "request_packet",
    "session_bytes",
]

HEADER: Final = 20
"""Bytes of the header: session, sequence number of the first message, count of messages."""
SESSION: Final = 10
"""Bytes of a session's name."""
END_OF_SESSION: Final = 0xFFFF
"""Count of the packets that end a session."""
MOST_MESSAGES: Final = END_OF_SESSION - 1


def packet(session: str, sequence: int, messages: Sequence[bytes]) -> bytes:
    """Make the packet of some messages, the first of which has the number `sequence`. Raises ArgumentError."""
    if len(messages) > MOST_MESSAGES:
        raise ArgumentError(f"{len(messages):,} messages are too many for a packet: give at most {MOST_MESSAGES:,}")
    blocks = b"".join(len(one).to_bytes(2, "big") + one for one in messages)
    return _header(session, sequence, len(messages)) + blocks


def heartbeat(session: str, sequence: int) -> bytes:
    """Make a heartbeat; `sequence` is the number of the next message."""
    return _header(session, sequence, 0)


def end_of_session(session: str, sequence: int) -> bytes:
    """Make a packet that ends the session; `sequence` is the number that the next message would have."""
    return _header(session, sequence, END_OF_SESSION)


def request_packet(session: str, sequence: int, count: int) -> bytes:
    """Make the request to send `count` messages again, from the number `sequence` on, for a venue's request server.

    Raises ArgumentError for a count that is not 1 to 65,534; the server itself may send fewer than are asked for.
    """
    if not 1 <= count <= MOST_MESSAGES:
        raise ArgumentError(f"a request for {count:,} messages cannot be: ask for 1 to {MOST_MESSAGES:,}")
    return _header(session, sequence, count)


def session_bytes(session: str) -> bytes:
    """Return a session's name as a packet has it. Raises ArgumentError for one that is not ASCII or too long."""
    if not session.isascii() or len(session) > SESSION:
        raise ArgumentError(f"{session!r} cannot be a session of MoldUDP64: give up to {SESSION} characters of ASCII")
    return session.encode().ljust(SESSION)


def _header(session: str, sequence: int, count: int) -> bytes:
    if not 0 <= sequence < 1 << 63:
        raise ArgumentError(f"{sequence} cannot be a message's number: give one from 1 on")
    return session_bytes(session) + struct.pack(">QH", sequence, count)
