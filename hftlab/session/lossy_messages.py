"""Messages of a session with the losses that its recorder had, so that a replay has them again."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Final

from hftlab.protocol import Gap, Message
from hftlab.session.coverage import Interval, holes
from hftlab.session.reader import Reader
from hftlab.session.recorded import Recorded
from hftlab.session.tables import Decoded

__all__ = ["LossyMessages"]

_NO_NUMBER: Final = -2
"""Number of a GAP, which gets that of the message before it."""


class LossyMessages:
    """Messages of a reader, and a GAP at each moment from which on symbols were not recorded any more.

    A GAP names its symbols, and as its reason the event of the control table. It comes behind the messages of its time.
    """

    def __init__(self, reader: Reader, intervals: Sequence[Interval]) -> None:
        self._reader = reader
        self._uncovered = [
            one for before, one in pairwise(intervals) if not one.covered and before.symbol == one.symbol
        ]

    def messages(
        self, after: int | None = None, *, beyond: int | None = None, is_encoded: Callable[[], bool] = lambda: False
    ) -> Iterator[Recorded]:
        """Yield the messages, those after `after` or behind the number `beyond` if given.

        A hole that is open at `after` is told at once.
        """
        since = None if beyond is None else self._reader.time_of(beyond)
        gaps = (gap for gap in self._gaps(after) if since is None or gap.ts_recv > since)
        number = -1 if beyond is None else beyond
        received = self._reader.messages(after, beyond=beyond, is_encoded=is_encoded)
        for recorded in heapq.merge(received, gaps, key=lambda recorded: recorded.ts_recv):
            if recorded.number != _NO_NUMBER:
                number = recorded.number
                yield recorded
            else:
                yield Decoded(number, recorded.ts_recv, recorded.message)

    def time_of(self, number: int) -> int | None:
        """Return when the message with this number, or the last one before it, was received; None before the first."""
        return self._reader.time_of(number)

    def state(self, at: int) -> list[Message]:
        """Return the fewest messages that give the state after all messages up to and including `at`, in order."""
        return self._reader.state(at)

    def _gaps(self, after: int | None) -> Iterator[Decoded]:
        to_come = self._uncovered
        if after is not None:
            to_come = [one._replace(start=max(one.start, after + 1)) for one in to_come if one.end > after + 1]
        for hole in holes(to_come):
            yield Decoded(_NO_NUMBER, hole.at, _gap(list(hole.symbols), hole.why))


def _gap(symbols: list[str], reason: str) -> Gap:
    return Gap(timestamp=1.0, from_sequence=0, to_sequence=0, reason=reason, symbols=symbols)
