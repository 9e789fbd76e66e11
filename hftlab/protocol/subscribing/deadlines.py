"""Times at which a connection has something to do."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

__all__ = ["Deadlines"]

K = TypeVar("K", bound=Hashable)


class Deadlines(Generic[K]):
    """Deadlines by key, in seconds of any steady clock. `next` is the earliest, None if there is none."""

    def __init__(self) -> None:
        self.next: float | None = None
        self._at: dict[K, float] = {}

    def set(self, key: K, at: float) -> None:
        """Set the deadline of `key`, in place of the one that it may have."""
        self._at[key] = at
        self.next = min(self._at.values())

    def drop(self, key: K) -> None:
        """Remove the deadline of `key`, if it has one."""
        if self._at.pop(key, None) is not None:
            self.next = min(self._at.values(), default=None)

    def take_due(self, now: float) -> list[K]:
        """Remove the deadlines that have passed; returns their keys, the earliest first."""
        if self.next is None or self.next > now:
            return []
        due = sorted((key for key, at in self._at.items() if at <= now), key=self._at.__getitem__)
        for key in due:
            self.drop(key)
        return due
