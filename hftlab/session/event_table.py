"""The table of order-level events in a session: the columns of an EventBatch, and each row's symbol."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from hftlab.events import COLUMNS, EventBatch
from hftlab.instruments import Instrument
from hftlab.session.writer import SessionWriter

__all__ = ["SCHEMA", "EventTable", "event_rows"]

_EMPTY: Final = pl.DataFrame({name: np.empty(0, dtype) for name, dtype in COLUMNS.items()})
SCHEMA: Final = pl.Schema({**_EMPTY.schema, "symbol": pl.String()})

_PART_ROWS: Final = 1 << 20


def event_rows(batch: EventBatch) -> pl.DataFrame:
    """Return a batch as rows of the table; `symbol` is the instrument's name on the wire."""
    symbols = pl.Series([instrument.wire_symbol for instrument in batch.instruments], dtype=pl.String)
    return batch.to_polars().with_columns(symbols.gather(pl.Series(batch.instrument_id)).alias("symbol"))


class EventTable:
    """Buffer that collects batches and writes them as parts of about a million rows.

    The instruments of each batch must begin with those of the batch before it, so that an instrument_id means the same
    in all parts. They are in the manifest, as `source["instruments"]`, before the first part that names them.
    """

    def __init__(self, writer: SessionWriter) -> None:
        self._writer = writer
        self._frames: list[pl.DataFrame] = []
        self._instruments: tuple[Instrument, ...] = ()

    def add(self, batch: EventBatch) -> None:
        """Add a batch; write a part if there are enough rows for one."""
        if batch.instruments != self._instruments:
            self._instruments = batch.instruments
            self._writer.manifest.source["instruments"] = [instrument.to_dict() for instrument in batch.instruments]
        self._frames.append(event_rows(batch))
        if sum(frame.height for frame in self._frames) >= _PART_ROWS:
            self.flush()

    def flush(self) -> None:
        """Write the rows that are left."""
        if self._frames:
            self._writer.events(pl.concat(self._frames))
            self._frames = []
