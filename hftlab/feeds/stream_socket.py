"""WebSocket of a live feed: each message is handed on from where its bytes are read, with the time of that."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidProxy,
    InvalidState,
    InvalidStatus,
    InvalidURI,
)
from websockets.frames import Frame, Opcode
from websockets.http11 import Response

from hftlab.clock import wall_time
from hftlab.errors import ConnectionFailed
from hftlab.forking import hold, socket_descriptors
from hftlab.transport.address import is_local, redacted

__all__ = ["StreamSocket", "TakeMessage", "open_stream"]

_MAX_MESSAGE: Final = 16 * 1024 * 1024
_NO_SUCH_PATH: Final = (400, 404, 405, 410)
_MESSAGES: Final = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)

TakeMessage: TypeAlias = Callable[["StreamSocket", bytes, int], None]
"""Takes a message, and when its last bytes came (wall time in ns)."""


class StreamSocket(ClientConnection):
    """The library's connection without its queue and its task: `take` gets each message; it must not raise.

    `heard` is the loop's time of the last bytes of any kind, `heard_at` the wall time (ns) of that; `told` is the
    loop's time of the last message.
    """

    def __init__(self, *args: Any, take: TakeMessage, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._take = take
        self._begun = bytearray()
        self.heard = self.told = self.loop.time()
        self.heard_at = wall_time()
        self.ended = asyncio.Event()
        self.given_up: str | None = None
        """Reason for which it was given up from this side though it had not ended; None if it was not."""
        self.has_left = False
        """True if it was closed from this side: what still comes is not wanted."""
        hold(self)

    def descriptors(self) -> list[int]:
        """Return the number of the socket, if it is open."""
        return socket_descriptors(self)

    def data_received(self, data: bytes) -> None:
        """Take bytes from the network."""
        self.heard, self.heard_at = self.loop.time(), wall_time()
        super().data_received(data)

    def process_event(self, event: Frame | Response) -> None:  # type: ignore[override]
        """Take a frame: messages are handed on, the library does the rest."""
        if not isinstance(event, Frame) or event.opcode not in _MESSAGES:
            super().process_event(event)
            return
        self.told = self.heard
        if event.fin and not self._begun:
            self._take(self, bytes(event.data), self.heard_at)
        else:
            self._begun += event.data
            if event.fin:
                whole, self._begun = bytes(self._begun), bytearray()
                self._take(self, whole, self.heard_at)

    def connection_lost(self, exc: Exception | None) -> None:
        """Take note of the end."""
        super().connection_lost(exc)
        self.ended.set()

    @property
    def end_reason(self) -> str:
        """Reason for which the connection has ended."""
        if self.given_up is not None:
            return self.given_up
        error = self.close_exc
        if error.rcvd is not None:
            return f"closed by the venue with {error.rcvd.code} {error.rcvd.reason}".rstrip()
        return "the connection broke"

    def say(self, payload: bytes) -> None:
        """Send a message, unless the connection has ended."""
        with suppress(ConnectionClosed, InvalidState):
            self.protocol.send_text(payload)
            self.send_data()

    def probe(self) -> None:
        """Send a ping, whose answer shows that the other side is there."""
        with suppress(ConnectionClosed, InvalidState):
            self.protocol.send_ping(b"")
            self.send_data()

    def leave(self) -> None:
        """Close without waiting for the other side."""
        self.has_left = True
        with suppress(ConnectionClosed, InvalidState):
            self.protocol.send_close(1000)
            self.send_data()
        self.transport.abort() if self.given_up is not None else self.transport.close()


async def open_stream(url: str, take: TakeMessage, timeout: float) -> StreamSocket:
    """Connect within `timeout` seconds. Raises ConnectionFailed, also for a proxy that cannot be used."""
    proxy: dict[str, Any] = {"proxy": None} if is_local(url) else {}
    try:
        opened = await connect(
            url,
            max_size=_MAX_MESSAGE,
            open_timeout=timeout,
            close_timeout=1.0,
            compression=None,
            ping_interval=None,
            create_connection=partial(StreamSocket, take=take),  # type: ignore[arg-type]  # it is called alone
            **proxy,
        )
    except (OSError, ConnectionClosed, InvalidHandshake, InvalidProxy, InvalidURI, ValueError, ImportError) as exc:
        reason = str(exc) or f"no answer in {timeout:g} s"
        raise ConnectionFailed(f"cannot connect to {redacted(url)} ({reason}): {_advice(url, exc)}") from exc
    assert isinstance(opened, StreamSocket)
    return opened


def _advice(url: str, error: Exception) -> str:
    if isinstance(error, InvalidStatus) and error.response.status_code in _NO_SUCH_PATH:
        path = urlsplit(url).path
        return (
            f"nothing answers at the path {path or '/'}: check the address; that of a replay in a venue's wire is in "
            "server.native_urls, and hftlab replay --as prints it"
        )
    return "check the address, and the way to the venue"
