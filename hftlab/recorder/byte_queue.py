"""A queue between threads that is bounded by the bytes in it."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

__all__ = ["ByteQueue"]

T = TypeVar("T")


class ByteQueue(Generic[T]):
    """Queue of items that have sizes. `put` never waits; one thread takes them, up to `batch` bytes together."""

    def __init__(self, limit: int, batch: int) -> None:
        self.limit, self.batch = limit, batch
        self.size = 0
        """Bytes that are in it now."""
        self._items: deque[T] = deque()
        self._sizes: deque[int] = deque()
        self._is_closed = False
        self._changed = threading.Condition()

    def put(self, item: T, size: int, *, beyond: bool = False) -> bool:
        """Add an item of `size` bytes. Returns False, and leaves it out, if there is no room or the queue is closed.

        `beyond` needs no room, and puts it into a closed queue as well.
        """
        with self._changed:
            if (self._is_closed or self.size + size > self.limit) and not beyond:
                return False
            before = self.size
            self._items.append(item)
            self._sizes.append(size)
            self.size += size
            if not before or before < self.batch <= self.size:
                self._changed.notify()
        return True

    def close(self) -> None:
        """Let take() return what is left without waiting."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()

    @property
    def is_closed(self) -> bool:
        """True once close() was called."""
        return self._is_closed

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until there is an item or the queue is closed. Returns False if that took longer than `timeout` (s)."""
        with self._changed:
            return self._changed.wait_for(lambda: bool(self._items) or self._is_closed, timeout)

    def wait_closed(self, timeout: float) -> bool:
        """Wait until the queue is closed. Returns False if that took longer than `timeout` (s)."""
        with self._changed:
            return self._changed.wait_for(lambda: self._is_closed, timeout)

    def gather(self, timeout: float) -> None:
        """Wait until a batch is there or the queue is closed, and `timeout` seconds at most."""
        with self._changed:
            self._changed.wait_for(lambda: self.size >= self.batch or self._is_closed, timeout)

    def take(self) -> list[T]:
        """Return the next items, a batch of them at most, or one that is larger; none if the queue is empty."""
        taken: list[T] = []
        size = 0
        with self._changed:
            while self._items and (not taken or size + self._sizes[0] <= self.batch):
                taken.append(self._items.popleft())
                size += self._sizes.popleft()
            self.size -= size
        return taken
