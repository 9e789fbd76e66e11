"""One open connection: messages in one encoding, and the replies that are waited for."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import Callable
from contextlib import suppress
from ssl import SSLCertVerificationError, SSLContext, SSLError
from typing import Any, Final, TypeAlias

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
from websockets.frames import Opcode
from websockets.typing import Subprotocol

from hftlab.client.connection import Connection
from hftlab.client.metrics import Metrics
from hftlab.clock import to_milliseconds, wall_time
from hftlab.errors import CertificateFailed, ConnectionFailed, NetworkError, WireError
from hftlab.protocol import (
    Ack,
    Auth,
    AuthFailed,
    AuthSuccess,
    Codec,
    Error,
    Heartbeat,
    Message,
    Ping,
    Pong,
    ReplayControl,
    Subscribe,
    Unsubscribe,
)
from hftlab.transport.address import is_local, redacted

__all__ = ["REPLIES", "REPLY_TIMEOUT", "Link", "wire_error"]

REPLY_TIMEOUT: Final = 10.0
REPLIES: Final = (Ack, Error, Pong, AuthSuccess, AuthFailed)

_Request: TypeAlias = Subscribe | Unsubscribe | Ping | Heartbeat | Auth | ReplayControl
_OPEN_TIMEOUT: Final = 5.0
_CLOSE_TIMEOUT: Final = 1.0
_MAX_MESSAGE: Final = 16 * 1024 * 1024


class Link:
    """Counts what it sends in `metrics`. Made by `open()`."""

    def __init__(self, socket: Connection, url: str, codec: Codec, metrics: Metrics) -> None:
        self.url, self.codec = url, codec
        self.failure: WireError | None = None
        """Why the connection has ended for good."""
        self.reason: str | None = None
        """Why this side has ended it."""
        self._socket, self._metrics = socket, metrics
        self._pending: dict[str, asyncio.Future[Message]] = {}
        self._numbers = itertools.count(1)
        self._auth: asyncio.Future[Message] | None = None

    @classmethod
    async def open(cls, url: str, codec: Codec, metrics: Metrics, ssl: SSLContext | None = None) -> Link:
        """Connect. Raises ConnectionFailed, with `retry_after` if the server has said when to come back.

        `ssl` says whom to trust at a wss:// address; the system's authorities without.
        """
        shown = redacted(url)
        if ssl is not None and not url.lower().startswith("wss:"):
            raise ConnectionFailed(f"`ssl` is given, but {shown} is without TLS: write wss://, or leave `ssl` out")
        secured: dict[str, Any] = {} if ssl is None else {"ssl": ssl}
        try:
            connection = await connect(
                url,
                subprotocols=[Subprotocol(codec.subprotocol)],
                max_size=_MAX_MESSAGE,
                close_timeout=_CLOSE_TIMEOUT,
                open_timeout=_OPEN_TIMEOUT,
                proxy=None,
                # On one machine bytes cost less than the time to compress them.
                compression=None if is_local(url) else "deflate",
                # Health watches for silence, on its own terms.
                ping_interval=None,
                create_connection=Connection,
                **secured,
            )
        except (OSError, InvalidHandshake, InvalidURI, ValueError) as exc:
            raise _failure(shown, exc) from None
        assert isinstance(connection, Connection)
        return cls(connection, shown, codec, metrics)

    async def listen(self, deliver: Callable[[bytes, int], bool]) -> None:
        """Give each payload, and when it came (wall time in ns), to `deliver`, until it says that this was enough.

        It is called from where the bytes are read; what it raises is raised here. Raises NetworkError at the
        connection's end.
        """
        connection = self._socket
        enough: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def take(data: bytes, _: Opcode, received_at: int) -> None:
            try:
                if deliver(data, received_at):
                    connection.keep()
                    enough.set_result(None)
            except Exception as exc:
                connection.keep()
                enough.set_exception(exc)
            except asyncio.CancelledError as exc:  # its own: nothing that could be cancelled runs here
                connection.keep()
                enough.set_exception(RuntimeError(f"whoever takes the messages raised {exc!r}"))

        connection.pass_on(take)
        try:
            await asyncio.wait([enough, connection.connection_lost_waiter], return_when=asyncio.FIRST_COMPLETED)
        finally:
            connection.keep()
        if not enough.done():
            raise NetworkError(self.reason or _reason(connection.close_exc))
        enough.result()

    async def send(self, message: Message) -> None:
        """Send a message as it is, stamped with the time. Raises NetworkError."""
        message.timestamp = to_milliseconds(wall_time())
        data = self.codec.encode(message)
        try:
            await self._socket.send(data, text=not self.codec.binary)
        except ConnectionClosed:
            raise NetworkError(f"the connection to {self.url} closed while sending; it will be made again") from None
        self._metrics.messages_sent += 1
        self._metrics.bytes_sent += len(data)

    async def exchange(self, request: _Request, timeout: float = REPLY_TIMEOUT) -> Message:
        """Send a request and wait for its reply. An ERROR is raised; NetworkError if there is none."""
        request.id = f"req_{next(self._numbers)}"
        self._pending[request.id] = answer = asyncio.get_running_loop().create_future()
        if isinstance(request, Auth):
            self._auth = answer
        try:
            async with asyncio.timeout(timeout):
                await self.send(request)
                reply: Message = await answer
        except TimeoutError:
            raise NetworkError(
                f"{self.url} has not answered {request.type} for {timeout:g} s: is it an hftlab server?"
            ) from None
        finally:
            self._pending.pop(request.id, None)
            if self._auth is answer:
                self._auth = None
        if isinstance(reply, Error):
            raise wire_error(reply)
        return reply

    def answer(self, reply: Message) -> bool:
        """Whether somebody has waited for this message of REPLIES."""
        answer = self._pending.get(reply.id) if reply.id is not None else None
        if answer is None and isinstance(reply, AuthSuccess | AuthFailed):
            answer = self._auth  # the document's replies to AUTH carry no id
        if answer is None:
            return False
        if not answer.done():
            answer.set_result(reply)
        return True

    def abort(self, reason: str) -> None:
        """End the connection at once, without a closing handshake that a silent peer would not answer."""
        self.reason = self.reason or reason
        self._socket.transport.abort()

    def fail(self, error: WireError) -> None:
        """End the connection at once, for good."""
        self.failure = self.failure or error
        self.abort(str(error))

    async def close(self) -> None:
        """Say goodbye; all who wait for a reply get a NetworkError."""
        for answer in self._pending.values():
            if not answer.done():
                answer.set_exception(NetworkError(f"the connection to {self.url} closed before it answered"))
        self._socket.discard()
        try:
            # A peer that does not read would keep the library waiting to send its goodbye.
            with suppress(TimeoutError):
                async with asyncio.timeout(2 * _CLOSE_TIMEOUT):
                    await self._socket.close()
        finally:
            self._socket.transport.abort()


def wire_error(message: Error) -> WireError:
    """The exception for an ERROR."""
    # The document allows for any context; ours is an object.
    context = message.context if isinstance(message.context, dict | None) else {"context": message.context}
    error = WireError.of(message.error_type, message.message, context)
    error.recoverable, error.code, error.timestamp = message.recoverable, message.code, message.timestamp
    error.retry_after = message.retry_after
    return error


def _failure(url: str, error: Exception) -> ConnectionFailed:
    """What has kept a connection from being made."""
    if isinstance(error, SSLCertVerificationError):
        return CertificateFailed(
            f"the certificate of {url} is not trusted ({error.verify_message}): connect by the name that it is for, "
            "and give a certificate authority of your own as ssl=ssl.create_default_context(cafile=...)"
        )
    if not isinstance(error, OSError | InvalidHandshake):
        why = error.msg if isinstance(error, InvalidURI) else str(error)
        return ConnectionFailed(f"{url!r} is no WebSocket address ({why}): write one like ws://127.0.0.1:8081")
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error) or "no answer in 5 s"
    advice = "check that a server runs there and the port is right"
    if isinstance(error, socket.gaierror):
        advice = "check the spelling of the name, and this machine's DNS"
    elif isinstance(error, SSLError):
        advice = "write ws:// if the server there is without TLS"
    elif isinstance(error, TimeoutError) and url.startswith("wss:"):
        advice += ", and that it is one with TLS"
    return ConnectionFailed(f"cannot connect to {url} ({reason}): {advice}", retry_after=_retry_after(error))


def _reason(error: ConnectionClosed) -> str:
    if error.rcvd is not None:
        return f"closed by the server with {error.rcvd.code} {error.rcvd.reason}".rstrip()
    if error.sent is not None:
        return f"the server broke the protocol: {error.sent.reason or error.sent.code}"
    return "the connection broke"


def _retry_after(error: Exception) -> float | None:
    """The seconds of a Retry-After header (RFC 9110 section 10.2.3); its other form, a date, is left alone."""
    if not isinstance(error, InvalidStatus):
        return None
    said = error.response.headers.get("Retry-After", "")
    return float(said) if said.isascii() and said.isdecimal() else None
