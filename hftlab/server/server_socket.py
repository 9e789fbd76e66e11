"""One client's socket: it writes whole frames, and reports how far its reader is behind."""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
from collections.abc import Awaitable, Coroutine
from contextlib import AbstractContextManager, suppress
from typing import Any, Final, Protocol

from websockets.asyncio.server import ServerConnection
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import Event, State

from hftlab.protocol import CODECS, JSON, Codec
from hftlab.protocol.publishing.limits import ServerLimits
from hftlab.protocol.publishing.peer import Backlog
from hftlab.protocol.publishing.server_events import Reply
from hftlab.server.framing import Framer, window_bits
from hftlab.server.http.endpoints import Endpoints
from hftlab.server.http.post import POST, BadRequest, PostReader, PostRequest
from hftlab.server.outbox import Outbox
from hftlab.server.stall_detector import StallDetector, delivered

__all__ = ["HIGH_WATER", "OVERFLOW", "ServerSocket", "SocketOwner"]

HIGH_WATER: Final = 128 * 1024
"""Bytes in the transport from which a reader counts as behind; it has room again at a quarter of it."""

OVERFLOW: Final = 4008
"""Close code: messages that may not be skipped do not fit into the buffer."""

_OPEN: Final = State.OPEN
_CONTROLS: Final = (Opcode.PING, Opcode.PONG)
_TOO_BIG: Final = 1009
_KEEPALIVE: Final = "keepalive ping timeout"
_FAILURES: Final = {1002: "protocol error", 1007: "invalid text", _TOO_BIG: "message too big", 1011: "internal error"}
"""Close codes of RFC 6455 section 7.4.1 that the library itself sends, and what they are counted as."""
_numbers = itertools.count(1)


class SocketOwner(Protocol):
    """Owner of a ServerSocket, which reports to it; given at its construction.

    A reader falls behind in the middle of a write, and what is written next depends on it: a return value would say so
    too late.
    """

    def backlog_changed(self, socket: ServerSocket, backlog: Backlog) -> None:
        """The reader is behind by another degree than before."""

    def overflowed(self, socket: ServerSocket) -> None:
        """Frames that may not be skipped do not fit into the outbox any more."""

    def too_big(self, socket: ServerSocket, reason: str) -> bytes | None:
        """Return the payload that goes before the close frame when a message of the client is too big."""

    def ended(self, socket: ServerSocket, cause: str) -> None:
        """The server has ended the connection; called once."""

    def controlled(self, socket: ServerSocket) -> None:
        """The client has sent a ping or a pong, which is answered already."""


class ServerSocket(ServerConnection):
    """Writes frames past the library, straight to the transport, and tells its owner when the reader is behind.

    While the transport has more than HIGH_WATER, frames wait in an outbox, where urgent ones go first. Whether the
    reader has stopped is for the owner to ask: the library's keepalive waits for such a reader without a limit.
    """

    # What each write needs, side by side in memory. The library's connections have too many attributes for a compact
    # dictionary: with a hundred readers and some time between two messages, each look-up in it is a cache miss or two.
    __slots__ = ("_descriptor", "direct", "transport", "window_bits", "written")

    transport: asyncio.Transport

    def __init__(
        self,
        *args: Any,
        endpoints: Endpoints,
        owner: SocketOwner,
        framer: Framer,
        limits: ServerLimits,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.peer_address = self.own_address = ""
        self.name = f"conn_{next(_numbers)}"
        self.backlog = Backlog.NONE
        self.codec: Codec = JSON
        self.window_bits: int | None = None
        self.written = 0
        """Bytes of the frames that the kernel has not taken at once, those that still wait included."""
        self.expelled: str | None = None
        """Reason for which the server has closed this connection; None if it has not."""
        self._owner, self._framer = owner, framer
        self._outbox = Outbox(limits.queue_bytes, limits.queue_messages)
        self._is_open = False
        """True once the handshake is done: before that the owner gets no calls."""
        self._descriptor: int | None = None
        """The socket to write to past the transport, where that is the same to the reader, until the close frame."""
        self.direct: int | None = None
        """The same while nothing waits that would have to go before: a frame may be written to it with os.write(). What
        it does not take goes to hand_over(), or the frames after it would be cut into."""
        self._gathers = False
        self._answers_too_big = True
        self._stall_detector: StallDetector | None = None
        self._closing: asyncio.Task[None] | None = None
        self._endpoints, self._is_admitted = endpoints, False
        self._first: bytes | None = b""
        """The first bytes, until it is clear whether they are a POST; None from then on."""
        self._post: PostReader | None = None
        self._answering: asyncio.Task[None] | None = None

    def opened(self) -> None:
        """Read what the handshake has settled: the encoding and the compression."""
        self.codec = CODECS.get(self.subprotocol or "", JSON)
        self.window_bits = window_bits(list(self.protocol.extensions))
        self._is_open = True

    async def ping(self, data: Any = None) -> Awaitable[float]:
        """Send a ping; its data is drawn from the system's random numbers.

        The library draws it from those of the module random, which a notebook may have seeded.
        """
        return await super().ping(os.urandom(8) if data is None else data)

    def gather(self, whether: bool) -> None:
        """Let the kernel put frames together while earlier ones are on their way (Nagle's algorithm, RFC 896).

        It makes for more messages a second, and for each to come later: for a stream that nothing paces.
        """
        if whether is not self._gathers:
            self._gathers = whether
            with suppress(OSError, AttributeError, ValueError):  # a transport that is closed has no socket
                self.transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, not whether)

    @property
    def buffered(self) -> int:
        """Bytes in user space that the reader has not made room for."""
        if self.direct is not None:
            return 0
        return self.transport.get_write_buffer_size() + self._outbox.size

    def write(self, frame: bytes, urgent: bool = False, private: bool = False) -> bool:
        """Queue one frame, an urgent one before all others; returns False if the connection is closing.

        A `private` frame that still waits when the account changes is dropped by drop_private().
        """
        if self.direct is None and not self._has_emptied():
            return self._write_behind(frame, urgent=urgent, private=private)
        # As the transport would, without its bookkeeping.
        try:
            taken = os.write(self.direct, frame)  # type: ignore[arg-type]  # _has_emptied() sets it
        except OSError:  # no room, or the reader is gone: the transport finds out which
            taken = 0
        return taken == len(frame) or self.hand_over(frame[taken:])

    def _has_emptied(self) -> bool:
        """Return whether nothing waits in the transport any more: frames are written past it from then on."""
        transport = self.transport
        if self._descriptor is None or transport.is_closing() or transport.get_write_buffer_size():
            return False
        self.direct = self._descriptor
        return True

    def hand_over(self, rest: bytes) -> bool:
        """Let the transport write what `direct` has not taken of a frame; returns False at the connection's end."""
        self.direct = None
        if self.transport.is_closing():  # a peer that is gone shows here first
            return False
        self.transport.write(rest)
        self.written += len(rest)
        return True

    def _write_behind(self, frame: bytes, *, urgent: bool, private: bool) -> bool:
        """Queue a frame behind what waits already."""
        if self.transport.is_closing() or self.protocol.state is not _OPEN:
            return False
        if self.paused:
            self._wait(frame, urgent=urgent, private=private)
        else:
            self.transport.write(frame)
        self.written += len(frame)
        return True

    def reply(self, reply: Reply) -> bool:
        """Frame and queue one reply of the protocol; returns False if the connection is closing."""
        if reply.changes_account:
            self._outbox.drop_private()  # what the transport has is on its way already
        return self.write(self._frame(reply.payload), reply.urgent, reply.private)

    def signing_in(self) -> AbstractContextManager[None]:
        """Let all private frames that are written within this wait, besides what the limits of the queue allow.

        The state of an account may be more than they do, and its reader cannot read while it is written.
        """
        return self._outbox.uncounted()

    def _frame(self, payload: bytes) -> bytes:
        return self._framer.frame(payload, self.window_bits, binary=self.codec.binary)

    @property
    def is_open(self) -> bool:
        """True if frames can be written."""
        return self.protocol.state is _OPEN

    def abort(self) -> None:
        """Drop the socket with all that waits in it."""
        self.direct = None
        if hasattr(self, "transport"):  # not before connection_made()
            self.transport.abort()

    def drop(self, cause: str) -> None:
        """Abort from our side; `cause` is what it is counted as."""
        self._end(cause)
        self.abort()

    def _end(self, cause: str) -> None:
        if self.expelled is None:
            self.expelled = cause
            if self._is_open:
                self._owner.ended(self, cause)

    def expel(self, code: int, reason: str, cause: str | None = None) -> None:
        """Close from our side and take no more requests; the write deadline holds for the rest that is to be sent.

        `cause` is what it is counted as, where that is not the `reason` that the client is given.
        """
        if self.expelled is None and self.is_open:
            self._end(reason if cause is None else cause)
            # At once, or the handler's end would close with its own code first. What still comes is thrown away, so
            # that the answer to the close frame is found behind it; closing with unread data would reset the connection
            # and lose our last messages.
            self.protocol.fail(code, reason)
            self.send_data()
            self.transport.resume_reading()
            self._closing = self.loop.create_task(self.close())  # waits for the answer, up to the close timeout

    # --- the opening ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a place of the server's, or drop the connection (asyncio.Protocol)."""
        # A peer that has reset the connection already has no name.
        peer, own = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        self.peer_address = "" if peer is None else peer[0]
        self.own_address = "" if own is None else own[0]
        self._is_admitted = self._endpoints.admit(self.peer_address)
        if not self._is_admitted:
            transport.abort()  # type: ignore[attr-defined]  # it is an asyncio.Transport
            return
        super().connection_made(transport)
        if os.name == "posix" and transport.get_extra_info("ssl_object") is None:
            self._descriptor = transport.get_extra_info("socket").fileno()

    def data_received(self, data: bytes) -> None:
        """Read on (asyncio.Protocol)."""
        if self._first is None and self._post is None:
            super().data_received(data)
        else:
            self._opening(data)

    def _opening(self, data: bytes) -> None:
        """Read the first bytes: the library's parser takes no request with a body, so a POST is read beside it."""
        if self._first is not None:
            data = self._first + data
            if len(data) < len(POST) and POST.startswith(data):
                self._first = data
                return
            self._first = None
            if not data.startswith(POST):
                super().data_received(data)
                return
            self._post = PostReader()
        if self._post is not None and self._answering is None and not self.transport.is_closing():
            self._posted(self._post, data)

    def _posted(self, reader: PostReader, data: bytes) -> None:
        request: PostRequest | BadRequest | None
        try:
            request = reader.feed(data)
        except BadRequest as exc:
            request = exc
        if request is not None:
            answer = self._endpoints.post(self.peer_address, self.own_address, request)
            if isinstance(answer, Response):
                self._answer(answer)
            else:
                self._answering = self.loop.create_task(self._answer_later(answer))

    async def _answer_later(self, answer: Coroutine[Any, Any, Response]) -> None:
        self._answer(await answer)

    def _answer(self, answer: Response) -> None:
        if not self.transport.is_closing():
            self.transport.write(answer.serialize())
            self.transport.close()

    def process_event(self, event: Event) -> None:
        """Count pings and pongs of the client, which some owners limit as they do messages."""
        super().process_event(event)
        if isinstance(event, Frame) and event.opcode in _CONTROLS:
            self._owner.controlled(self)

    # --- flow control ---

    def pause_writing(self) -> None:
        """Let frames wait here from now on (asyncio.Protocol)."""
        super().pause_writing()
        if self.backlog is Backlog.NONE:
            self._report(Backlog.CONGESTED)

    def resume_writing(self) -> None:
        """Write what waits, as far as there is room (asyncio.Protocol)."""
        super().resume_writing()
        while self._outbox and not self.paused:
            self.transport.write(self._outbox.take())
        if not self.paused:
            self._report(Backlog.NONE)

    def _wait(self, frame: bytes, *, urgent: bool, private: bool) -> None:
        if self._outbox.put(frame, urgent=urgent, private=private):
            return
        if urgent or self.backlog is Backlog.FULL:
            # All that can be left out is left out since that report: this was a reply.
            self._owner.overflowed(self)
        else:
            self._report(Backlog.FULL)

    def _report(self, backlog: Backlog) -> None:
        self.backlog = backlog
        if self._is_open:
            self._owner.backlog_changed(self, backlog)

    # --- the end ---

    def send_data(self) -> None:
        """Write what the library has to say; a close frame goes behind all that waits."""
        if self.protocol.state > _OPEN:
            self._descriptor = self.direct = None
            self._flush()
        super().send_data()
        if self.direct is not None and self.transport.get_write_buffer_size():
            self.direct = None  # an answer to a ping goes before the next frame

    def _flush(self) -> None:
        """Write all that waits, and the answer to a message that was too big."""
        if self.transport.is_closing():
            self._outbox.clear()
        while self._outbox:
            self.transport.write(self._outbox.take())
        sent = self.protocol.close_sent
        if not self._answers_too_big or sent is None or sent.code != _TOO_BIG or self.protocol.close_rcvd is not None:
            return
        self._answers_too_big = False
        payload = self._owner.too_big(self, sent.reason)
        if payload is not None:
            self.transport.write(self._frame(payload))

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place back (asyncio.Protocol)."""
        self._descriptor = self.direct = None  # another connection may have the number from now on
        if not self._is_admitted:
            return
        self._endpoints.admission.leave(self.peer_address)
        super().connection_lost(exc)
        if self.request is None and self._post is None:
            self._endpoints.note_no_request(self.peer_address, is_silent=self._first == b"")
        sent = self.protocol.close_sent
        if sent is not None and sent.code in _FAILURES and not self.protocol.close_rcvd_then_sent:
            self._end("keepalive timeout" if sent.reason == _KEEPALIVE else _FAILURES[sent.code])

    def has_stopped(self, now: float, deadline: float) -> bool:
        """Return whether the reader is behind and has taken nothing for `deadline` seconds.

        Ask several times within the deadline.
        """
        waiting = self.transport.get_write_buffer_size()
        if not waiting:
            self._stall_detector = None
            return False
        taken = delivered(self.transport)
        if taken is None:
            taken = self.written - self.buffered
        if self._stall_detector is None:
            self._stall_detector = StallDetector(now, taken, deadline)
        return self._stall_detector.has_stopped(now, taken, paused=self.paused)

    def __str__(self) -> str:
        return self.name
