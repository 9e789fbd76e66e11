"""How long messages wait in a connection's outgoing buffer before the kernel takes them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from hftlab.server.durations import Durations
from hftlab.server.server_socket import ServerSocket

__all__ = ["QueueTimes"]

_SAMPLE: Final = 0.03
"""Seconds between samples: the cost of thirty batches a second is not noticed, that of each batch of a stream at full
speed is."""
_FIRST_LOOK: Final = 0.001
_LAST_LOOK: Final = 0.05
"""Seconds after which what still waits is looked at again; doubled from the one to the other, so that a wait is known
to a part of itself, and a stuck reader costs little."""
_BOUNDS: Final = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)


class _Mark(NamedTuple):
    """The end of one message among the bytes of a connection, and when it was written."""

    socket: ServerSocket
    end: int
    at: float


class QueueTimes:
    """A histogram of samples: one message for each reader of about thirty batches a second.

    No reader has more than one sample that waits. One whose connection ends first counts with the time until then.
    """

    def __init__(self, timer: Callable[[], float] = time.perf_counter) -> None:
        self.durations = Durations(
            "hftlab_queue_seconds",
            "Time that a message waits in its connection's buffer before the kernel takes it (sampled)",
            _BOUNDS,
        )
        self._timer = timer
        self._marks: dict[ServerSocket, _Mark] = {}
        self._sampled_at = float("-inf")
        self._pause = _FIRST_LOOK
        self._next: asyncio.Handle | None = None

    def is_due(self, now: float) -> bool:
        """Whether a batch that is written now is to be a sample."""
        return now - self._sampled_at >= _SAMPLE

    def written(self, readers: Iterable[ServerSocket], at: float) -> None:
        """A batch has been written to `readers` just before `at`, and is a sample."""
        self._sampled_at = at
        for reader in readers:
            if reader in self._marks:
                continue
            if reader.buffered:
                self._marks[reader] = _Mark(reader, reader.written, at)
            else:
                self.durations.add(0.0)
        if self._marks and (self._next is None or self._pause > _FIRST_LOOK):
            self._cancel()
            self._pause = _FIRST_LOOK
            # A loop may hand over what is written only at the end of its turn: look at the next.
            self._next = asyncio.get_running_loop().call_soon(self._look)

    def _look(self) -> None:
        self._next = None
        now = self._timer()
        for mark in [mark for mark in self._marks.values() if _has_gone(mark)]:
            del self._marks[mark.socket]
            self.durations.add(now - mark.at)
        if self._marks:
            self._next = asyncio.get_running_loop().call_later(self._pause, self._look)
            self._pause = min(2 * self._pause, _LAST_LOOK)

    def close(self) -> None:
        """Look no more."""
        self._cancel()

    def _cancel(self) -> None:
        if self._next is not None:
            self._next.cancel()
            self._next = None


def _has_gone(mark: _Mark) -> bool:
    socket = mark.socket
    return not socket.is_open or socket.written - socket.buffered >= mark.end or not socket.buffered
