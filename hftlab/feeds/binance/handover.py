"""Handover between connections to the same streams that overlap: the frames of one after those of the other."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

from hftlab.feeds.arrivals import Frame

__all__ = ["Handover"]

K = TypeVar("K", bound=Hashable)


class Handover(Generic[K]):
    """Order of the frames of connections that overlap, without I/O.

    One connection leads; the frames of the others wait, and follow when it is retired or has ended. So an update never
    comes before one that is still on its way on a slower connection, which would be a gap. What comes on both comes
    twice, and the update ids tell.
    """

    def __init__(self) -> None:
        self._waiting: dict[K, list[Frame]] = {}
        """By connection, the one that leads first, the newest last."""
        self._newest = 0

    def begin(self, connection: K) -> None:
        """Note a connection before its first frame: it leads if there is no other."""
        self._waiting.setdefault(connection, [])

    def receive(self, connection: K, payload: bytes, at: int) -> list[Frame]:
        """Take a frame that was received at `at` (ns); returns those to be passed on now."""
        self.begin(connection)
        if connection != next(iter(self._waiting)):
            self._waiting[connection].append(Frame(at, payload))
            return []
        self._newest = at
        return [Frame(at, payload)]

    def retire(self, connection: K) -> list[Frame]:
        """Let the next one lead: the connection ends, and what it still brings is not needed.

        Returns the frames to be passed on now. They are not earlier than those that were passed on before.
        """
        was_leading = connection == next(iter(self._waiting), None)
        self._waiting.pop(connection, None)
        if not was_leading or not self._waiting:
            return []
        leader = next(iter(self._waiting))
        frames, self._waiting[leader] = self._waiting[leader], []
        return [Frame(max(at, self._newest), payload) for at, payload in frames]
