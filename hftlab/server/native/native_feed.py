"""Native streams of a replay: follows its position, and sends what each stream has to say on the way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, Protocol

from hftlab.server.native.event_cursor import EventCursor
from hftlab.server.native.native_connections import NativeConnections
from hftlab.server.server_socket import ServerSocket
from hftlab.venues.market_state.broadcast import Broadcast
from hftlab.venues.market_state.recorded_market import RecordedMarket

__all__ = ["NativeFeed", "NativeStreams"]

_BACK: Final = "the recording went back: connect and ask for the book anew"
_ANEW: Final = "the update ids began anew: connect and ask for the book anew"


class NativeStreams(Protocol):
    """Streams of one market that have readers. Times are source time in ns."""

    recorded: RecordedMarket
    wants_trades: bool
    """True if a stream tells of trades."""

    def __len__(self) -> int: ...

    @property
    def next_time(self) -> int | None:
        """Time at which something is to be sent that waits; None if nothing waits."""

    @property
    def horizon(self) -> int:
        """Time before which no stream sends anything, whatever happens: events up to it can be taken in together."""

    def due(self, now: int, *, early: bool = False) -> Iterator[Broadcast[ServerSocket]]:
        """Yield what is to be sent by `now`; with `early` also what would wait for its interval."""

    def restart(self) -> None:
        """Go on from where the market is: its position has been moved."""


class NativeFeed:
    """Streams of a recording in a venue's wire, one set a market (hftlab.server.follower.Follower).

    Where a venue's books have update ids (`has_ids`), they never go back on one connection. Where those of the
    recording do, because it is sought back or because the market was reset, the connections are closed: clients take
    older ids for late copies of what they have.
    """

    def __init__(
        self,
        cursor: EventCursor,
        sets: Sequence[NativeStreams],
        connections: NativeConnections[Any],
        *,
        has_ids: bool = True,
    ) -> None:
        self._cursor, self._sets, self._connections, self._has_ids = cursor, sets, connections, has_ids
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
        """Take in also what no stream has something to say of: somebody asks, or subscribes. Not while it is sought."""
        self._cursor.take(self._now)

    def _send_due(self, *, early: bool = False) -> None:
        for streams in self._sets:
            if streams.recorded.has_begun_anew:
                streams.recorded.has_begun_anew = False
                if self._has_ids:
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

    def moved(self) -> None:
        """Go on from there; close the connections if the ids of what comes are behind those that were sent."""
        for streams in self._sets:
            streams.recorded.has_begun_anew = False
            streams.restart()
        if self._went_back:
            self._went_back = False
            if self._has_ids:
                self._connections.close_all(_BACK)
