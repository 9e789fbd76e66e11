"""Files of hftbacktest's event array: the orders or price levels of one instrument, and its trades.

An array does not say of which instrument it is, nor its tick and lot: the file's name begins with the symbol, or
`instrument` says it, and tick and lot are those that hold every number. What was received is read, in the order of its
reception: of an event in two rows that is the one of LOCAL_EVENT.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hftlab.book import BookSet
from hftlab.errors import CaptureError
from hftlab.events import NONE, EventBatch
from hftlab.instruments import Instrument
from hftlab.venues.capture_file import Progress
from hftlab.venues.hftbacktest import event_format as form
from hftlab.venues.hftbacktest.array_file import load_events
from hftlab.venues.hftbacktest.cleared_sides import clears_a_side, with_sides_cleared
from hftlab.venues.hftbacktest.decoder import READ, Meaning, OffGrid, decode_rows, ends_of, letters_of, meaning_of
from hftlab.venues.hftbacktest.survey import instrument_of
from hftlab.venues.progress_bar import progress_reporter
from hftlab.venues.recognition import explaining

__all__ = ["Reader", "Stats", "read"]

FilePath = str | PathLike[str]

_CHUNK: Final = 1 << 16
_NOUNS: Final = {"px": "price", "qty": "size"}


def read(
    path: FilePath,
    *,
    instrument: Instrument | None = None,
    progress: Progress | None = None,
    chunk: int = _CHUNK,
) -> Reader:
    """Read an array from .npz or .npy: an iterator of EventBatch, each of whole events and about `chunk` rows.

    An array of `session.to_hftbacktest()` gives the events that it was made of, as far as it has them. In any other an
    event is a run of rows with the same two times, unless `ival` holds Databento's flags, as after hftbacktest's own
    conversion of DBN; depth rows are M, C and A (of a snapshot) rows flagged F_MBP; a clearing of one side is a C for
    each level, or order, that it takes; the cancellation of an order without a size is an M to 0.

    `instrument` is by default that of `detect_instrument()`. One that is given is used as it is: a price of the book or
    a size off its tick or lot is an error. An .npz is in memory as a whole.

    Raises CaptureError at once for a path that is not such a file; from the iterator, after every whole event before
    it, for a row that cannot be.
    """
    with explaining(Path(path).absolute(), "hftbacktest"):
        return Reader(Path(path).absolute(), instrument, progress, chunk)


@dataclass(slots=True)
class Stats:
    """Counts of what a Reader has met so far."""

    rows: int = 0
    venue_only: int = 0  # rows of EXCH_EVENT alone: the other half of an event that is received later
    unflagged: int = 0  # rows of neither clock, which hftbacktest passes over as well
    unread: int = 0  # rows of kinds that hftlab does not read, such as DEPTH_BBO
    sides_cleared: int = 0


class Reader(Iterator[EventBatch]):
    """Iterator over the batches of the array at `path`, of one `instrument`; `stats` counts what was read."""

    def __init__(self, path: Path, instrument: Instrument | None, progress: Progress | None, chunk: int) -> None:
        if chunk < 1:
            raise ValueError(f"chunk must be 1 or more rows, got {chunk}")
        self.path = path
        self.stats = Stats()
        events = load_events(path)
        if not len(events):
            raise CaptureError(f"{path} has no rows: make it again", path=path)
        self.instrument = instrument or instrument_of(path, events)
        self._batches = self._read(events, chunk, progress)

    def __next__(self) -> EventBatch:
        return next(self._batches)

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        return (self.instrument,)

    def _read(self, events: npt.NDArray[Any], chunk: int, progress: Progress | None) -> Iterator[EventBatch]:
        places = self._received(events)
        rows = events[places]
        meaning = meaning_of(rows["ival"])
        if meaning is Meaning.OURS:
            own = letters_of(rows["ival"]) != NONE
            places, rows = places[own], rows[own]
        ends = ends_of(rows, meaning)
        is_clear = (rows["ev"] & form.KIND == form.DEPTH_CLEAR) & (rows["ev"] & (form.BUY | form.SELL) != 0)
        books = BookSet() if is_clear.any() else None
        size, start = self.path.stat().st_size, 0
        with progress_reporter(self.path, progress) as report:
            while start < len(rows):
                after = ends[start + chunk - 1 :]
                stop = start + chunk + int(np.argmax(after)) if after.any() else len(rows)
                yield from self._decoded(rows[start:stop], ends[start:stop], meaning, books, places[start:stop])
                start = stop
                report(size * start // len(rows))

    def _received(self, events: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """Return the places of the rows to read, and count the others."""
        flags, stats = events["ev"], self.stats
        is_local = flags & form.LOCAL != 0
        is_read = is_local & np.isin(flags & form.KIND, READ)
        stats.rows = len(events)
        stats.unread = int(np.count_nonzero(is_local & ~is_read))
        stats.venue_only = int(np.count_nonzero(~is_local & (flags & form.EXCH != 0)))
        stats.unflagged = len(events) - stats.venue_only - int(np.count_nonzero(is_local))
        return np.flatnonzero(is_read)

    def _decoded(
        self,
        rows: npt.NDArray[Any],
        ends: npt.NDArray[np.bool_],
        meaning: Meaning,
        books: BookSet | None,
        places: npt.NDArray[np.int64],
    ) -> Iterator[EventBatch]:
        """Yield the batches of some rows, up to the first that cannot be, and raise CaptureError there."""
        damage: CaptureError | None = None
        without_time = (rows["local_ts"] <= 0) | (rows["exch_ts"] <= 0)
        if without_time.any():
            first = int(np.argmax(without_time))
            damage = self._bad(int(places[first]), "has no time: an initial snapshot is not an array of events")
            rows, ends = _before(rows, ends, first)
        batch: EventBatch | None = None
        while batch is None:
            try:
                batch = decode_rows(rows, ends, meaning, self.instrument)
            except OffGrid as bad:
                damage = self._off_grid(int(places[bad.row]), bad)
                rows, ends = _before(rows, ends, bad.row)
        if len(batch):
            if books is not None:
                self.stats.sides_cleared += int(np.count_nonzero(clears_a_side(batch)))
                batch = with_sides_cleared(batch, books)
            yield batch
        if damage is not None:
            raise damage

    def _off_grid(self, row: int, bad: OffGrid) -> CaptureError:
        own = self.instrument
        name, step = ("tick", own.tick) if bad.column == "px" else ("lot", own.lot)
        if not math.isfinite(bad.value) or (bad.column == "qty" and bad.value < 0):
            return self._bad(
                row, f"has the {bad.column} {bad.value!r}, which is no {_NOUNS[bad.column]}: make it again"
            )
        return self._bad(
            row,
            f"has the {bad.column} {bad.value!r}, which is not a multiple of the {name} of {own.symbol}, "
            f"{step / 1e9:g}: give another {name}",
        )

    def _bad(self, row: int, what: str) -> CaptureError:
        return CaptureError(f"{self.path}, row {row}: {what}", path=self.path)


def _before(
    rows: npt.NDArray[Any], ends: npt.NDArray[np.bool_], bad: int
) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """Return the rows of the whole events before a bad row."""
    whole = np.flatnonzero(ends[:bad])
    stop = int(whole[-1]) + 1 if len(whole) else 0
    return rows[:stop], ends[:stop]
