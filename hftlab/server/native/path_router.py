"""Gives each WebSocket of a port to the connections of our protocol, or to those of a venue's wire, by its path."""

from __future__ import annotations

from hftlab.protocol.publishing.peer import Backlog
from hftlab.server.connections import Connections
from hftlab.server.native.native_wire import NativeWire
from hftlab.server.server_socket import ServerSocket, SocketOwner

__all__ = ["PathRouter"]


class PathRouter:
    """Owner of all sockets of a port, which has each one's own owner do what is to be done."""

    def __init__(self, own: Connections, native: NativeWire) -> None:
        self._own, self._native = own, native

    async def serve(self, socket: ServerSocket) -> None:
        """Serve one client until its connection ends."""
        path = _path(socket)
        if self._native.has(path):
            await self._native.serve(socket, path)
        else:
            await self._own.serve(socket)

    def _owner(self, socket: ServerSocket) -> SocketOwner:
        return self._native.connections if self._native.has(_path(socket)) else self._own

    def backlog_changed(self, socket: ServerSocket, backlog: Backlog) -> None:
        """Tell the socket's owner."""
        self._owner(socket).backlog_changed(socket, backlog)

    def overflowed(self, socket: ServerSocket) -> None:
        """Tell the socket's owner."""
        self._owner(socket).overflowed(socket)

    def too_big(self, socket: ServerSocket, reason: str) -> bytes | None:
        """Ask the socket's owner."""
        return self._owner(socket).too_big(socket, reason)

    def ended(self, socket: ServerSocket, cause: str) -> None:
        """Tell the socket's owner."""
        self._owner(socket).ended(socket, cause)

    def controlled(self, socket: ServerSocket) -> None:
        """Tell the socket's owner."""
        self._owner(socket).controlled(socket)


def _path(socket: ServerSocket) -> str:
    return "" if socket.request is None else socket.request.path
