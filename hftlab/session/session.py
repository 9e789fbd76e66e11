"""A recorded session as tables: Parquet that polars, pandas, DuckDB or Spark read without hftlab."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from hftlab.clock import NANOSECONDS
from hftlab.errors import SessionDamaged
from hftlab.html_table import facts_table
from hftlab.session.event_table import SCHEMA
from hftlab.session.journal import JOURNAL
from hftlab.session.manifest import Manifest, Part, checksum, read_manifest
from hftlab.session.reader import Reader
from hftlab.session.replay import Replay
from hftlab.session.tables import EVENTS, TABLES

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
        """One row per message and symbol; see hftlab.session.tables."""
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
        """Order-level events, where the source had them: the columns of hftlab.events.EventBatch, and `symbol`.

        `instrument_id` is the place in the manifest's `source["instruments"]`, for `EventBatch.from_polars()`.
        """
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
        manifest = self.manifest
        span = None if manifest.started is None or manifest.ended is None else (manifest.started, manifest.ended)
        return Replay(self.folder.name, manifest.symbols, Reader(self.folder, manifest), span, speed=speed)

    @property
    def duration(self) -> float:
        """Seconds from the first to the last message."""
        manifest = self.manifest
        if manifest.started is None or manifest.ended is None:
            return 0.0
        return (manifest.ended - manifest.started) / NANOSECONDS

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
        return facts_table(f"Session {self.folder.name}", dict(rows))


_SCHEMAS: Final = {table.name: table.schema for table in TABLES} | {EVENTS: SCHEMA}
