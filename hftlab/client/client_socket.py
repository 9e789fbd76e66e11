"""WebSocket of a client: each message is handed on from where its bytes are read."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, TypeAlias

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidState
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State

from hftlab.client.frame_splitter import WHOLE, FrameSplitter
from hftlab.clock import wall_time
from hftlab.forking import hold, socket_descriptors

__all__ = ["ClientSocket", "OnMessage"]

OnMessage: TypeAlias = Callable[[bytes, Opcode, int], None]
"""Takes a message's payload, whether it is TEXT or BINARY, and when its last bytes came (wall time in ns)."""

_OPEN: Final = State.OPEN
_MESSAGES: Final = (Opcode.TEXT, Opcode.BINARY)
_END_OF_HEAD: Final = b"\r\n\r\n"
_MAX_KEPT: Final = 16
"""Reading pauses when so many messages are kept."""
_CLOSE_TIMEOUT: Final = 2.0


class ClientSocket(ClientConnection):
    """The library's connection without its queue and its task, whose wake-ups cost most of a message's time.

    The library decodes what is compressed, fragmented or about the connection. A message that comes in one plain frame,
    as all do on one machine, is handed on as it is: the library's parser needs a tenth of a millisecond for it where
    messages are so rare that its code is cold.

    Messages are kept until `pass_on()` says where they go, and again from `keep()` on; `discard()` drops them. A
    message may come in any number of fragments: they are joined as they come, so that they cost what their bytes do,
    which `max_size` bounds.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._kept: deque[tuple[bytes, Opcode, int]] = deque()
        self._on_message: OnMessage = self._keep
        self._received_at = 0
        self._opcode = Opcode.TEXT
        self._splitter = FrameSplitter()
        self._splits = False
        """True if the splitter has the position: from the end of the handshake's head on."""
        self._head = b""
        """The last bytes of that head so far, which may be a part of its end."""
        self._is_fragmented = False
        """True if a message has begun whose last fragment has not come."""
        self._begun = bytearray()
        """Fragments so far of a message of `_opcode` (RFC 6455 section 5.4)."""
        self._closing: asyncio.Task[None] | None = None
        hold(self)

    def descriptors(self) -> list[int]:
        """Return the number of the socket, if it is open."""
        return socket_descriptors(self)

    def pass_on(self, on_message: OnMessage) -> None:
        """Give the messages kept, and then each message as it comes, to `on_message`; it must not raise."""
        self._on_message = on_message
        while self._kept and self._on_message is on_message:
            on_message(*self._kept.popleft())
        if not self._kept:
            self.transport.resume_reading()

    def keep(self) -> None:
        """Keep messages from now on; no more are read when there are many."""
        self._on_message = self._keep

    def discard(self) -> None:
        """Drop messages, and read on: the answer to a close frame is behind what has come before it."""
        self._kept.clear()
        self.pass_on(_forget)

    def write(self, payload: bytes, *, is_binary: bool) -> None:
        """Send a message without waiting for room; see drain(). Raises ConnectionError after the end."""
        try:
            if is_binary:
                self.protocol.send_binary(payload)
            else:
                self.protocol.send_text(payload)
        except (ConnectionClosed, InvalidState):
            raise ConnectionResetError("the connection is closed") from None
        self.send_data()

    @property
    def end_reason(self) -> str:
        """Reason for which the connection has ended."""
        error = self.close_exc
        if error.rcvd is not None:
            return f"closed by the server with {error.rcvd.code} {error.rcvd.reason}".rstrip()
        if error.sent is not None:
            return f"the server broke the protocol: {error.sent.reason or error.sent.code}"
        return "the connection broke"

    def abort(self) -> None:
        """Close at once, without a handshake."""
        self.transport.abort()

    async def end(self) -> None:
        """Close with a handshake, or without one if the other side does not answer in time."""
        self.discard()
        try:
            # A peer that does not read would keep the library waiting to send its close frame.
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_TIMEOUT):
                    await self.close()
        finally:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        # One time for all messages in it: handling the first takes time that is not the network's.
        self._received_at = wall_time()
        at = 0 if self._splits else self._read_head(data)
        while at < len(data):
            if not self._splits or self.protocol.state is not _OPEN:
                super().data_received(data[at:])
                return
            start, end = self._splitter.split(data, at)
            if start > at and not self._is_fragmented:
                self._message(data[start:end], WHOLE[data[at]])
            else:
                super().data_received(data[at:end])
            at = end

    def _read_head(self, data: bytes) -> int:
        """Pass the library what belongs to the head of its handshake; returns where that ends, 0 if there is no end.

        Then everything goes to the library, as it does when the library logs each frame.
        """
        if self.debug or self.protocol.state is not State.CONNECTING:
            return 0
        head, known = self._head + data, len(self._head)
        found = head.find(_END_OF_HEAD)
        if found < 0:
            self._head = head[1 - len(_END_OF_HEAD) :]
            return 0
        end = found + len(_END_OF_HEAD) - known
        super().data_received(data[:end])
        self._splits = self.protocol.state is _OPEN  # type: ignore[comparison-overlap]  # the call has changed it
        return end

    def process_event(self, event: Frame | Response) -> None:  # type: ignore[override]
        if not isinstance(event, Frame) or event.opcode.value >= Opcode.CLOSE.value:
            super().process_event(event)
        elif event.opcode in _MESSAGES and event.fin:
            self._message(bytes(event.data), event.opcode)
        else:
            self._fragment(event)

    def _fragment(self, frame: Frame) -> None:
        if frame.opcode in _MESSAGES:
            self._opcode = frame.opcode
        self._is_fragmented = not frame.fin
        self._begun += frame.data
        if frame.fin:
            whole, self._begun = bytes(self._begun), bytearray()
            self._message(whole, self._opcode)

    def _message(self, data: bytes, opcode: Opcode) -> None:
        if opcode is Opcode.TEXT and not data.isascii():
            try:
                data.decode()
            except UnicodeDecodeError as exc:
                self.discard()
                self.protocol.fail(CloseCode.INVALID_DATA, f"{exc.reason} at position {exc.start}")
                self.send_data()
                self._closing = self.loop.create_task(self.close())  # for when the other side does not answer
                return
        self._on_message(data, opcode, self._received_at)

    def _keep(self, data: bytes, opcode: Opcode, received_at: int) -> None:
        self._kept.append((data, opcode, received_at))
        if len(self._kept) >= _MAX_KEPT:
            self.transport.pause_reading()


def _forget(data: bytes, opcode: Opcode, received_at: int) -> None:
    pass
