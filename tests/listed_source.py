"""Sources of messages that a test lists, with and without the means to be sought in."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from hftlab.clock import Clock
from hftlab.protocol import Message
from hftlab.simulator.stream_state import StreamState
from hftlab.source import Timed, timed

__all__ = ["ListedSource", "SeekableListedSource"]

Item = Message | Timed[Message]


class ListedSource:
    """Yields (time, item) pairs, the items as they are: bare messages, or Timed with account and payload."""

    name, recorded, symbols = "listed", True, ("AAPL", "AAPL:NYSE", "MSFT")

    def __init__(self, items: Sequence[tuple[int, Item]]) -> None:
        self.clock = Clock(0, paused=True)
        self.items = list(items)
        self.next = 0

    def next_time(self) -> int | None:
        return self.items[self.next][0] if self.next < len(self.items) else None

    def advance(self, until: int) -> list[Item]:
        start, self.next = self.next, max(self.next, bisect_right([at for at, _ in self.items], until))
        return [item for _, item in self.items[start : self.next]]


class SeekableListedSource(ListedSource):
    @property
    def span(self) -> tuple[int, int] | None:
        return (self.items[0][0], self.items[-1][0]) if self.items else None

    def seek(self, position: int) -> list[Message]:
        self.next = bisect_right([at for at, _ in self.items], position)
        state = StreamState()
        for at, item in self.items[: self.next]:
            state.add(timed([item], at)[0].message)
        return state.messages()

    def take(self, count: int) -> list[Timed[Message]]:
        start, self.next = self.next, min(len(self.items), self.next + max(count, 0))
        return [timed([item], at)[0] for at, item in self.items[start : self.next]]
