"""Followers of a stream: they go wherever the position of its source goes."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Follower"]


class Follower(Protocol):
    """Follower of a stream's position. Times are source time in ns; the stream alone calls it."""

    def next_time(self) -> int | None:
        """Return when it has something to do next; None for nothing."""

    def advance(self, until: int) -> None:
        """Do what is due up to and including a time."""

    def flush(self) -> None:
        """Do now what waits for its interval: the source stands still, or moves."""

    def seek(self, position: int) -> None:
        """Go to a time without doing what lies between; called on another thread.

        Nothing else of the follower may run meanwhile, nor may what it reads be read: see Stream.settled().
        """

    def moved(self) -> None:
        """Go on after a seek(), on the thread of the stream again."""
