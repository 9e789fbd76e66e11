"""A recorded session as tables: Parquet that polars, pandas, DuckDB or Spark read without hftlab."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from hftlab.card import card
from hftlab.clock import NANOSECONDS
from hftlab.errors import SessionDamaged
from hftlab.events import COLUMNS
from hftlab.recorder.journal import JOURNAL
from hftlab.recorder.manifest import Manifest, Part, checksum, read_manifest
from hftlab.recorder.replay import Replay
from hftlab.recorder.tables import EVENTS, TABLES, Decoded, Table

__all__ = ["Session", "open_session"]


def open_session(path: Path | str) -> Session:
    """Open a recording. Raises SessionNotFound, SessionTooNew or SessionDamaged."""
    return Session(Path(path))


class Session:
    """The tables as LazyFrames, each checked against its checksums when it is first asked for.

    A table that nothing was recorded for is empty. `manifest` tells what the session is.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest: Manifest = read_manifest(folder)
        self._verified: set[str] = set()
        leftover = sorted((folder / JOURNAL).glob("*.wal"))
        if leftover:
            raise SessionDamaged(
                f"{folder} was not closed: {leftover[0].name} in its journal still holds messages. If no recording is "
                f"running there, run `hftlab recover {folder}`",
                path=folder,
            )

    @property
    def market_data(self) -> pl.LazyFrame:
        """One row per message and symbol; see hftlab.recorder.tables."""
        return self.table("market_data")

    @property
    def order_updates(self) -> pl.LazyFrame:
        return self.table("order_updates")

    @property
    def position_updates(self) -> pl.LazyFrame:
        return self.table("position_updates")

    @property
    def portfolio_updates(self) -> pl.LazyFrame:
        return self.table("portfolio_updates")

    @property
    def messages(self) -> pl.LazyFrame:
        """Messages of any other type as JSON: `type`, `symbol` if it has one, `payload`."""
        return self.table("messages")

    @property
    def control(self) -> pl.LazyFrame:
        """Connects, disconnects, gaps and errors: what is absent from the other tables and why."""
        return self.table("control")

    @property
    def events(self) -> pl.LazyFrame:
        """Order-level events, where the source had them; the columns are those of hftlab.events.EventBatch."""
        return self.table(EVENTS)

    def table(self, name: str) -> pl.LazyFrame:
        parts = self.manifest.tables.get(name, [])
        if not parts:
            return pl.LazyFrame(schema=_SCHEMAS.get(name))
        if name not in self._verified:
            for part in parts:
                self._verify(part)
            self._verified.add(name)
        return pl.scan_parquet([self.folder / part.file for part in parts])

    def verify(self) -> None:
        """Check every part against its checksum. Raises SessionDamaged."""
        for name in self.manifest.tables:
            self.table(name)

    def replay(self, speed: float = 1.0) -> Replay:
        """A source that streams this session; `speed` scales its time, float("inf") is as fast as possible."""
        self.verify()
        return Replay(self.folder.name, self.manifest.symbols, self._decoded(), self.manifest.started, speed=speed)

    @property
    def duration(self) -> float:
        """Seconds from the first to the last message."""
        manifest = self.manifest
        if manifest.started is None or manifest.ended is None:
            return 0.0
        return (manifest.ended - manifest.started) / NANOSECONDS

    def _decoded(self) -> Iterator[Decoded]:
        """All messages that a replay streams, in the order they were received."""
        streams = [self._decoded_table(table) for table in TABLES if table.name in self.manifest.tables]
        return heapq.merge(*streams, key=lambda decoded: decoded.number)

    def _decoded_table(self, table: Table) -> Iterator[Decoded]:
        for part in self.manifest.tables[table.name]:
            # Whole parts are small (one journal segment); their messages are made a slice at a time.
            rows = pl.read_parquet(self.folder / part.file)
            for piece in _pieces(rows):
                yield from table.messages(piece)

    def _verify(self, part: Part) -> None:
        path = self.folder / part.file
        if not path.is_file():
            raise SessionDamaged(f"{path} is missing: restore it from a copy of the session", path=path)
        if path.stat().st_size != part.size or checksum(path) != part.crc32:
            raise SessionDamaged(
                f"{path} is not what was recorded (its checksum differs): restore it from a copy; the other parts of "
                "the session are not affected",
                path=path,
            )

    def __repr__(self) -> str:
        manifest = self.manifest
        return (
            f"Session({str(self.folder)!r}: {manifest.messages} messages of {len(manifest.symbols)} symbols, "
            f"{self.duration:.1f} s, {manifest.size} bytes)"
        )

    def _repr_html_(self) -> str:
        manifest = self.manifest
        rows = [
            ("source", manifest.source.get("name", "")),
            ("symbols", ", ".join(manifest.symbols)),
            ("duration", f"{self.duration:.1f} s"),
            ("messages", f"{manifest.messages:,}"),
            *((name, f"{manifest.rows(name):,} rows") for name in manifest.tables),
            ("size", f"{manifest.size / 1e6:,.2f} MB"),
        ]
        return card(f"Session {self.folder.name}", dict(rows))


def _pieces(rows: pl.DataFrame, size: int = 4096) -> Iterator[pl.DataFrame]:
    """Slices of about `size` rows that do not cut a message in two."""
    numbers, start = rows["message"].to_numpy(), 0
    while start < rows.height:
        last = min(start + size, rows.height) - 1
        stop = int(np.searchsorted(numbers, numbers[last], side="right"))
        yield rows[start:stop]
        start = stop


_EVENTS: Final = pl.DataFrame({name: np.empty(0, dtype) for name, dtype in COLUMNS.items()}).schema
_SCHEMAS: Final = {table.name: table.schema for table in TABLES} | {EVENTS: _EVENTS}
