"""Databento's files: DBN and CSV of the schemas mbo, mbp-1, mbp-10, tbbo, trades and bbo, plain or packed with zstd.

DBN is read by the package databento-dbn (`pip install 'hftlab[dbn]'`), CSV by hftlab alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hftlab.errors import CaptureError
from hftlab.events import F_LAST, TRADE, EventBatch
from hftlab.instruments import Instrument
from hftlab.venues.capture_file import Progress
from hftlab.venues.dbn.decoder import Decoder
from hftlab.venues.dbn.record_file import open_records
from hftlab.venues.dbn.records import Records
from hftlab.venues.dbn.survey import Survey
from hftlab.venues.recognition import explaining

__all__ = ["Reader", "Stats", "read"]

FilePath = str | PathLike[str]
Array = npt.NDArray[Any]

_CHUNK: Final = 1 << 16


def read(
    path: FilePath,
    *,
    symbols: Iterable[str] | None = None,
    instrument: Instrument | None = None,
    definitions: FilePath | None = None,
    progress: Progress | None = None,
    chunk: int = _CHUNK,
) -> Reader:
    """Read a file: an iterator of EventBatch, each of whole events and about `chunk` rows.

    Records of mbo and trades are rows as they are: actions, sides, prices, sizes and flags mean the same. A record of
    mbp-1, mbp-10, tbbo and bbo gives a row flagged F_MBP for each level that differs from the instrument's record
    before, M or C, then a T if it is a trade (of bbo none). Sizes are whole units.

    Symbols are those of the file's mappings, of the definitions or of the CSV's column `symbol`; an instrument without
    one is called by its id. Ticks are those of the `definitions` (a DBN file of that schema; also those in the file
    itself), else of the instrument that hftlab knows, else the largest that holds all prices of the instrument, for
    which the file is read once more. `symbols` selects some. `instrument` takes the place of the one of its symbol, or
    of the only one, and its tick has to hold every price.

    Raises CaptureError at once for a path that is not such a file; from the iterator, after what is whole before it,
    for damage.
    """
    with explaining(Path(path).absolute(), "dbn"):
        beside = None if definitions is None else Path(definitions).absolute()
        return Reader(Path(path).absolute(), symbols, instrument, beside, progress, chunk)


@dataclass(slots=True)
class Stats:
    """Counts of what a Reader has met so far."""

    records: int = 0
    trades: int = 0
    not_selected: int = 0  # records of other symbols
    unread: int = 0  # records of other schemas: statistics, status, bars, consolidated quotes


class Reader(Iterator[EventBatch]):
    """Iterator over the batches of the file at `path`; `instruments` has those chosen, `stats` counts what was read."""

    def __init__(
        self,
        path: Path,
        symbols: Iterable[str] | None,
        instrument: Instrument | None,
        definitions: Path | None,
        progress: Progress | None,
        chunk: int,
    ) -> None:
        if chunk < 1:
            raise ValueError(f"chunk must be 1 or more rows, got {chunk}")
        self.path = path
        self.stats = Stats()
        survey = Survey(path, definitions, progress)
        chosen = survey.chosen(symbols, instrument)
        self.instruments = tuple(dict.fromkeys(chosen.values()))
        places = {one: place for place, one in enumerate(self.instruments)}
        self._ids = np.array(sorted(chosen), np.int64)
        self._indexes = np.array([places[chosen[number]] for number in sorted(chosen)], np.int32)
        self._symbology, self._ends_events = survey.symbology, survey.ends_events
        self._chunk = chunk
        self._batches = self._read(progress)

    def __next__(self) -> EventBatch:
        return next(self._batches)

    def _read(self, progress: Progress | None) -> Iterator[EventBatch]:
        decoder = Decoder(ends_events=self._ends_events)
        waiting: list[EventBatch] = []
        try:
            for records in open_records(self.path, self._symbology, progress):
                if isinstance(records, int):
                    self.stats.unread += records
                    continue
                batch = self._batch(decoder.decode(records), records)
                waiting.append(batch)
                if sum(map(len, waiting)) >= self._chunk:
                    whole = EventBatch.concat(waiting)
                    last = np.flatnonzero(whole.flags & F_LAST)
                    cut = int(last[-1]) + 1 if len(last) else len(whole)
                    yield from self._pieces(whole[:cut])
                    waiting = [whole[cut:]]
        except CaptureError:
            yield from self._pieces(EventBatch.concat(waiting))
            raise
        yield from self._pieces(EventBatch.concat(waiting))

    def _pieces(self, batch: EventBatch) -> Iterator[EventBatch]:
        """Yield a batch in pieces of whole events."""
        start = 0
        while start < len(batch):
            after = batch.flags[start + self._chunk - 1 :] & F_LAST != 0
            stop = start + self._chunk + int(np.argmax(after)) if after.any() else len(batch)
            yield batch[start:stop]
            start = stop

    def _batch(self, rows: dict[str, Array], records: Records) -> EventBatch:
        self.stats.records += len(records)
        ids = rows["instrument_id"]
        places = np.minimum(np.searchsorted(self._ids, ids), len(self._ids) - 1)
        own = self._ids[places] == ids
        self.stats.not_selected += int(np.count_nonzero(~np.isin(records.columns["instrument_id"], self._ids)))
        self.stats.trades += int(np.count_nonzero(own & (rows["action"] == TRADE)))
        columns = {name: values[own] for name, values in rows.items()}
        columns["instrument_id"] = self._indexes[places[own]]
        return EventBatch(**columns, instruments=self.instruments)
