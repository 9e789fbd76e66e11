"""One connection as a person looks at it."""

from __future__ import annotations

import msgspec

from hftlab.server.connection import Connection

__all__ = ["ConnectionInfo"]


class ConnectionInfo(msgspec.Struct, frozen=True):
    """Of one moment. `state` is open or closing, `backlog` none, congested (state is skipped) or full (events too).

    `subject` is whom it has signed in as, `buffered` the bytes that wait for its reader, `received` its requests.
    """

    id: str
    peer: str
    state: str
    subject: str | None
    encoding: str
    backlog: str
    buffered: int
    received: int

    @classmethod
    def of(cls, connection: Connection, subject: str | None) -> ConnectionInfo:
        return cls(
            id=connection.name,
            peer=connection.peer_address,
            state="open" if connection.is_open else "closing",
            subject=subject,
            encoding="msgpack" if connection.codec.binary else "json",
            backlog=connection.backlog.name.lower(),
            buffered=connection.buffered,
            received=connection.received,
        )
