"""Tells readers that have stopped from slow ones, by what their systems acknowledge."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from typing import Final

__all__ = ["StallDetector", "delivered"]

_BYTES_ACKED: Final = 120
"""Offset of tcpi_bytes_acked in Linux' struct tcp_info (include/uapi/linux/tcp.h, since Linux 4.1)."""
_LATE: Final = 0.1
"""Part of the deadline: bytes that are acknowledged sooner were on their way already, and prove nothing."""
_PROOFS: Final = 2
"""Late acknowledgements that prove a reader. One is not enough: a system with a full buffer takes the last bytes that
fit, less than a segment, only when the sender's timer for closed windows fires (RFC 9293 section 3.8.6.1; Linux: after
0.2 s and a round trip)."""
_STRETCH: Final = 4
_LONGEST: Final = 20


def delivered(transport: asyncio.Transport) -> int | None:
    """Return the bytes that the peer's system has acknowledged; None where our system does not tell.

    Flow control would not do: it reports only when a buffer of ours has emptied to its low-water mark.
    """
    if sys.platform != "linux":
        return None
    try:
        info = transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_ACKED + 8)
        acknowledged: int = struct.unpack_from("=Q", info, _BYTES_ACKED)[0]
    except (OSError, struct.error, AttributeError):
        return None
    return acknowledged


class StallDetector:
    """Watches one reader for as long as bytes wait for it.

    A receiver's system acknowledges in lumps: it opens its window again only when a good part of its buffer is free
    (RFC 9293 section 3.8.6.2.2), which at 1 kB/s takes seconds. A reader that has been seen to take something after a
    pause, and again after another, has proved that it reads: from then on it may pause several times as long as its
    longest pause so far.
    """

    def __init__(self, now: float, taken: int, deadline: float) -> None:
        self._deadline = self._patience = deadline
        self._taken, self._moved_at, self._looked_at = taken, now, now
        self._paused_at: float | None = None
        self._proofs = 0

    @property
    def is_proved(self) -> bool:
        """True if the reader has been seen to read, however slowly."""
        return self._proofs >= _PROOFS

    def has_stopped(self, now: float, taken: int, *, paused: bool) -> bool:
        """Return whether the reader has taken nothing for too long; only time while it is `paused` (behind) counts."""
        if not paused:
            self._paused_at = None
        elif self._paused_at is None:
            self._paused_at = now
        if taken > self._taken:
            pause = self._looked_at - self._moved_at  # for certain: it moved at some time since the last look
            self._proofs += pause > _LATE * self._deadline
            if self.is_proved:
                wanted = _STRETCH * max(pause, self._deadline)
                self._patience = min(max(self._patience, wanted), _LONGEST * self._deadline)
            self._taken, self._moved_at = taken, now
        self._looked_at = now
        if self._paused_at is None:
            return False
        return now - max(self._moved_at, self._paused_at) >= self._patience
