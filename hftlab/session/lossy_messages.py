"""Messages of a session with the losses that its recorder had, so that a replay has them again."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from itertools import pairwise

from hftlab.protocol import Gap, Message
from hftlab.session.coverage import Interval, holes
from hftlab.session.reader import Reader
from hftlab.session.tables import Decoded

__all__ = ["LossyMessages"]


class LossyMessages:
    """Messages of a reader, and a GAP at each moment from which on symbols were not recorded any more.

    A GAP names its symbols, and as its reason the event of the control table. It comes behind the messages of its time.
    """

    def __init__(self, reader: Reader, intervals: Sequence[Interval]) -> None:
        self._reader = reader
        self._uncovered = [
            one for before, one in pairwise(intervals) if not one.covered and before.symbol == one.symbol
        ]

    def messages(self, after: int | None = None) -> Iterator[Decoded]:
        """Yield the messages, those after `after` if given; a hole that is open there is told at once."""
        return heapq.merge(self._reader.messages(after), self._gaps(after), key=lambda decoded: decoded.ts_recv)

    def state(self, at: int) -> list[Message]:
        """Return the fewest messages that give the state after all messages up to and including `at`, in order."""
        return self._reader.state(at)

    def _gaps(self, after: int | None) -> Iterator[Decoded]:
        to_come = self._uncovered
        if after is not None:
            to_come = [one._replace(start=max(one.start, after + 1)) for one in to_come if one.end > after + 1]
        for hole in holes(to_come):
            yield Decoded(-1, hole.at, _gap(list(hole.symbols), hole.why))


def _gap(symbols: list[str], reason: str) -> Gap:
    return Gap(timestamp=1.0, from_sequence=0, to_sequence=0, reason=reason, symbols=symbols)
