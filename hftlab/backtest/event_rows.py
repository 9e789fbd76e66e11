"""Rows of a session's order-level events."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from hftlab.backtest.blocks import BLOCK_ROWS, Holding, RowBlocks, Stretch
from hftlab.events import COLUMNS, F_LAST, F_MBP, F_TOB, EventBatch
from hftlab.instruments import Instrument
from hftlab.session.manifest import Part
from hftlab.session.part_file import read_part
from hftlab.session.session import Session
from hftlab.session.table_ids import EVENTS

__all__ = ["EventRows", "event_holdings"]

_LONGEST: Final = 8 * BLOCK_ROWS
"""Rows of an event from which on a block ends within it."""
_GROUPS: Final = 4
"""Row groups that stay in memory: the next block begins in the last one."""


def event_holdings(session: Session) -> dict[int, Holding]:
    """Tell what the events of a session tell of each instrument's book, by its number. Raises SessionDamaged.

    Instruments without an event that changes a book are left out.
    """
    changes = session.events.filter(pl.col("action").is_in(list(b"ACM")))
    flags = pl.col("flags")
    found = (
        changes.group_by("instrument_id")
        .agg(levels=(flags & F_MBP != 0).any(), top=(flags & F_TOB != 0).all())
        .sort("instrument_id")
        .collect(engine="streaming")
    )
    return {number: "orders" if not levels else "top" if top else "levels" for number, levels, top in found.iter_rows()}


class EventRows(RowBlocks[int]):
    """Rows of the events of some instruments, as they were recorded.

    `instruments` are all of the session's, also where only some are wanted, so that a number means what it means in the
    events table; `holdings` has the wanted ones. A block ends where an event does, except within one of more than a
    million rows.
    """

    def __init__(
        self, session: Session, instruments: tuple[Instrument, ...], holdings: Mapping[int, Holding] | None = None
    ) -> None:
        super().__init__(instruments, 0)
        self._holdings = event_holdings(session) if holdings is None else dict(holdings)
        self._table = _EventTable(session)
        # Of instruments without changes of a book there is nothing to fill from.
        self._wanted = None if self._holdings.keys() >= set(range(len(instruments))) else list(self._holdings)

    def holds(self, number: int) -> Holding | None:
        """Return what the events tell of an instrument's book; None if they are not wanted, or there are none."""
        return self._holdings.get(number)

    def _made(self, state: int) -> Stretch[int] | None:
        pieces: list[EventBatch] = []
        while state < self._table.rows and 2 * sum(map(len, pieces)) < BLOCK_ROWS:
            rows, state = self._events_from(state)
            batch = EventBatch.from_arrow(rows, self.instruments)
            if self._wanted is not None:
                batch = batch.take(np.isin(batch.instrument_id, self._wanted))
            if len(batch):
                pieces.append(batch)
        if not pieces:
            return None
        return Stretch(pieces[0] if len(pieces) == 1 else EventBatch.concat(pieces), state)

    def _events_from(self, start: int) -> tuple[pa.Table, int]:
        """Return whole events from a row of the table on, and the row behind them."""
        length = BLOCK_ROWS
        while True:
            rows = self._table.read(start, start + length)
            if start + length >= self._table.rows:
                return rows, self._table.rows
            ends = np.flatnonzero(_column(rows, "flags") & F_LAST)
            if len(ends):
                return rows.slice(0, int(ends[-1]) + 1), start + int(ends[-1]) + 1
            if length >= _LONGEST:
                return rows, start + length
            length *= 2


class _EventTable:
    """Reads any rows of the events table, row group by row group."""

    def __init__(self, session: Session) -> None:
        self._folder, self._parts = session.folder, session.manifest.tables.get(EVENTS, [])
        if isinstance(self._folder, Path):
            session.table(EVENTS)  # verifies the parts
        self._groups: list[tuple[int, int]] = []
        sizes = []
        for place, part in enumerate(self._parts):
            path = session.folder / part.file
            metadata = pq.read_metadata(path if isinstance(path, Path) else path.open())
            self._groups += [(place, group) for group in range(metadata.num_row_groups)]
            sizes += [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
        self._starts = np.array([0, *accumulate(sizes)], np.int64)
        self._read: OrderedDict[int, pa.Table] = OrderedDict()
        self._open: tuple[int, Any] | None = None

    @property
    def rows(self) -> int:
        """Rows of the whole table."""
        return int(self._starts[-1])

    def read(self, start: int, stop: int) -> pa.Table:
        """Return the rows from `start` up to `stop`, which is not included."""
        first, last = np.searchsorted(self._starts, [start, min(stop, self.rows) - 1], side="right") - 1
        groups = pa.concat_tables([self._group(group) for group in range(int(first), int(last) + 1)])
        return groups.slice(start - int(self._starts[first]), stop - start).combine_chunks()

    def _group(self, number: int) -> pa.Table:
        if number not in self._read:
            place, group = self._groups[number]
            self._read[number] = self._file(place).read_row_group(group, columns=list(COLUMNS), use_threads=False)
        self._read.move_to_end(number)
        if len(self._read) > _GROUPS:
            self._read.popitem(last=False)
        return self._read[number]

    def _file(self, place: int) -> Any:
        if self._open is None or self._open[0] != place:
            if self._open is not None:
                self._open[1].close()
            self._open = place, pq.ParquetFile(self._source(self._parts[place]))
        return self._open[1]

    def _source(self, part: Part) -> Any:
        """Return a part of this machine by its path, and one of an object store as its bytes, which are verified."""
        path = self._folder / part.file
        return path if isinstance(path, Path) else pa.BufferReader(read_part(self._folder, part))


def _column(rows: pa.Table, name: str) -> npt.NDArray[Any]:
    array: npt.NDArray[Any] = rows.column(name).to_numpy()
    return array
