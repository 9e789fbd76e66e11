"""Source of a market that is traded and stepped through: what it yields is taken one message at a time."""

from __future__ import annotations

from collections import deque
from typing import Any, Final

from hftlab.clock import NANOSECONDS
from hftlab.protocol.messages import Message
from hftlab.source import SourceDecorator, Timed, timed
from hftlab.trading.traded_source import TradedSource

__all__ = ["SteppedSource"]

_QUIET: Final = 60 * NANOSECONDS
"""Time without a message after which take() gives up: a halted exchange has none."""


class SteppedSource(SourceDecorator[Message]):
    """Traded source that is stepped through (hftlab.source.Steppable): it waits for a client, as a recording does.

    Messages come in the order of their times, and those of one time as the market has yielded them. What the market
    tells of an earlier time has the time at which it is known.
    """

    def __init__(self, source: TradedSource) -> None:
        super().__init__(source)
        self.recorded = True
        first = source.next_time()
        self._reached = source.clock.now() if first is None else first - 1
        """Time up to which all that has happened is known."""
        self._kept: deque[Timed[Any]] = deque()
        """Messages up to then that nobody has taken yet."""

    def next_time(self) -> int | None:
        """Return when the next message is due, or something may happen to an order, if that is earlier."""
        return self._kept[0].at if self._kept else self._source.next_time()

    def advance(self, until: int) -> list[Timed[Any]]:
        """Return the messages that are due up to and including `until`."""
        items: list[Timed[Any]] = []
        while (item := self._next(until)) is not None:
            items.append(item)
        return items

    def take(self, count: int) -> list[Timed[Any]]:
        """Return the next `count` messages, each with its time; fewer after a minute without any."""
        taken: list[Timed[Any]] = []
        while len(taken) < count and (item := self._next(self._reached + _QUIET)) is not None:
            taken.append(item)
        return taken

    def take_until(self, position: int, most: int) -> list[Timed[Any]]:
        """Return the messages up to and including `position`, at most `most`; after fewer, time goes on to it."""
        taken: list[Timed[Any]] = []
        while len(taken) < most and (item := self._next(position)) is not None:
            taken.append(item)
        if len(taken) < most:
            self._reached = max(self._reached, position)
        return taken

    def order_time(self, position: int) -> int:
        """Return the time of an order that is sent at a position."""
        return max(position, self._reached)

    def _next(self, until: int) -> Timed[Any] | None:
        """Take the next message by `until`; others of its time are kept."""
        while not self._kept:
            due = self._source.next_time()
            if due is None or due > until:
                return None
            self._reached = max(self._reached, due)
            items = timed(self._source.advance(due), due)
            self._kept.extend(Timed(self._reached, item.message, item.account) for item in items)
        return self._kept.popleft() if self._kept[0].at <= until else None
