"""The frames that wait for one slow reader: private ones first, and bounded. No sockets here."""

from __future__ import annotations

from collections import deque

__all__ = ["Outbox"]


class _Lane:
    __slots__ = ("frames", "size")

    def __init__(self) -> None:
        self.frames: deque[bytes] = deque()
        self.size = 0


class Outbox:
    """Two lanes, each first in, first out, and each for so many frames and bytes.

    It takes what it is given, and tells whether that was too much: what is numbered for a reader already is to come to
    it, before it hears of a gap or is closed.
    """

    def __init__(self, max_bytes: int, max_frames: int) -> None:
        self._max_bytes, self._max_frames = max_bytes, max_frames
        self._private, self._public = _Lane(), _Lane()

    def __bool__(self) -> bool:
        return bool(self._private.frames or self._public.frames)

    @property
    def size(self) -> int:
        """Bytes of all that waits."""
        return self._private.size + self._public.size

    def put(self, frame: bytes, *, private: bool) -> bool:
        """Add a frame at the end of its lane; whether the lane is within its bounds."""
        lane = self._private if private else self._public
        lane.frames.append(frame)
        lane.size += len(frame)
        return lane.size <= self._max_bytes and len(lane.frames) <= self._max_frames

    def take(self) -> bytes:
        """The frame whose turn it is. Raises IndexError if none waits."""
        lane = self._private if self._private.frames else self._public
        frame = lane.frames.popleft()
        lane.size -= len(frame)
        return frame

    def clear(self) -> None:
        self._private, self._public = _Lane(), _Lane()
