"""Parquet parts: how journal records become durable tables of a session, and how the parts of a table are read."""

from __future__ import annotations

import io
import os
import re
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from hftlab.errors import SessionError, SessionTooNew
from hftlab.session.journal_record import Record
from hftlab.session.manifest import File, Manifest, Part, sync_folder, write_manifest
from hftlab.session.object_path import Location, ObjectPath
from hftlab.session.state_index import SCHEMA, Group, byte_ranges, symbol_rows
from hftlab.session.table_ids import INDEX, TableId
from hftlab.session.tables import KEYS, TABLES, read_tables

__all__ = ["ROW_GROUP", "Parts", "row_groups", "scan_parts"]

ROW_GROUP: Final = 4096
"""Rows of a row group, the least that a seek reads, or the rows of one message if it has more symbols."""
_LARGE_ROW_GROUP: Final = 64 * 1024
"""Rows of a row group in tables that are read as a whole only."""
_NAME: Final = re.compile(r"part-([0-9]+)(?:-([0-9]+))?(?:\.[0-9a-f]{8})?\.(?:parquet|tmp)")
"""Name of a part: its number, or the first and the last of those that it was made of, and maybe its checksum, which
tells it on an object store from one that it has replaced."""
_UNFINISHED: Final = ".tmp"
"""Ending of a file that is being written."""
_SEARCHED: Final = ["message", "ts_recv", "ts_event", "symbol"]
"""Columns with statistics. In small row groups those of all others would be longer than what they save."""
_UNIQUE: Final = ("id", "payload")
"""Texts of which each row has its own."""


def scan_parts(
    paths: Sequence[Location],
    schema: pl.Schema | None,
    defaults: Mapping[str, Any] | None = None,
    *,
    of_folders: pl.Schema | None = None,
) -> pl.LazyFrame:
    """Read parts of one table. A column of `schema` that older parts lack is its default in their rows, else null.

    Columns `of_folders` are in the folders' names, as in date=2026-01-02: a filter of them leaves whole files out.
    """
    first, options = paths[0], {}
    if isinstance(first, ObjectPath):
        options = {**first.polars_options, "glob": False}  # a name on an object store may hold an asterisk
    if of_folders:
        options |= {"hive_partitioning": True, "hive_schema": of_folders}
    sources: list[Any] = [path if isinstance(path, Path) else str(path) for path in paths]
    frame = pl.scan_parquet(sources, schema=schema, missing_columns="insert", extra_columns="ignore", **options)
    if schema is None:
        return frame
    frame = frame.select(*(of_folders or ()), *schema.names())
    return frame.with_columns(pl.col(name).fill_null(value) for name, value in defaults.items()) if defaults else frame


def _table_of(folder: str) -> TableId | None:
    return next((one for one in TableId if one.folder == folder), None)


def _numbers(file: str) -> range:
    """Return the numbers in a part's name, those of the parts that it was made of. Names of others have none."""
    found = _NAME.fullmatch(PurePosixPath(file).name)
    return range(0) if found is None else range(int(found[1]), int(found[2] or found[1]) + 1)


def _named(part: Part) -> range:
    numbers = _numbers(part.file)
    if not numbers:
        raise SessionError(
            f"{part.file} cannot be joined with others: name it in the way of part-000001.parquet, also in the manifest"
        )
    return numbers


class Parts:
    """Parquet side of a session that is written: its folder, and the manifest that is kept in step with it."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder, self.manifest = folder, manifest
        self._durable: set[str] = set()
        """Tables' folders that are certain to be there after a power failure."""

    def add_segment(self, number: int, records: Iterable[Record]) -> None:
        """Write one part per table for the records of a journal segment; the manifest is on disk when this returns.

        Records must have numbers, which rise.
        """
        payloads: defaultdict[TableId, list[bytes]] = defaultdict(list)
        keys: defaultdict[TableId, dict[str, list[Any]]] = defaultdict(lambda: {name: [] for name in KEYS})
        manifest = self.manifest
        for number_of_table, ts_recv, payload, account, clock, place, reason in records:
            table = self._known(number_of_table)
            payloads[table].append(payload)
            columns = keys[table]
            columns["message"].append(place)
            columns["ts_recv"].append(ts_recv)
            columns["account"].append(account)
            columns["ts_clock"].append(clock)
            columns["reason"].append(reason)
            manifest.messages += table != TableId.CONTROL
            manifest.started = ts_recv if manifest.started is None else manifest.started
            manifest.ended = ts_recv
        frames = read_tables(payloads, {table: pl.DataFrame(columns, schema=KEYS) for table, columns in keys.items()})
        for table, frame in frames.items():
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
        known = _table_of(table)
        defaults = None if known is None else TABLES[known].defaults
        frame = scan_parts([self.folder / part.file for part in old], schema, defaults).collect()
        name = "-".join(f"{number:06d}" for number in (_named(old[0])[0], _named(old[-1])[-1]))
        segments = [part.segment for part in old if part.segment is not None]
        new = self._written(table, name, frame, max(segments, default=None))
        parts = self.manifest.tables[table]
        at = parts.index(old[0])
        parts[at : at + len(old)] = [new]
        write_manifest(self.folder, self.manifest)

    def remove_leftovers(self) -> None:
        """Delete the files that an interruption has left: parts whose rows others have, and unfinished ones."""
        for table, parts in self.manifest.tables.items():
            named = {PurePosixPath(part.file).stem for part in parts}
            held = {number for part in parts for number in _numbers(part.file)}
            for path in (self.folder / table).glob("part-*"):
                numbers = _numbers(path.name)  # a copy that somebody made has none
                if numbers and (path.suffix == _UNFINISHED or (path.stem not in named and held.issuperset(numbers))):
                    path.unlink()
            sync_folder(self.folder / table)
        indexes = {part.index.file for parts in self.manifest.tables.values() for part in parts if part.index}
        for path in (self.folder / INDEX).glob("*-[0-9]*"):
            if path.suffix in (".parquet", _UNFINISHED) and f"{INDEX}/{path.name}" not in indexes:
                path.unlink()

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
        parts.append(self._written(table, f"{len(parts) + 1:06d}", frame, segment))

    def _written(self, table: str, name: str, frame: pl.DataFrame, segment: int | None) -> Part:
        """Write a frame as a durable part with its index, under a name that is unique in its table."""
        known = _table_of(table)
        index = None
        if known is None:
            sink = io.BytesIO()
            frame.write_parquet(sink, compression="zstd", row_group_size=_LARGE_ROW_GROUP)
            data = sink.getbuffer()
        else:
            cuts = [0, *row_groups(frame["message"].to_numpy())]
            data = _parquet(frame, cuts)
            index = self._store(INDEX, f"{table}-{name}.parquet", _index(known, frame, cuts, data))
        file = self._store(table, f"part-{name}.parquet", data)
        part = Part(file=file.file, rows=frame.height, size=file.size, crc32=file.crc32, segment=segment, index=index)
        if frame.height:
            part.started, part.ended = frame["ts_recv"][0], frame["ts_recv"][-1]
            if known is not None:
                part.first, part.last = frame["message"][0], frame["message"][-1]
        return part

    def _store(self, folder: str, name: str, data: memoryview) -> File:
        """Write a file in one step: when this returns it is durable, and so is the folder that names it."""
        inside = self.folder / folder
        if folder not in self._durable:
            inside.mkdir(exist_ok=True)  # it may be there from an attempt that failed before it was durable
            sync_folder(self.folder)
            self._durable.add(folder)
        temporary = (inside / name).with_suffix(_UNFINISHED)
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(inside / name)
        sync_folder(inside)
        return File(file=f"{folder}/{name}", size=len(data), crc32=zlib.crc32(data))


def row_groups(numbers: np.ndarray[Any, np.dtype[np.int64]]) -> Iterator[int]:
    """Yield the row behind each row group: about ROW_GROUP rows, and never a part of a message."""
    stop = 0
    while stop < len(numbers):
        last = min(stop + ROW_GROUP, len(numbers)) - 1
        stop = int(np.searchsorted(numbers, numbers[last], side="right"))
        yield stop


def _parquet(frame: pl.DataFrame, cuts: list[int]) -> memoryview:
    rows = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
    sink = io.BytesIO()
    texts: list[str] = []
    counters: list[str] = []
    for path, kind in _leaves(rows.schema):
        if pa.types.is_large_string(kind) and path not in _UNIQUE:
            texts.append(path)
        elif pa.types.is_int64(kind):
            # Times and numbers rise by little; counts of orders within the levels are few different ones.
            (texts if "." in path else counters).append(path)
    writer = pq.ParquetWriter(
        sink,
        rows.schema,
        compression="zstd",
        use_dictionary=texts,
        column_encoding=dict.fromkeys(counters, "DELTA_BINARY_PACKED"),
        write_statistics=_SEARCHED,
        write_page_checksum=True,
    )
    with writer:
        for start, stop in pairwise(cuts):
            writer.write_table(rows.slice(start, stop - start), row_group_size=stop - start)
    return sink.getbuffer()


def _leaves(fields: Iterable[Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the columns that Parquet has for nested ones: where they are, and their type."""
    for field in fields:
        place, kind = f"{path}{field.name}", field.type
        while pa.types.is_large_list(kind):
            place, kind = f"{place}.list.element", kind.value_type
        if pa.types.is_struct(kind):
            yield from _leaves(kind, f"{place}.")
        else:
            yield place, kind


def _index(table: TableId, frame: pl.DataFrame, cuts: list[int], data: memoryview) -> memoryview:
    numbers, times = frame["message"].to_list(), frame["ts_recv"].to_list()
    ends = [(numbers[a], numbers[b - 1], times[a], times[b - 1]) for a, b in pairwise(cuts)]
    places = byte_ranges(data)
    groups = [
        {
            "group": group,
            **dict(zip(Group._fields, (*place, *(ends[group] if group < len(ends) else ())), strict=False)),
        }
        for group, place in enumerate(places)
    ]
    of_groups = pl.DataFrame(groups, schema_overrides=SCHEMA)
    rows = pl.concat([pl.DataFrame(schema=SCHEMA), of_groups, symbol_rows(table, frame, cuts)], how="diagonal")
    sink = io.BytesIO()
    rows.sort("group", "symbol", nulls_last=False).write_parquet(sink, compression="zstd", statistics=False)
    return sink.getbuffer()
