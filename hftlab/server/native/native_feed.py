"""Native streams of a replay: follows its position, and sends what each stream has to say on the way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hftlab.server.native.event_cursor import EventCursor
from hftlab.server.native.native_connections import NativeConnections
from hftlab.server.server_socket import ServerSocket
from hftlab.venues.binance.api.stream_set import StreamSet

__all__ = ["NativeFeed"]

_BACK: Final = "the recording went back: connect and ask for the book anew"
_ANEW: Final = "the update ids began anew: connect and ask for the book anew"


class NativeFeed:
    """Streams of a recording in a venue's wire, one set a market (hftlab.server.follower.Follower).

    On one connection update ids never go back. Where those of the recording do, because it is sought back or because
    the market was reset, the connections are closed: clients take older ids for late copies of what they have.
    """

    def __init__(
        self, cursor: EventCursor, sets: Sequence[StreamSet[ServerSocket]], connections: NativeConnections
    ) -> None:
        self._cursor, self._sets, self._connections = cursor, sets, connections
        self._now = 0
        self._went_back = False

    def next_time(self) -> int | None:
        """Time at which something is due; None if there is nothing, or nobody to have it."""
        if not any(len(streams) for streams in self._sets):
            return None
        times = [self._next_event, self._connections.next_end, *(streams.next_time for streams in self._sets)]
        return min((at for at in times if at is not None), default=None)

    @property
    def _next_event(self) -> int | None:
        """Time of the next event that a stream might have something to say of."""
        wants_trades = any(streams.wants_trades for streams in self._sets)
        return self._cursor.next_time if wants_trades else self._cursor.next_change

    def advance(self, until: int) -> None:
        """Send all that is due up to and including a time."""
        while True:
            at = self._next_event
            due = min((time for streams in self._sets if (time := streams.next_time) is not None), default=None)
            if due is not None and due <= until and (at is None or due < at):
                self._now = max(due, self._now)
            elif at is not None and at <= until:
                horizon = min(streams.horizon for streams in self._sets)
                self._now = max(at, min(until, horizon - 1), self._now)
                self._cursor.take(self._now)
            else:
                break
            self._connections.end_lives(self._now)
            self._send_due()
        self._now = max(self._now, until)
        self._connections.end_lives(self._now)

    def catch_up(self) -> None:
        """Take in also what no stream has something to say of: somebody asks, or subscribes."""
        self._cursor.take(self._now)

    def _send_due(self, *, early: bool = False) -> None:
        for streams in self._sets:
            if streams.recorded.has_begun_anew:
                streams.recorded.has_begun_anew = False
                self._connections.close_all(_ANEW)
                streams.restart()
            self._connections.send(streams.due(self._now, early=early))

    def flush(self) -> None:
        """Send what waits for its interval: the replay stands still."""
        self.catch_up()
        self._send_due(early=True)

    def seek(self, position: int) -> None:
        """Go to a time; what lies between is not sent."""
        self._cursor.seek(position)
        self._went_back = self._went_back or position < self._now
        self._now = position
        for streams in self._sets:
            streams.recorded.has_begun_anew = False
            streams.restart()

    def moved(self) -> None:
        """Close the connections if the ids of what comes are behind those that were sent."""
        if self._went_back:
            self._went_back = False
            self._connections.close_all(_BACK)
