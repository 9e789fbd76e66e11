"""One client's socket: its encoding, its framing and how far its reader is behind."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any, Final

from websockets.asyncio.server import ServerConnection
from websockets.protocol import State

from hftlab.protocol import CODECS, JSON, Codec
from hftlab.protocol.publisher import Backlog
from hftlab.server.framing import Framer, window_bits

__all__ = ["HIGH_WATER", "Connection"]

HIGH_WATER: Final = 128 * 1024
"""Bytes waiting in user space from which a reader counts as behind; it has caught up at a quarter of it."""

MAX_BUFFER: Final = 4 * 1024 * 1024
"""Bytes waiting from which even events are no longer added."""

_OPEN: Final = State.OPEN
_numbers = itertools.count(1)


class Connection(ServerConnection):
    """Writes whole frames straight to the transport, and reports its backlog from the transport's flow control.

    A reader that does not catch up within `write_deadline` seconds is aborted: the library's keepalive waits for such a
    reader without a limit.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.name = f"conn_{next(_numbers)}"
        self.backlog = Backlog.NONE
        self.write_deadline = 3.0
        self.on_backlog: Callable[[Connection, Backlog], None] | None = None
        self.on_abort: Callable[[Connection, str], None] | None = None
        self.is_told = False
        """Whether REPLAY_STATUS has told this client where the replay stands."""
        self.codec: Codec = JSON
        self.window_bits: int | None = None
        self._deadline: asyncio.TimerHandle | None = None

    def opened(self) -> None:
        """Read what the handshake has settled."""
        self.codec = CODECS.get(self.subprotocol or "", JSON)
        self.window_bits = window_bits(list(self.protocol.extensions))

    @property
    def buffered(self) -> int:
        """Bytes in user space that the reader has not made room for."""
        return self.transport.get_write_buffer_size()

    def write(self, frame: bytes) -> bool:
        """Queue one frame; False if the connection is closing."""
        # A peer that is gone shows in the transport first.
        transport = self.transport
        if self.protocol.state is not _OPEN or transport.is_closing():
            return False
        transport.write(frame)
        if self.paused and transport.get_write_buffer_size() > MAX_BUFFER:
            self._report(Backlog.FULL)
        return True

    def reply(self, framer: Framer, payload: bytes) -> bool:
        return self.write(framer.frame(payload, self.window_bits, binary=self.codec.binary))

    def pause_writing(self) -> None:
        super().pause_writing()
        self._deadline = self.loop.call_later(self.write_deadline, self._abort)
        self._report(Backlog.CONGESTED)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._cancel_deadline()
        self._report(Backlog.NONE)

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel_deadline()
        super().connection_lost(exc)

    def _report(self, backlog: Backlog) -> None:
        if backlog is not self.backlog:
            self.backlog = backlog
            if self.on_backlog is not None:
                self.on_backlog(self, backlog)

    def _abort(self) -> None:
        if self.on_abort is not None:
            self.on_abort(self, "slow consumer")
        self.transport.abort()

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def __str__(self) -> str:
        return self.name
