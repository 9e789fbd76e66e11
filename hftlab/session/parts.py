"""Parquet parts: how journal records become durable tables of a session, and how the parts of a table are read."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
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


def _numbers(file: str) -> tuple[int, int]:
    """Return the first and the last number in a part's name: those of the parts that it was made of."""
    numbers = PurePosixPath(file).name.partition(".")[0].split("-")[1:]
    return int(numbers[0]), int(numbers[-1])


class Parts:
    """Parquet side of a session that is written: its folder, and the manifest that is kept in step with it."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder, self.manifest = folder, manifest

    def add_segment(self, number: int, records: Iterable[Record]) -> None:
        """Write one part per table for the records of a journal segment; the manifest is on disk when this returns."""
        payloads: defaultdict[TableId, list[bytes]] = defaultdict(list)
        keys: defaultdict[TableId, list[tuple[int, int, str | None, int | None]]] = defaultdict(list)
        manifest = self.manifest
        first = manifest.messages + manifest.rows(TableId.CONTROL.folder)
        for place, (number_of_table, ts_recv, payload, account, clock) in enumerate(records, first):
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

    def replace(self, table: str, old: list[Part], schema: pl.Schema | None) -> None:
        """Put one part in the place of neighbours; the manifest is on disk when this returns, and the old files stay.

        The new file is named after the first and the last, so that names go on sorting as the rows do.
        """
        frame = scan_parts([self.folder / part.file for part in old], schema).collect()
        name = f"part-{_numbers(old[0].file)[0]:06d}-{_numbers(old[-1].file)[1]:06d}.parquet"
        segments = [part.segment for part in old if part.segment is not None]
        new = self._written(table, name, frame, max(segments, default=None))
        parts = self.manifest.tables[table]
        at = parts.index(old[0])
        parts[at : at + len(old)] = [new]
        write_manifest(self.folder, self.manifest)

    def remove_leftovers(self) -> None:
        """Delete files that an interrupted replacement has left: their rows are in parts that the manifest names."""
        for table, parts in self.manifest.tables.items():
            named = {PurePosixPath(part.file).stem for part in parts}
            held = {number for part in parts for number in range(_numbers(part.file)[0], _numbers(part.file)[1] + 1)}
            for path in (self.folder / table).glob("part-*"):
                first, last = _numbers(path.name)
                if path.name.partition(".")[0] not in named and held.issuperset(range(first, last + 1)):
                    path.unlink()
            sync_folder(self.folder / table)

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
        parts = self.manifest.tables.setdefault(table, [])
        # If a crash left a part that is not in the manifest, it has this name and is replaced.
        parts.append(self._written(table, f"part-{len(parts) + 1:06d}.parquet", frame, segment))

    def _written(self, table: str, name: str, frame: pl.DataFrame, segment: int | None) -> Part:
        """Write a frame as a durable part."""
        folder = self.folder / table
        folder.mkdir(exist_ok=True)
        path = folder / name
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
        return part
