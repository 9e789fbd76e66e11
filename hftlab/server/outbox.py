"""The frames that wait for one slow reader: in two lanes, each bounded. No sockets here."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Outbox"]


class _Lane:
    __slots__ = ("frames", "size")

    def __init__(self) -> None:
        self.frames: deque[tuple[bytes, bool]] = deque()
        """Each with whether it is private."""
        self.size = 0

    def append(self, frame: bytes, private: bool) -> None:
        self.frames.append((frame, private))
        self.size += len(frame)

    def without_private(self) -> _Lane:
        lane = _Lane()
        for frame, private in self.frames:
            if not private:
                lane.append(frame, private)
        return lane


class Outbox:
    """Two lanes, each first in, first out; urgent frames leave before all others.

    It takes every frame and says whether its lane has more than it should: a frame that is numbered for a reader
    already has to reach it, before it is sent a GAP or is closed. `private` frames belong to the account that the
    reader is signed in as; they are dropped when that changes.
    """

    def __init__(self, max_bytes: int, max_frames: int) -> None:
        self._max_bytes, self._max_frames = max_bytes, max_frames
        self._urgent, self._other = _Lane(), _Lane()
        self._more_bytes = self._more_frames = 0
        """Bytes and frames that the urgent lane may have besides, because they came while nothing was counted."""
        self._is_counting = True

    def __bool__(self) -> bool:
        return bool(self._urgent.frames or self._other.frames)

    @property
    def size(self) -> int:
        """Bytes of all frames that wait."""
        return self._urgent.size + self._other.size

    @contextmanager
    def uncounted(self) -> Iterator[None]:
        """Let all urgent frames that come within this wait besides what the lane may have, until it is empty.

        Frames count as ever while others wait there already: what waits for one reader stays bounded, however often it
        asks for more.
        """
        self._is_counting = bool(self._urgent.frames)
        try:
            yield
        finally:
            self._is_counting = True

    def put(self, frame: bytes, *, urgent: bool, private: bool) -> bool:
        """Add a frame at the end of its lane; returns whether the lane is within its bounds."""
        lane = self._urgent if urgent else self._other
        lane.append(frame, private)
        max_bytes, max_frames = self._max_bytes, self._max_frames
        if urgent:
            if not self._is_counting:
                self._more_bytes += len(frame)
                self._more_frames += 1
            max_bytes, max_frames = max_bytes + self._more_bytes, max_frames + self._more_frames
        return lane.size <= max_bytes and len(lane.frames) <= max_frames

    def take(self) -> bytes:
        """Remove and return the next frame. Raises IndexError if none waits."""
        lane = self._urgent if self._urgent.frames else self._other
        frame, _ = lane.frames.popleft()
        lane.size -= len(frame)
        self._count_anew()
        return frame

    def drop_private(self) -> None:
        """Remove the private frames of both lanes."""
        self._urgent, self._other = self._urgent.without_private(), self._other.without_private()
        self._count_anew()

    def clear(self) -> None:
        """Remove all frames."""
        self._urgent, self._other = _Lane(), _Lane()
        self._count_anew()

    def _count_anew(self) -> None:
        if not self._urgent.frames:
            self._more_bytes = self._more_frames = 0
