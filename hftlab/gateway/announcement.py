"""Announcements: who a publisher is, and its signs of life."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from hftlab.protocol.messages import Error

__all__ = [
    "WIRE",
    "Announcement",
    "Beat",
    "GatewayBeat",
    "Notice",
    "decode_announcement",
    "decode_beat",
    "decode_gateway_beat",
    "decode_notice",
    "encode",
]

WIRE: Final = 1
"""Version of what goes over NATS: the headers of market data and the records of accounts."""


class Announcement(msgspec.Struct):
    """One run of a publisher: its source, the symbols that it owns, and the session of its accounts if it trades."""

    run: str
    source: str
    started_at: int
    """Nanoseconds UTC, or one more than that of all before it where their clocks were ahead (a Lamport clock)."""
    symbols: list[str]
    session: str | None = None
    wire: int = 1
    version: str = ""
    """That of hftlab."""

    def is_later_than(self, other: Announcement) -> bool:
        """Return whether this one was started later: of two publishers of one symbol that one has it."""
        return (self.started_at, self.run) > (other.started_at, other.run)


class Beat(msgspec.Struct):
    """Sign of life of a publisher: the newest sequences of the symbols that have changed lately, and what is wrong.

    `untold` is why accounts cannot be told anything: no orders are to be sent then, as nobody would hear of them.
    """

    run: str
    sequences: dict[str, int] = {}
    problem: str | None = None
    untold: str | None = None


class Notice(msgspec.Struct):
    """Error of a publisher that all clients are told, such as that it has left out a message of its source."""

    run: str
    error: Error


class GatewayBeat(msgspec.Struct):
    """Sign of life of a gateway, whose clients' orders are cancelled where they asked for that, once it is gone.

    `is_leaving` is its last.
    """

    gateway: str
    is_leaving: bool = False
    sent_at: int = 0
    """Wall time of the gateway in ns, 0 if it does not say."""


encode: Final[Any] = msgspec.json.Encoder().encode
decode_announcement: Final[Any] = msgspec.json.Decoder(Announcement).decode
decode_beat: Final[Any] = msgspec.json.Decoder(Beat).decode
decode_notice: Final[Any] = msgspec.json.Decoder(Notice).decode
decode_gateway_beat: Final[Any] = msgspec.json.Decoder(GatewayBeat).decode
