"""Time that messages wait in a connection's outgoing buffer before the kernel takes them."""

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
"""Seconds until messages that still wait are looked at again, doubled each time: long waits are measured less exactly,
and a stuck reader costs little."""
_BOUNDS: Final = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)


class _Mark(NamedTuple):
    """One message that waits: where it ends among the bytes of its connection, and when it was written."""

    socket: ServerSocket
    end: int
    at: float


class QueueTimes:
    """Samples how long messages wait: one per reader, of about thirty batches a second.

    A reader has at most one sample that waits. If its connection ends first, the wait ends there.
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
        """Return whether the batch that is written now should be a sample."""
        return now - self._sampled_at >= _SAMPLE

    def written(self, readers: Iterable[ServerSocket], at: float) -> None:
        """Note that a batch, which is a sample, has been written to `readers` just before `at`."""
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
            # A loop may pass what is written to the kernel only at the end of its turn: look at the next turn.
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
        """Stop looking."""
        self._cancel()

    def _cancel(self) -> None:
        if self._next is not None:
            self._next.cancel()
            self._next = None


def _has_gone(mark: _Mark) -> bool:
    socket = mark.socket
    return not socket.is_open or socket.written - socket.buffered >= mark.end or not socket.buffered
