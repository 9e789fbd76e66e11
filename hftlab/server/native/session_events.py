"""Events of a recorded session, part after part, each with its number at the venue."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple, Protocol

import numpy as np
import polars as pl

from hftlab.events import TRADE, EventBatch
from hftlab.instruments import Instrument
from hftlab.kernels.compiling import IntArray
from hftlab.session import Session
from hftlab.session.part_file import read_part
from hftlab.session.parts import scan_parts
from hftlab.session.table_ids import EVENTS

__all__ = ["EventParts", "Events", "SessionEvents"]

_NUMBERED: Final = "binance"
"""Format of captures whose `sequence` is the update id or the trade's id, as the wire needs them."""
_TRADES_NUMBERED: Final = "kraken"
"""Format of captures whose `sequence` is the trade's id, and of the books' own no number."""


class Events(NamedTuple):
    """Events with the time at which each is due (ns, never back), and its number."""

    batch: EventBatch
    times: IntArray
    numbers: IntArray


class EventParts(Protocol):
    """Events of a recording in parts, which follow each other in time; there is one at least."""

    instruments: tuple[Instrument, ...]

    def __len__(self) -> int: ...

    def started(self, part: int) -> int:
        """Return the time of the first event of a part."""

    def load(self, part: int) -> Events:
        """Read a part."""


class SessionEvents:
    """Order-level events of a session in the parts in which they are stored.

    Their numbers are the venue's own, where the recording has these: Binance's update ids, and the ids of trades of
    Binance and Kraken. Else they are each row's place in the recording, so that they are the same whatever was played
    before.
    """

    def __init__(self, session: Session) -> None:
        self._parts = session.manifest.tables[EVENTS]
        if isinstance(session.folder, Path):
            session.table(EVENTS)  # verified
        self._folder = session.folder
        self.instruments = tuple(map(Instrument.from_dict, session.manifest.source.get("instruments", ())))
        self._format = session.manifest.source.get("format")
        self._rows = np.cumsum([0, *(part.rows for part in self._parts)])

    def __len__(self) -> int:
        return len(self._parts)

    def started(self, part: int) -> int:
        """Return the time of the first event of a part."""
        first = scan_parts([self._folder / self._parts[part].file], None).select(pl.col("ts_recv").first())
        return int(first.collect().item())

    def load(self, part: int) -> Events:
        """Read a part."""
        path = self._folder / self._parts[part].file
        source = path if isinstance(path, Path) else read_part(self._folder, self._parts[part])
        frame = pl.read_parquet(source)
        batch = EventBatch.from_polars(frame.drop("symbol").rechunk(), self.instruments)
        times = np.maximum.accumulate(batch.ts_recv)
        if self._format == _NUMBERED:
            return Events(batch, times, batch.sequence)
        places = np.arange(1, len(batch) + 1, dtype=np.int64) + self._rows[part]
        if self._format == _TRADES_NUMBERED:
            return Events(batch, times, np.where(batch.action == TRADE, batch.sequence, places))
        return Events(batch, times, places)
