"""A venue over real sockets: what the scripted venues of all feeds have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response


class SocketVenue(ABC):
    """Server on a port of this machine; an asynchronous context manager. A venue's own says what it answers."""

    def __init__(self) -> None:
        self.connections: list[ServerConnection] = []
        self.refuses_sockets = 0
        """Connections that are to be refused."""
        self._server: Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await serve(
            self._talk, "127.0.0.1", 0, process_request=self._answer, ping_interval=None, close_timeout=0.1
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self.cut_all()
        self._server.close()
        await self._server.wait_closed()

    @property
    def address(self) -> str:
        assert self._server is not None
        return f"127.0.0.1:{next(iter(self._server.sockets)).getsockname()[1]}"

    def cut(self, connection: ServerConnection) -> None:
        """Break a connection."""
        connection.transport.abort()

    def cut_all(self) -> None:
        """Break all connections."""
        for connection in self.connections:
            self.cut(connection)

    def freeze(self, connection: ServerConnection) -> None:
        """Neither read from a connection nor answer its pings from now on."""
        connection.transport.pause_reading()

    @abstractmethod
    async def _talk(self, connection: ServerConnection) -> None:
        """Serve a connection, which is among the `connections` meanwhile."""

    @abstractmethod
    async def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        """Answer a request by HTTP; None lets it become a connection."""
