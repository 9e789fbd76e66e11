"""Blocks of a recorded market's rows, in their order or from anywhere."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import OrderedDict
from typing import Any, Final, Generic, Literal, NamedTuple, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from hftlab.book.known_levels import Numbering, level_rows, number_levels
from hftlab.clock import NANOSECONDS
from hftlab.errors import ArgumentError
from hftlab.events import F_LAST, EventBatch
from hftlab.instruments import Instrument
from hftlab.kernels.compiling import IntArray

__all__ = ["BLOCK_ROWS", "Block", "Holding", "MarketRows", "RowBlocks", "Stretch", "event_end"]

BLOCK_ROWS: Final = 1 << 17
"""Rows that a block has, about."""
_CACHED: Final = 4
"""Blocks that stay in memory, for a seek back."""
_STARTS: Final = 32
"""Starts that stay in memory: between them blocks are made again from the one before."""
_NEVER: Final = -(2**63)
_LONGEST_WAY: Final = 60 * NANOSECONDS
"""Time between an event and its reception, beyond which the two are of different clocks."""

Holding: TypeAlias = Literal["orders", "levels", "top"]
"""Detail of an instrument's recorded book: its orders (L3), its price levels (L2) or the best of each side (L1)."""

State = TypeVar("State")


class Block(NamedTuple):
    """Rows that follow each other in a recording; the last of them ends an event (F_LAST).

    `times` is when each row was at the venue: the running maximum of min(ts_event, ts_recv) over the whole recording so
    far, so that a row is never at the venue after it was received, whatever the clocks said. A row that was received
    more than a minute after its event, as of a replay that was recorded again or where nobody wrote the venue's time,
    was at the venue when it was received. `arrivals` is the running maximum of ts_recv. Both are in ns since 1970 UTC.
    """

    batch: EventBatch
    times: IntArray
    arrivals: IntArray
    numbering: Numbering | None = None
    """Numbers of the levels that its rows change, which serve several books; None if they have not been numbered."""


class MarketRows(ABC):
    """Recorded market as rows of events. `instruments` are those that the `instrument_id` of all its rows index."""

    instruments: tuple[Instrument, ...]
    is_endless: bool = False
    """True for a live market of price levels, whose rows are played once: levels that have gone need no place."""

    @abstractmethod
    def holds(self, number: int) -> Holding | None:
        """Return what the rows tell of an instrument's book; None if there are no rows of it."""

    @abstractmethod
    def block(self, number: int) -> Block | None:
        """Return a block by its number, from 0 on; None behind the last.

        Blocks in their order cost least. One from further back is made again, from a start that was remembered.
        """


class Stretch(NamedTuple, Generic[State]):
    """Rows of one block, and the state with which the next one is made.

    `times` and `arrivals` are given where they are not those of the rows alone, see Block.
    """

    batch: EventBatch
    state: State
    times: IntArray | None = None
    arrivals: IntArray | None = None


class _Start(NamedTuple):
    """Latest time and arrival before a block, and the state with which it is made."""

    time: int
    arrival: int
    state: Any


class RowBlocks(MarketRows, Generic[State]):
    """Base of market rows that are made from a state on: that of the first block is given, each makes the next one's.

    It keeps the last few blocks, and a bounded number of starts, spread over what has been read.
    """

    def __init__(self, instruments: tuple[Instrument, ...], first: State) -> None:
        self.instruments = instruments
        self._starts = {0: _Start(_NEVER, _NEVER, first)}
        self._step = 1
        self._blocks: OrderedDict[int, Block] = OrderedDict()
        self._count: int | None = None

    @abstractmethod
    def _made(self, state: State) -> Stretch[State] | None:
        """Make the block that a state begins, without changing the state; None behind the last."""

    def block(self, number: int) -> Block | None:
        """Return a block by its number, from 0 on; None behind the last. Raises ArgumentError for one below 0."""
        if number < 0:
            raise ArgumentError(f"blocks are numbered from 0 on, got {number}")
        if self._count is not None and number >= self._count:
            return None
        if number not in self._blocks:
            for place in range(max(start for start in self._starts if start <= number), number + 1):
                if not self._make(place):
                    return None
        self._blocks.move_to_end(number)
        return self._blocks[number]

    def _make(self, number: int) -> bool:
        start = self._starts[number]
        made = self._made(start.state)
        if made is None:
            self._count = number
            return False
        batch = made.batch
        times = _venue_times(batch) if made.times is None else made.times
        arrivals = batch.ts_recv if made.arrivals is None else made.arrivals
        block = Block(
            batch,
            _never_back(times, start.time),
            _never_back(arrivals, start.arrival),
            number_levels(level_rows(batch)),
        )
        self._blocks[number] = block
        if len(self._blocks) > _CACHED:
            self._blocks.popitem(last=False)
        self._remember(number + 1, _Start(int(block.times[-1]), int(block.arrivals[-1]), made.state))
        return True

    def _remember(self, number: int, start: _Start) -> None:
        """Keep the newest start, the first and one in every `_step`, which doubles when there are too many."""
        self._starts[number] = start
        if len(self._starts) > _STARTS:
            self._step *= 2
        kept = {0, number, max(self._starts)}
        self._starts = {one: known for one, known in self._starts.items() if one % self._step == 0 or one in kept}


def event_end(times: IntArray, flags: npt.NDArray[np.uint8], row: int) -> int:
    """Return the row behind the event that the row before `row` belongs to, as far as that is of one time."""
    while 0 < row < len(times) and not flags[row - 1] & F_LAST and times[row] == times[row - 1]:
        row += 1
    return row


def _venue_times(batch: EventBatch) -> IntArray:
    is_far = batch.ts_recv - batch.ts_event > _LONGEST_WAY
    return np.where(is_far, batch.ts_recv, np.minimum(batch.ts_event, batch.ts_recv))


def _never_back(times: IntArray, since: int) -> IntArray:
    return np.maximum(np.maximum.accumulate(times), since)
