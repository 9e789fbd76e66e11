"""A queue between threads that is bounded by the bytes in it."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

__all__ = ["ByteQueue"]

T = TypeVar("T")


class ByteQueue(Generic[T]):
    """Queue of items that have sizes. `put` never waits; one thread takes what is there, all of it together."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.size = 0
        """Bytes that are in it now."""
        self._items: deque[T] = deque()
        self._is_closed = False
        self._changed = threading.Condition()

    def put(self, item: T, size: int, *, beyond: bool = False) -> bool:
        """Add an item of `size` bytes. Returns False, and leaves it out, if there is no room or the queue is closed.

        `beyond` needs no room, and puts it into a closed queue as well.
        """
        with self._changed:
            if (self._is_closed or self.size + size > self.limit) and not beyond:
                return False
            if not self._items:
                self._changed.notify()
            self._items.append(item)
            self.size += size
        return True

    def close(self) -> None:
        """Let take() return what is left without waiting."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()

    @property
    def is_closed(self) -> bool:
        """Whether close() was called."""
        return self._is_closed

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until there is an item or the queue is closed. Returns False if that took longer than `timeout` (s)."""
        with self._changed:
            return self._changed.wait_for(lambda: bool(self._items) or self._is_closed, timeout)

    def wait_closed(self, timeout: float) -> bool:
        """Wait until the queue is closed. Returns False if that took longer than `timeout` (s)."""
        with self._changed:
            return self._changed.wait_for(lambda: self._is_closed, timeout)

    def take(self) -> deque[T]:
        """Return all items, which may be none."""
        with self._changed:
            items, self._items = self._items, deque()
            self.size = 0
        return items
