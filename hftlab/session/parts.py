"""Parquet parts: how journal records become durable tables of a session."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import polars as pl

from hftlab.session.journal import Record
from hftlab.session.manifest import Manifest, Part, checksum, sync_folder, write_manifest
from hftlab.session.tables import CONTROL, KEYS, TABLES

__all__ = ["Parts"]

_ROW_GROUP: Final = 64 * 1024


class Parts:
    """Writes parts into a session's folder and keeps its manifest in step with them."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder, self.manifest = folder, manifest

    def add_segment(self, number: int, records: Iterable[Record]) -> None:
        """One part per table for the records of a journal segment; the manifest is on disk when this returns."""
        payloads: defaultdict[int, list[bytes]] = defaultdict(list)
        keys: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        manifest = self.manifest
        first = manifest.messages + manifest.rows(TABLES[CONTROL].name)
        for place, (table, ts_recv, payload) in enumerate(records, first):
            payloads[table].append(payload)
            keys[table].append((place, ts_recv))
            manifest.messages += table != CONTROL
            manifest.started = ts_recv if manifest.started is None else manifest.started
            manifest.ended = ts_recv
        for table, lines in payloads.items():
            frame = TABLES[table].rows(lines, pl.DataFrame(keys[table], schema=KEYS, orient="row"))
            if "symbol" in frame.columns:
                manifest.symbols = sorted({*manifest.symbols, *frame["symbol"].drop_nulls().unique()})
            self._write(TABLES[table].name, frame)
        manifest.segments = number
        write_manifest(self.folder, manifest)

    def add_frame(self, table: str, frame: pl.DataFrame) -> None:
        """One part of a table that is columns from the start."""
        self._write(table, frame)
        write_manifest(self.folder, self.manifest)

    def _write(self, table: str, frame: pl.DataFrame) -> None:
        folder = self.folder / table
        folder.mkdir(exist_ok=True)
        parts = self.manifest.tables.setdefault(table, [])
        # A part that a crash left without its manifest entry has this very name, and is replaced.
        path = folder / f"part-{len(parts) + 1:06d}.parquet"
        temporary = path.with_suffix(".tmp")
        frame.write_parquet(temporary, compression="zstd", row_group_size=_ROW_GROUP)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        size, crc32 = temporary.stat().st_size, checksum(temporary)
        temporary.replace(path)
        sync_folder(folder)
        parts.append(Part(file=f"{table}/{path.name}", rows=frame.height, size=size, crc32=crc32))
