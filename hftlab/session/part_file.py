"""One part of a table, read a row group at a time and verified as far as it is read."""

from __future__ import annotations

import io
import os
import zlib
from collections.abc import Callable
from itertools import pairwise
from typing import Any, Final

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from hftlab.errors import SessionDamaged
from hftlab.session.fetched_part import FetchedPart
from hftlab.session.manifest import File, Part, checksum
from hftlab.session.object_path import Location, ObjectPath
from hftlab.session.parts import row_groups
from hftlab.session.state_index import Group, StateIndex, symbol_rows
from hftlab.session.table_ids import TableId

__all__ = ["PartFile", "check_size", "read_part", "verify_file"]


def check_size(folder: Location, part: Part | File) -> None:
    """Raise SessionDamaged for a file that is not there, or has not the size that the manifest says."""
    path = folder / part.file
    if not path.is_file():
        raise _missing(path)
    if path.stat().st_size != part.size:
        raise _damaged(path)


def verify_file(folder: Location, part: Part | File) -> None:
    """Raise SessionDamaged for a file that is not as recorded, by reading all of it."""
    check_size(folder, part)
    path = folder / part.file
    try:
        actual = checksum(path)
    except FileNotFoundError:  # an object that is gone since its folder was listed
        raise _missing(path) from None
    if actual != part.crc32:
        raise _damaged(path)


def read_part(folder: Location, part: Part) -> bytes:
    """Return the bytes of a part. Raises SessionDamaged if they are not as recorded."""
    check_size(folder, part)
    path = folder / part.file
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise _missing(path) from None
    if zlib.crc32(data) != part.crc32:
        raise _damaged(path)
    return data


class PartFile:
    """Part of a table, opened when it is first asked for something. Times are ts_recv in ns.

    Each row group is compared with its checksum in the part's index, whenever it is read. A part without an index, as
    older versions wrote them, is one whole, and so is one whose index is damaged: it is compared with the manifest's
    checksum, and what the index would say is found in its rows.
    """

    def __init__(self, folder: Location, part: Part, table: TableId) -> None:
        self.part, self.table = part, table
        self._folder = folder
        self.path: Location = folder / part.file
        self._index: StateIndex | None = None
        self._file: Any = None
        self._process = os.getpid()
        self._whole: pa.Table | None = None

    @property
    def groups(self) -> list[Group]:
        """The part's row groups."""
        return self.index.groups

    @property
    def index(self) -> StateIndex:
        """Index of the part: its row groups, and in which of them the state of each symbol is."""
        if self._index is None:
            data = self._index_bytes()
            self._index = self._made_index() if data is None else StateIndex(pl.read_parquet(io.BytesIO(data)))
        return self._index

    @property
    def started(self) -> int:
        """Time of its first message (ts_recv, ns)."""
        if self.part.started is None:
            return self._sole().started
        return self.part.started

    @property
    def first(self) -> int:
        """The number of its first message."""
        if self.part.first is None:
            return self._sole().first
        return self.part.first

    def _sole(self) -> Group:
        """Return the first row group, without keeping in memory what was read to find it."""
        had = self._index is not None
        group = self.groups[0]
        if not had:
            self.close()
        return group

    def place(self, at: int) -> int:
        """Return the last row group that starts at or before `at`, -1 if there is none."""
        return int(np.searchsorted([group.started for group in self.groups], at, side="right")) - 1

    def group_of(self, number: int) -> int:
        """Return the row group in which a message is, if it is in this part."""
        return int(np.searchsorted([group.first for group in self.groups], number, side="right")) - 1

    def read(self, group: int, *, use_threads: bool = False, until: int = 0) -> pa.Table:
        """Read a row group; with `use_threads` on all cores. Raises SessionDamaged if it is not as recorded.

        `until` is the row group behind those that are read next, if that is known: of an object store these are fetched
        with it.
        """
        index = self.index
        if index.footer is None:
            self._whole = whole = self._read_whole() if self._whole is None else self._whole
            start, stop, *_ = index.groups[group]
            return whole.slice(start, stop - start)
        if isinstance(self.path, ObjectPath):
            return self._of_object(self.path, lambda fetched: fetched.read(group, until, use_threads=use_threads))
        if self._file is None or os.getpid() != self._process:
            # In a fork the parent's reader may have been stopped in the middle.
            self._process = os.getpid()
            self._check(*index.footer)
            self._file = self._parsed(lambda: pq.ParquetFile(self.path, memory_map=False))
        self._check(*index.groups[group][:3])
        return self._parsed(lambda: self._file.read_row_group(group, use_threads=use_threads))

    def close(self) -> None:
        """Close the file; the next read opens it again."""
        if self._file is not None:
            self._file.close()
        self._file = self._whole = None

    def _of_object(self, path: ObjectPath, read: Callable[[FetchedPart], pa.Table]) -> pa.Table:
        index = self.index
        assert index.footer is not None
        try:
            if self._file is None or os.getpid() != self._process:
                self._process = os.getpid()
                self._file = FetchedPart(path, self.part.size, index.footer, index.groups)
            return read(self._file)
        except FileNotFoundError:
            raise _missing(path) from None
        except (pa.ArrowException, ValueError, EOFError, OSError) as exc:
            raise _damaged(path) from exc

    def _check(self, start: int, stop: int, crc32: int) -> None:
        """Compare some bytes of the part with their checksum."""
        try:
            with self.path.open("rb", buffering=0) as file:
                if os.fstat(file.fileno()).st_size != self.part.size:
                    raise _damaged(self.path)
                file.seek(start)
                data = file.read(stop - start)
        except FileNotFoundError:
            raise _missing(self.path) from None
        if zlib.crc32(data) != crc32:
            raise _damaged(self.path)

    def _parsed(self, read: Any) -> Any:
        try:
            return read()
        except (pa.ArrowException, OSError) as exc:
            raise _damaged(self.path) from exc

    # --- without an index ---

    def _index_bytes(self) -> bytes | None:
        """Return the bytes of the index, None if there is none or it is damaged: it can be made again."""
        file = self.part.index
        if file is None:
            return None
        try:
            data = (self._folder / file.file).read_bytes()
        except OSError:
            return None
        return data if len(data) == file.size and zlib.crc32(data) == file.crc32 else None

    def _read_whole(self) -> pa.Table:
        data = read_part(self._folder, self.part)
        return self._parsed(lambda: pq.read_table(io.BytesIO(data), use_threads=False))

    def _made_index(self) -> StateIndex:
        self._whole = whole = self._read_whole()
        names = ["message", "ts_recv", *_SEARCHED.get(self.table, ())]
        rows = pl.DataFrame(pl.from_arrow(whole.select([name for name in names if name in whole.column_names])))
        if "encoding" in names and "encoding" not in rows.columns:
            rows = rows.with_columns(encoding=pl.lit(None, pl.String))  # older versions recorded nothing but text
        numbers, times = rows["message"], rows["ts_recv"]
        cuts = [0, *row_groups(numbers.to_numpy())]
        made = StateIndex(symbol_rows(self.table, rows, cuts))
        # A slice of the table in memory takes the place of the bytes in the file.
        made.groups = [
            Group(start, stop, 0, numbers[start], numbers[stop - 1], times[start], times[stop - 1])
            for start, stop in pairwise(cuts)
        ]
        return made


_SEARCHED: Final = {
    TableId.MARKET_DATA: ["symbol", "bids", "asks", "last_trade"],
    TableId.MESSAGES: ["symbol", "type", "payload", "encoding"],
}


def _missing(path: Location) -> SessionDamaged:
    changed = "replaced" if isinstance(path, ObjectPath) else "compacted or replaced"
    return SessionDamaged(
        f"{path} is missing: open the session again if it was {changed} since, or restore it from a copy", path=path
    )


def _damaged(path: Location) -> SessionDamaged:
    return SessionDamaged(
        f"{path} is damaged (its checksum is not the one in the manifest): restore it from a copy; the other "
        "parts of the session are not affected",
        path=path,
    )
