"""Processor for a stream whose instruments become known one after another."""

from __future__ import annotations

import dataclasses
import heapq
from collections import Counter
from operator import itemgetter

import numpy as np

from hftlab.events import EventBatch
from hftlab.market import Processor
from hftlab.protocol import MarketData

__all__ = ["GrowingProcessor"]

Timed = tuple[int, MarketData]


class GrowingProcessor:
    """Processor that takes new instruments as they come; `depth` and `pace` are those of `Processor`.

    Each batch's instruments begin with those of the batch before, as those of a decoder do. The instruments that a
    batch brings get a Processor of their own, so that a file that names all at its beginning has one.
    """

    def __init__(self, depth: int = 10, pace: int = 0) -> None:
        self._depth, self._pace = depth, pace
        self._known = 0
        self._parts: list[tuple[int, Processor]] = []  # the number of its first instrument, and the Processor

    @property
    def filtered(self) -> dict[str, int]:
        """Number of rows dropped, by reason."""
        counts: Counter[str] = Counter()
        for _, processor in self._parts:
            counts.update(processor.filtered)
        return dict(counts)

    def process(self, batch: EventBatch) -> list[Timed]:
        """Apply a batch and return its messages in the order of their ts_recv."""
        new = batch.instruments[self._known :]
        if new:
            self._parts.append((self._known, Processor(new, self._depth, pace=self._pace)))
            self._known = len(batch.instruments)
        if len(self._parts) == 1:
            return self._parts[0][1].process(batch)
        return _merged([processor.process(_of(batch, first, processor)) for first, processor in self._parts])

    def flush(self) -> list[Timed]:
        """Return the messages that wait for the end of their interval."""
        return _merged([processor.flush() for _, processor in self._parts])


def _of(batch: EventBatch, first: int, processor: Processor) -> EventBatch:
    """Return the rows of a Processor's instruments, numbered from 0."""
    count = len(processor.symbols)
    mine = (batch.instrument_id >= first) & (batch.instrument_id < first + count)
    rows = batch.take(mine)
    return dataclasses.replace(
        rows, instrument_id=rows.instrument_id - np.int32(first), instruments=batch.instruments[first : first + count]
    )


def _merged(parts: list[list[Timed]]) -> list[Timed]:
    # A receive time may step back; then the parts are each in the order of capture, and the whole is nearly so.
    return list(heapq.merge(*parts, key=itemgetter(0)))
