"""Wire of a venue: what a server asks of it, whichever venue it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from websockets.http11 import Request, Response

from hftlab.errors import HftlabError
from hftlab.server.native.native_connections import NativeConnections
from hftlab.server.native.native_urls import NativeUrls
from hftlab.server.server_socket import ServerSocket
from hftlab.session import Merged, Session
from hftlab.source import undecorated

if TYPE_CHECKING:
    from hftlab.server.stream import Stream

__all__ = ["NativeWire", "position_of", "session_of"]


class NativeWire(ABC):
    """Wire of a venue in which a session is served: its paths, sockets and requests."""

    connections: NativeConnections[Any]

    @abstractmethod
    def urls(self, url: str) -> list[NativeUrls]:
        """Return the addresses of the markets, for a server at `url`; the first is at the root."""

    @abstractmethod
    def answer(self, request: Request, address: str) -> Response | None:
        """Answer a request by HTTP for market data; None for any other."""

    @abstractmethod
    def has(self, path: str) -> bool:
        """Tell whether a path is one of streams."""

    @abstractmethod
    async def serve(self, socket: ServerSocket, path: str) -> None:
        """Serve a WebSocket on one of the paths of streams."""

    def prepare(self, socket: ServerSocket, path: str) -> None:
        """Let a socket on a path of streams have the venue's pings alone, before its handshake is done."""
        if self.has(path):
            socket.ping_interval = None


def position_of(stream: Stream) -> Callable[[], int]:
    """Return a function that gives the position of a replay, in ns."""
    return lambda: stream.playback.position


def session_of(source: object, wire: str) -> Session:
    """Return the session that a source replays. Raises HftlabError for any other source."""
    session = getattr(undecorated(source), "session", None)
    if isinstance(undecorated(source), Merged):
        raise HftlabError(
            f"{getattr(source, 'name', 'the source')!r} is made of several sessions, and a venue's own wire is of one: "
            "serve each with a server of its own"
        )
    if not isinstance(session, Session):
        name = getattr(source, "name", None)
        raise HftlabError(
            f"{'a server without a source' if name is None else f'the source {name!r}'} cannot be served in a venue's "
            f"own wire: serve a recording, as in hl.serve(session.replay(), wire={wire!r})"
        )
    return session
