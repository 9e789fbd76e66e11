"""The listening port: binds it, accepts connections, and frees it again."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from ssl import SSLContext
from typing import Any, Final, Protocol
from weakref import WeakSet

from websockets.asyncio.server import Server as WebSocketServer
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from hftlab.credentials import remove_secret, write_secret
from hftlab.errors import AddressFailed, HftlabError, PortInUse
from hftlab.forking import hold, socket_descriptors
from hftlab.log import get_logger
from hftlab.port import is_held_here, port_holder
from hftlab.protocol import CODECS
from hftlab.protocol.publishing.authentication import Authenticator
from hftlab.protocol.publishing.limits import ServerLimits
from hftlab.server.framing import EXTENSIONS, Framer
from hftlab.server.http.admission import Admission, is_loopback
from hftlab.server.http.endpoints import Endpoints
from hftlab.server.server_socket import HIGH_WATER, ServerSocket, SocketOwner

__all__ = ["Listener", "SocketServer"]

_SHUTDOWN: Final = 1.5
"""Seconds for the closing handshakes; after them connections are aborted."""
_UNSENT: Final = 128 * 1024
"""Bytes that the kernel may hold of what it cannot send yet; its own default is megabytes of stale state."""

_log = get_logger("hftlab.server")

# At DEBUG the library logs requests and frames, and with them tokens.
_wire_log = logging.getLogger("hftlab.websockets")
_wire_log.addFilter(lambda record: record.levelno > logging.DEBUG)


class SocketServer(SocketOwner, Protocol):
    """Server of the WebSockets that a Listener accepts."""

    async def serve(self, socket: ServerSocket) -> None:
        """Serve one client until its connection ends."""


class Listener:
    """Accepts connections on one address; every WebSocket goes to `server`, and belongs to it.

    `pages` answers plain HTTP requests; it returns None for those that are to become their WebSocket. The
    authenticator's key is left where clients of the same user find it while the port is open, with `leaves_key`.
    """

    def __init__(
        self,
        server: SocketServer,
        pages: Callable[[Request, ServerSocket], Response | None],
        limits: ServerLimits,
        authenticator: Authenticator,
        framer: Framer,
        *,
        leaves_key: bool,
    ) -> None:
        self._server, self._pages, self.limits = server, pages, limits
        self._authenticator, self._framer, self._leaves_key = authenticator, framer, leaves_key
        self._sockets: WebSocketServer | None = None
        self._all: WeakSet[ServerSocket] = WeakSet()
        self.endpoints: Endpoints | None = None
        self.port = 0

    @property
    def is_open(self) -> bool:
        """True if the port is open."""
        return self._sockets is not None

    async def open(
        self,
        host: str,
        port: int,
        *,
        trusted: bool,
        origins: Sequence[str],
        hosts: Sequence[str],
        ssl: SSLContext | None,
    ) -> None:
        """Listen. Raises PortInUse, AddressFailed, and HftlabError for a public address of a server without trust."""
        endpoints = Endpoints(Admission(host, self.limits, origins, hosts), self._authenticator)
        sockets = await self._bound(host, port, ssl)
        # Bound first, so that a mistyped address is reported as such, and not as a lack of TLS.
        if not trusted and not is_loopback(host):
            sockets.close()
            raise HftlabError(
                f"cannot listen on {host}:{port} without TLS and required authentication, as anyone in its network "
                'could read and send: give ssl=... and auth="required" (on the command line --tls-cert FILE and '
                "--auth required), or listen on 127.0.0.1"
            )
        self._sockets, self.port = sockets, next(iter(sockets.sockets)).getsockname()[1]
        hold(self)
        self.endpoints = endpoints
        if self._leaves_key:
            self._leave_key()
        await sockets.start_serving()

    async def _bound(self, host: str, port: int, ssl: SSLContext | None) -> WebSocketServer:
        try:
            sockets = await serve(
                self._handle,
                host,
                port,
                create_connection=self._socket,  # type: ignore[arg-type]  # a factory is documented
                process_request=self._process_request,
                compression=None,
                extensions=EXTENSIONS,
                select_subprotocol=_select_subprotocol,
                max_size=self.limits.message_bytes,
                write_limit=(HIGH_WATER, HIGH_WATER // 4),
                open_timeout=self.limits.open_timeout,
                close_timeout=_SHUTDOWN,
                server_header="hftlab",
                logger=_wire_log,
                reuse_address=True,
                backlog=1024,  # all clients reconnect at once when a server comes back
                start_serving=False,
                ssl=ssl,
            )
        except OSError as exc:
            if exc.errno == errno.EADDRINUSE:
                raise PortInUse(host, port, port_holder(port), is_here=is_held_here(port)) from None
            reason = exc.strerror or exc
            raise AddressFailed(f"cannot listen on {host}:{port} ({reason}): give another host or port") from exc
        for one in sockets.sockets:
            if sys.platform == "linux":  # connections inherit it
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT)
        return sockets

    def _leave_key(self) -> None:
        try:
            write_secret(self.port, self._authenticator.key)
        except OSError as exc:
            _log.warning("the key could not be left for local clients", reason=str(exc))

    async def close(self, abort: Callable[[ServerSocket], None]) -> None:
        """Close every connection with 1001 and free the port; connections that take too long are given to `abort`."""
        if self._sockets is None:
            return
        sockets, self._sockets = self._sockets, None
        assert self.endpoints is not None
        self.endpoints.close()
        if self._leaves_key:
            remove_secret(self.port, self._authenticator.key)
        await _stop_accepting(sockets)
        sockets.close(code=1001)
        # Connections that are still opening are not waited for.
        for connection in [one for one in self._all if not one.is_open]:
            connection.abort()
        try:
            async with asyncio.timeout(_SHUTDOWN):
                await sockets.wait_closed()
        except TimeoutError:
            for connection in list(self._all):
                abort(connection)
            await sockets.wait_closed()

    def descriptors(self) -> list[int]:
        """Return the numbers of the open sockets: those that listen, and those of connections."""
        listening = [] if self._sockets is None else [one.fileno() for one in self._sockets.sockets]
        return listening + [number for one in list(self._all) for number in socket_descriptors(one)]

    # --- connections ---

    def _socket(self, *args: Any, **kwargs: Any) -> ServerSocket:
        assert self.endpoints is not None
        socket = ServerSocket(
            *args, endpoints=self.endpoints, owner=self._server, framer=self._framer, limits=self.limits, **kwargs
        )
        self._all.add(socket)
        return socket

    async def _handle(self, connection: ServerConnection) -> None:
        assert isinstance(connection, ServerSocket)
        await self._server.serve(connection)

    def _process_request(self, connection: ServerConnection, request: Request) -> Response | None:
        assert isinstance(connection, ServerSocket)
        assert self.endpoints is not None
        return (
            self.endpoints.refuse(connection.peer_address, connection.own_address, request)
            or self._pages(request, connection)
            or self.endpoints.refuse_socket(connection.peer_address, request)
        )


async def _stop_accepting(sockets: WebSocketServer) -> None:
    """Accept no more connections, and wait until those that are accepted have their protocols.

    asyncio forgets one whose server is closed in the turn of the event loop between the two: nobody would ever close
    it, and its client would wait for an answer.
    """
    loop = asyncio.get_running_loop()
    for one in sockets.sockets:
        with suppress(NotImplementedError):  # a loop that does not wait for sockets, as that of Windows
            loop.remove_reader(one.fileno())
    await asyncio.sleep(0)


def _select_subprotocol(_: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """Choose the client's first subprotocol that we know; with none of them the connection speaks JSON."""
    return next((name for name in offered if name in CODECS), None)
