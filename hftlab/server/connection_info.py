"""A snapshot of one connection, as Server.connections() lists it."""

from __future__ import annotations

import msgspec

from hftlab.protocol import ChannelInfo
from hftlab.protocol.publishing.server_protocol import ServerProtocol
from hftlab.server.server_socket import ServerSocket

__all__ = ["ConnectionInfo"]


class ConnectionInfo(msgspec.Struct, frozen=True):
    """Snapshot of one connection: its state, backlog and counters.

    `state` is open or closing; `backlog` is none, congested (state is skipped) or full (events are skipped too).
    `subject` is the account that it is signed in as, `buffered` the bytes that wait for its reader, `received` the
    number of its requests, and `channels` what serves its subscriptions. A connection in a venue's own wire has that as
    its `wire`, and the names of its `streams` in place of channels.
    """

    id: str
    peer: str
    state: str
    subject: str | None
    encoding: str
    backlog: str
    buffered: int
    received: int
    channels: list[ChannelInfo]
    wire: str = "hftlab"
    streams: list[str] = []

    @classmethod
    def of(cls, socket: ServerSocket, protocol: ServerProtocol[ServerSocket]) -> ConnectionInfo:
        """Describe a connection as it is now."""
        return cls(
            id=socket.name,
            peer=socket.peer_address,
            state="open" if socket.is_open else "closing",
            subject=protocol.account,
            encoding="msgpack" if socket.codec.binary else "json",
            backlog=socket.backlog.name.lower(),
            buffered=socket.buffered,
            received=protocol.received,
            channels=protocol.channels(),
        )
