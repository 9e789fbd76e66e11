"""Times at which a connection has something to do."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Hashable
from typing import Final, Generic, TypeVar

__all__ = ["Deadlines"]

K = TypeVar("K", bound=Hashable)

_SPARE: Final = 64
"""Entries of the heap that may be out of date however few deadlines there are."""


class Deadlines(Generic[K]):
    """Deadlines by key, in seconds of any steady clock. `next` is the earliest, None if there is none.

    They are kept in a heap: a client may have ten thousand orders at once that wait for their answers.
    """

    def __init__(self) -> None:
        self.next: float | None = None
        self._at: dict[K, float] = {}
        self._heap: list[tuple[float, int, K]] = []
        """Entries with a number, as keys cannot be compared; some are of deadlines that were dropped or set anew."""
        self._numbers = itertools.count()

    def set(self, key: K, at: float) -> None:
        """Set the deadline of `key`, in place of the one that it may have."""
        self._at[key] = at
        heapq.heappush(self._heap, (at, next(self._numbers), key))
        if len(self._heap) > 2 * len(self._at) + _SPARE:
            self._heap = [(when, next(self._numbers), one) for one, when in self._at.items()]
            heapq.heapify(self._heap)
        self._find_next()

    def drop(self, key: K) -> None:
        """Remove the deadline of `key`, if it has one."""
        if self._at.pop(key, None) is not None:
            self._find_next()

    def take_due(self, now: float) -> list[K]:
        """Remove the deadlines that have passed; returns their keys, the earliest first."""
        due: list[K] = []
        while self.next is not None and self.next <= now:
            key = heapq.heappop(self._heap)[2]
            del self._at[key]
            due.append(key)
            self._find_next()
        return due

    def _find_next(self) -> None:
        heap = self._heap
        while heap and self._at.get(heap[0][2]) != heap[0][0]:
            heapq.heappop(heap)
        self.next = heap[0][0] if heap else None
