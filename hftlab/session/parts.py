"""Parquet parts: how journal records become durable tables of a session, and how the parts of a table are read."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import polars as pl

from hftlab.errors import SessionTooNew
from hftlab.session.journal import Record
from hftlab.session.manifest import Manifest, Part, checksum, sync_folder, write_manifest
from hftlab.session.table_ids import TableId
from hftlab.session.tables import KEYS, TABLES

__all__ = ["Parts", "scan_parts"]

_ROW_GROUP: Final = 64 * 1024


def scan_parts(paths: list[Path], schema: pl.Schema | None) -> pl.LazyFrame:
    """Read parts of one table. A column of `schema` that older parts lack is null in their rows."""
    frame = pl.scan_parquet(paths, schema=schema, missing_columns="insert", extra_columns="ignore")
    return frame if schema is None else frame.select(schema.names())


class Parts:
    """Parquet side of a session that is written: its folder, and the manifest that is kept in step with it."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder, self.manifest = folder, manifest

    def add_segment(self, number: int, records: Iterable[Record]) -> None:
        """Write one part per table for the records of a journal segment; the manifest is on disk when this returns.

        Records must have numbers, which rise.
        """
        payloads: defaultdict[TableId, list[bytes]] = defaultdict(list)
        keys: defaultdict[TableId, list[tuple[int | None, int, str | None, int | None]]] = defaultdict(list)
        manifest = self.manifest
        for number_of_table, ts_recv, payload, account, clock, place, _ in records:
            table = self._known(number_of_table)
            payloads[table].append(payload)
            keys[table].append((place, ts_recv, account, clock))
            manifest.messages += table != TableId.CONTROL
            manifest.started = ts_recv if manifest.started is None else manifest.started
            manifest.ended = ts_recv
        for table, some in payloads.items():
            frame = TABLES[table].rows(some, pl.DataFrame(keys[table], schema=KEYS, orient="row"))
            if "symbol" in frame.columns:
                manifest.symbols = sorted({*manifest.symbols, *frame["symbol"].drop_nulls().unique()})
            self._write(table.folder, frame, number)
        manifest.segments = number
        write_manifest(self.folder, manifest)

    def add_frame(self, folder: str, frame: pl.DataFrame) -> None:
        """Write one part of a table that is columns from the start."""
        self._write(folder, frame, None)
        write_manifest(self.folder, self.manifest)

    def _known(self, table: int) -> TableId:
        try:
            return TableId(table)
        except ValueError:
            raise SessionTooNew(
                f"the journal in {self.folder} has records of table {table}, which this hftlab does not know: upgrade "
                "hftlab, then recover the session again",
                path=self.folder,
            ) from None

    def _write(self, table: str, frame: pl.DataFrame, segment: int | None) -> None:
        folder = self.folder / table
        if not (parts := self.manifest.tables.setdefault(table, [])):
            folder.mkdir(exist_ok=True)  # it may be there from an attempt that failed before it was durable
            sync_folder(self.folder)
        # If a crash left a part that is not in the manifest, it has this name and is replaced.
        path = folder / f"part-{len(parts) + 1:06d}.parquet"
        temporary = path.with_suffix(".tmp")
        frame.write_parquet(temporary, compression="zstd", row_group_size=_ROW_GROUP)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        size, crc32 = temporary.stat().st_size, checksum(temporary)
        temporary.replace(path)
        sync_folder(folder)
        part = Part(file=f"{table}/{path.name}", rows=frame.height, size=size, crc32=crc32, segment=segment)
        if frame.height:
            part.started, part.ended = frame["ts_recv"][0], frame["ts_recv"][-1]
            if segment is not None:
                part.first, part.last = frame["message"][0], frame["message"][-1]
        parts.append(part)
