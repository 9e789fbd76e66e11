"""ITCH messages in packets, written with struct."""

from __future__ import annotations

import struct

from hftlab.venues.moldudp64 import packet


def framed(stream: bytes) -> list[bytes]:
    """The messages of a stream in which each has its length before it."""
    found, at = [], 0
    while at < len(stream):
        (size,) = struct.unpack_from(">H", stream, at)
        found.append(stream[at + 2 : at + 2 + size])
        at += 2 + size
    return found


def unframed(messages: list[bytes]) -> bytes:
    """A stream of messages, the reverse of framed()."""
    return b"".join(struct.pack(">H", len(one)) + one for one in messages)


def mold_packets(stream: bytes, *, session: str = "S1", first: int = 1, size: int = 3) -> list[bytes]:
    """Packets of so many messages each."""
    messages = framed(stream)
    return [packet(session, first + at, messages[at : at + size]) for at in range(0, len(messages), size)]


def soup(stream: bytes, *, first: int = 1, session: str = "S1") -> bytes:
    """A server's side of a connection: a login that was accepted, and each message in a packet of its own."""
    login = b"A" + session.encode().rjust(10) + b"%20d" % first
    bodies = [b"+hello", login, *(b"S" + one for one in framed(stream)), b"H", b"Z"]
    return b"".join(struct.pack(">H", len(one)) + one for one in bodies)
