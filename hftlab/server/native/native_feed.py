"""Native streams of a replay: follows its position, and sends what each stream has to say on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from hftlab.server.native.event_cursor import EventCursor
from hftlab.server.server_socket import ServerSocket
from hftlab.venues.binance.api.stream_set import Broadcast, StreamSet

__all__ = ["NativeFeed"]

Sends: TypeAlias = Callable[[Iterator[Broadcast[ServerSocket]]], None]


class NativeFeed:
    """Streams of a recording in a venue's wire, one set a market (hftlab.server.stream.Follower)."""

    def __init__(self, cursor: EventCursor, sets: Sequence[StreamSet[ServerSocket]], send: Sends) -> None:
        self._cursor, self._sets, self._send = cursor, sets, send
        self._now = 0
        first = cursor.next_time
        if first is not None:
            self.seek(first)  # a client may ask for the book before it subscribes, which starts the replay

    def next_time(self) -> int | None:
        """Time at which something is due; None if there is nothing, or nobody to have it."""
        if not any(len(streams) for streams in self._sets):
            return None
        times = [self._cursor.next_time, *(streams.next_time for streams in self._sets)]
        return min((at for at in times if at is not None), default=None)

    def advance(self, until: int) -> None:
        """Send all that is due up to and including a time."""
        while True:
            at = self._cursor.next_time
            due = min((time for streams in self._sets if (time := streams.next_time) is not None), default=None)
            if due is not None and due <= until and (at is None or due < at):
                self._now = max(due, self._now)
            elif at is not None and at <= until:
                horizon = min(streams.horizon for streams in self._sets)
                self._now = max(at, min(until, horizon - 1), self._now)
                self._cursor.take(self._now)
            else:
                break
            self._send_due()
        self._now = max(self._now, until)

    def _send_due(self, *, early: bool = False) -> None:
        for streams in self._sets:
            self._send(streams.due(self._now, early=early))

    def flush(self) -> None:
        """Send what waits for its interval: the replay stands still."""
        self._send_due(early=True)

    def seek(self, position: int) -> None:
        """Go to a time; what lies between is not sent."""
        self._cursor.seek(position)
        self._now = position
        for streams in self._sets:
            streams.restart()
